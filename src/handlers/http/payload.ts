import { validateHeaderName, validateHeaderValue } from 'node:http'
import { HTTP_HANDLER } from '../names.ts'
import { PayloadReader } from '../payload.ts'
import type { HttpConfig, Secret } from './config.ts'
import type { HttpCall } from './exchange.ts'

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const
const HIDDEN = ['authorization', 'cookie', 'proxy-authorization', 'x-api-key', 'x-auth-token']
/** Node and the connection write them. */
const OWN = ['host', 'connection', 'content-length', 'transfer-encoding', 'upgrade', 'expect', 'te']

export interface HttpPayload {
  url: string
  /** Default GET. */
  method?: (typeof METHODS)[number]
  /** A text, or the name of a secret in config: `{ secret: 'CRM_TOKEN' }`. */
  headers?: Record<string, string | { secret: string }>
  /** Sent as JSON. */
  json?: unknown
  /** Sent as it is. */
  body?: string
  /** Statuses that are a success. Default: 200 to 299. */
  expect?: number | number[]
  /** Longest whole exchange; at most that of config. */
  timeout?: number | string
  /** Redirects that are followed; at most those of config. */
  redirects?: number
  /** Whether the answer's body becomes part of the result. Default true. */
  keepBody?: boolean
}

export interface ValidCall extends HttpCall {
  expects(status: number): boolean
  keepBody: boolean
}

/** @throws Failed with every problem of the payload */
export function readPayload(payload: unknown, config: HttpConfig): ValidCall {
  const reader = new PayloadReader(payload)
  const url = readUrl(reader, config)
  const method = reader.oneOf('method', 'GET', METHODS)
  const body = readBody(reader, method)
  const { headers, secrets } = readHeaders(reader, config)
  const call = {
    url,
    method,
    headers: { ...body.headers, ...headers },
    secrets,
    body: body.bytes,
    expects: readExpected(reader),
    timeout: reader.duration('timeout', config.timeout) ?? config.timeout,
    redirects:
      reader.integer('redirects', { min: 0, max: config.maxRedirects }) ?? config.maxRedirects,
    keepBody: reader.boolean('keepBody', true),
  }
  reader.finish(HTTP_HANDLER)
  return { ...call, url: url as URL }
}

function readUrl(reader: PayloadReader, { hosts }: HttpConfig): URL {
  const none = new URL('https://invalid.invalid')
  const text = reader.text('url', 8_000, 'give the URL to ask, such as "https://api.example.com/"')
  if (text === undefined) {
    return none
  }
  const url = URL.parse(text)
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    reader.report('url', text, 'give a whole URL that begins with https:// or http://')
    return none
  }
  if (url.username !== '' || url.password !== '') {
    const remedy = 'take user and password out; name a secret in headers instead'
    reader.report('url', `${url.protocol}//…@${url.host}`, remedy)
  }
  if (!hosts.includes(url)) {
    reader.report('url', url.origin, 'add its host to builtIn.http.hosts in config/almanac.ts')
  }
  return url
}

function readBody(
  reader: PayloadReader,
  method: string
): { bytes: Buffer | null; headers: Record<string, string> } {
  const json = reader.take('json')
  const text = reader.take('body')
  const given = json !== undefined || text !== undefined
  if (given && (method === 'GET' || method === 'HEAD')) {
    reader.report('method', method, 'choose a method that takes a body, such as POST')
  }
  if (json !== undefined && text !== undefined) {
    reader.report('body', text, 'give json or body, not both')
  }
  if (text !== undefined && typeof text !== 'string') {
    reader.report('body', text, 'give a text; what is to be JSON goes into json')
  }
  if (!given) {
    return { bytes: null, headers: {} }
  }
  const bytes = Buffer.from(json === undefined ? String(text) : JSON.stringify(json))
  const type = json === undefined ? 'text/plain; charset=utf-8' : 'application/json'
  return { bytes, headers: { 'content-type': type, 'content-length': String(bytes.length) } }
}

function readHeaders(reader: PayloadReader, config: HttpConfig) {
  const headers: Record<string, string> = {}
  const secrets = new Map<string, Secret>()
  const given = reader.take('headers') ?? {}
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    reader.report('headers', given, 'give an object of headers by name')
    return { headers, secrets }
  }
  for (const [header, value] of Object.entries(given)) {
    const name = header.toLowerCase()
    const field = `headers.${header}`
    if (!isName(name) || OWN.includes(name)) {
      reader.report(field, header, 'give the name of a header that may be set')
    } else if (Object.hasOwn(headers, name) || secrets.has(name)) {
      reader.report(field, header, 'the header is given twice, in capitals or not; give it once')
    } else if (typeof value === 'string') {
      readPlain(reader, name, value, headers)
    } else {
      const secret = config.secrets.get(secretName(value) ?? '')
      if (secret) {
        secrets.set(name, secret)
      } else {
        const names = [...config.secrets.keys()].join(', ') || 'none'
        const remedy = `give a text, or { secret } with a name of builtIn.http.secrets (${names})`
        reader.report(field, value, remedy)
      }
    }
  }
  return { headers, secrets }
}

function readPlain(
  reader: PayloadReader,
  name: string,
  value: string,
  headers: Record<string, string>
): void {
  if (HIDDEN.includes(name)) {
    const remedy = `write { secret: "NAME" }, and its value into builtIn.http.secrets`
    reader.report(`headers.${name}`, '(not shown)', remedy)
  } else if (isValue(name, value)) {
    headers[name] = value
  } else {
    reader.report(`headers.${name}`, value, 'remove the characters that no header takes')
  }
}

function readExpected(reader: PayloadReader): (status: number) => boolean {
  const value = reader.take('expect')
  if (value === undefined) {
    return (status) => status >= 200 && status <= 299
  }
  const list: unknown[] = Array.isArray(value) ? value : [value]
  const fits = (one: unknown) => Number.isInteger(one) && Number(one) >= 200 && Number(one) <= 599
  if (list.length === 0 || !list.every(fits)) {
    reader.report('expect', value, 'give a status from 200 to 599, or a list of them')
  }
  return (status) => list.includes(status)
}

function secretName(value: unknown): string | null {
  const { secret, ...rest } = (value ?? {}) as { secret?: unknown }
  return typeof secret === 'string' && Object.keys(rest).length === 0 ? secret : null
}

function isName(name: string): boolean {
  return passes(() => validateHeaderName(name))
}

function isValue(name: string, value: string): boolean {
  return passes(() => validateHeaderValue(name, value))
}

function passes(check: () => void): boolean {
  try {
    check()
    return true
  } catch {
    return false
  }
}
