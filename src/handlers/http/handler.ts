import type { Clock } from '../../clock.ts'
import { Failed } from '../../jobs/outcome.ts'
import type { HandlerContext } from '../../types/handlers.ts'
import type { JsonValue } from '../../types/json.ts'
import { redactor } from '../redact.ts'
import type { HttpConfig, Secret } from './config.ts'
import { exchange, shownUrl, type Exchange } from './exchange.ts'
import type { Resolve } from './hop.ts'
import { readPayload } from './payload.ts'

/** Statuses that a later try may not meet: a timeout, too early, too many; and all of 500 and above. */
const PASSING = [408, 425, 429]
/** Characters of a body that a failure shows. */
const SHOWN = 300

export interface HttpResult {
  status: number
  /** Where the answer came from, without its query. */
  url: string
  redirects: number
  contentType: string | null
  /** bytes */
  bytes: number
  /** JSON, or a text; cut at `maxKept`. Absent when it was not to be kept. */
  body?: JsonValue
  cut?: boolean
}

interface Deps {
  config: HttpConfig
  clock: Clock
  resolve: Resolve
}

/** The handler `almanac.http`: asks one of the hosts that config allows. */
export function httpHandler({ config, clock, resolve }: Deps) {
  const redact = redactor([...config.secrets.values()].flatMap(shownParts))
  return async function almanacHttp({
    payload,
    signal,
    logger,
  }: HandlerContext): Promise<HttpResult> {
    signal.throwIfAborted()
    const call = readPayload(payload, config)
    const done = await exchange(call, { config, clock, resolve, signal, redact })
    const { status, body } = done.answer
    const title = redact(`${call.method} ${shownUrl(done.url)}`)
    logger.info(`${title}: ${status}, ${body.length} bytes`, { redirects: done.redirects })
    if (!call.expects(status)) {
      throw unexpected(title, done, redact)
    }
    return resultOf(done, call.keepBody ? config.maxKept : null, redact)
  }
}

/** A server may well repeat the token alone, without the scheme before it. */
function shownParts({ value }: Secret): string[] {
  return [value, value.replace(/^\S+\s+/, '')]
}

function unexpected(title: string, { answer }: Exchange, redact: (text: string) => string): Error {
  const { status, body } = answer
  const text = redact(body.toString('utf8')).slice(0, SHOWN).toWellFormed().trim()
  const message = `${title} answered ${status}${text ? `: ${text}` : ''}`
  const again = status >= 500 || PASSING.includes(status)
  return again ? new Error(message) : new Failed(message, { result: { status } })
}

function resultOf(
  { answer, url, redirects }: Exchange,
  maxKept: number | null,
  redact: (text: string) => string
): HttpResult {
  const type = answer.headers['content-type']
  const contentType = type === undefined ? null : redact(type)
  const { status, body } = answer
  const result = { status, url: redact(shownUrl(url)), redirects, contentType, bytes: body.length }
  if (maxKept === null || body.length === 0) {
    return result
  }
  const text = redact(body.toString('utf8'))
  if (text.length > maxKept) {
    return { ...result, body: text.slice(0, maxKept).toWellFormed(), cut: true }
  }
  return { ...result, body: readText(text, contentType, redact) }
}

/** An answer that says it is JSON and is not stays a text. */
function readText(
  text: string,
  contentType: string | null,
  redact: (text: string) => string
): JsonValue {
  if (contentType === null || !/[/+]json\b/i.test(contentType)) {
    return text
  }
  try {
    // Its escapes may have hidden a secret from the look at the text
    const hide = (_: string, value: unknown) => (typeof value === 'string' ? redact(value) : value)
    return JSON.parse(text, hide) as JsonValue
  } catch {
    return text
  }
}
