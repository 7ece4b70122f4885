import { sleep, type Clock } from '../../clock.ts'
import { Failed } from '../../jobs/outcome.ts'
import type { HttpConfig, Secret } from './config.ts'
import { sendHop, type Answer, type Hop, type Resolve } from './hop.ts'

const REDIRECTS = [301, 302, 303, 307, 308]
/** They keep method and body. */
const REPEATS = [307, 308]
/** Never sent on to another origin, whoever gave them. */
const CREDENTIALS = ['authorization', 'cookie', 'proxy-authorization']

export interface HttpCall extends Hop {
  /** Headers whose values config holds, by name. */
  secrets: Map<string, Secret>
  redirects: number
  /** ms, for the whole exchange */
  timeout: number
}

export interface Exchange {
  answer: Answer
  /** Where the answer came from. */
  url: URL
  redirects: number
}

interface Deps {
  config: HttpConfig
  resolve: Resolve
  clock: Clock
  signal: AbortSignal
  /** Hides what config keeps secret. */
  redact(text: string): string
}

/**
 * Asks and follows redirects. Every hop must be an allowed host at an allowed
 * address; on another origin credentials are left out.
 *
 * @throws Failed on what config does not allow
 * @throws Error when there is no answer in time
 */
export async function exchange(call: HttpCall, deps: Deps): Promise<Exchange> {
  const over = new AbortController()
  const timeout = new AbortController()
  const signal = AbortSignal.any([deps.signal, timeout.signal])
  void sleep(deps.clock, call.timeout, over.signal).then(() => {
    if (!over.signal.aborted) {
      timeout.abort()
    }
  })
  try {
    return await follow(call, { ...deps, signal })
  } catch (error) {
    deps.signal.throwIfAborted()
    if (timeout.signal.aborted) {
      const title = `${call.method} ${shownUrl(call.url)}`
      throw new Error(`${title}: no answer within ${call.timeout} ms`, { cause: error })
    }
    throw error
  } finally {
    over.abort()
  }
}

async function follow(call: HttpCall, deps: Deps): Promise<Exchange> {
  let hop: Hop = { ...call, headers: withSecrets(call) }
  for (let redirects = 0; ; redirects++) {
    refuseUrl(hop.url, deps.config)
    const { guard, maxResponse } = deps.config
    const answer = await sendHop(hop, { ...deps, guard, maxResponse })
    const location = REDIRECTS.includes(answer.status) ? answer.headers.location : undefined
    if (location === undefined || call.redirects === 0) {
      return { answer, url: hop.url, redirects }
    }
    if (redirects === call.redirects) {
      throw new Failed(
        `More than ${redirects} redirects, the last to ${deps.redact(shownLocation(location))}`
      )
    }
    hop = nextHop(hop, answer.status, targetOf(location, hop.url), call)
  }
}

function withSecrets({ url, headers, secrets }: HttpCall): Record<string, string> {
  const all = { ...headers }
  for (const [header, secret] of secrets) {
    if (!secret.hosts.includes(url) || (url.protocol !== 'https:' && !secret.plain)) {
      throw new Failed(
        `The secret of header "${header}" is not for ${url.origin}: see its hosts (and plain, for http) in builtIn.http.secrets`
      )
    }
    all[header] = secret.value
  }
  return all
}

/** Once an origin was left, credentials do not come back with a redirect home. */
function nextHop(hop: Hop, status: number, url: URL, call: HttpCall): Hop {
  const repeats = REPEATS.includes(status) || hop.method === 'GET' || hop.method === 'HEAD'
  const left = new Set<string>(url.origin === hop.url.origin ? [] : CREDENTIALS)
  if (url.origin !== hop.url.origin) {
    call.secrets.forEach((_, header) => left.add(header))
  }
  if (!repeats) {
    left.add('content-type').add('content-length')
  }
  const headers = Object.entries(hop.headers).filter(([name]) => !left.has(name))
  return {
    url,
    method: repeats ? hop.method : 'GET',
    headers: Object.fromEntries(headers),
    body: repeats ? hop.body : null,
  }
}

function targetOf(location: string, base: URL): URL {
  try {
    return new URL(location, base)
  } catch (error) {
    throw new Failed(`The answer redirects to an invalid URL`, { cause: error })
  }
}

/** @throws Failed */
function refuseUrl(url: URL, { hosts }: HttpConfig): void {
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw new Failed(`${url.protocol} is not followed, only https: and http:`)
  }
  if (url.username !== '' || url.password !== '') {
    throw new Failed(`A URL with a user or a password is not asked: ${url.host}`)
  }
  if (!hosts.includes(url)) {
    throw new Failed(`${url.origin} is not among the hosts that builtIn.http.hosts allows`)
  }
}

/** Without its query, which may hold a token. */
export function shownUrl(url: URL): string {
  return `${url.origin}${url.pathname}`
}

function shownLocation(location: string): string {
  return location.replace(/[?#].*$/s, '').slice(0, 200)
}
