import { once } from 'node:events'
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { getActiveTest } from '@japa/runner'
import { SystemClock, type Clock } from '../../src/clock.ts'
import { httpHandler } from '../../src/handlers/http/handler.ts'
import type { Resolve } from '../../src/handlers/http/hop.ts'
import { Attempt, read } from './support.ts'

export interface Received {
  method: string
  url: string
  headers: IncomingHttpHeaders
  body: string
}

type Answer = (request: IncomingMessage, response: ServerResponse) => unknown

/** A server on every address of this machine, that keeps what it was asked. */
export async function serve(routes: Record<string, Answer>) {
  const received: Received[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => (body += chunk))
    request.on('end', () => {
      const { method = '', url = '', headers } = request
      received.push({ method, url, headers, body })
      const answer = routes[url.split('?')[0]]
      void (answer ? answer(request, response) : response.writeHead(404).end('nothing here'))
    })
  })
  server.listen(0, '0.0.0.0')
  await once(server, 'listening')
  getActiveTest()?.cleanup(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { port, received, server }
}

export const redirect =
  (location: string, status = 302): Answer =>
  (_, response) =>
    response.writeHead(status, { location }).end()

export const json =
  (value: unknown, status = 200): Answer =>
  (_, response) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))

/** Answers with the addresses of a name; after the last one the last again. */
export function resolver(names: Record<string, string[]>): Resolve & { asked: string[] } {
  const asked: string[] = []
  const resolve: Resolve = (hostname, _options, callback) => {
    asked.push(hostname)
    const list = names[hostname] ?? []
    const address = list.length > 1 ? list.shift() : list[0]
    const family = address?.includes(':') ? 6 : 4
    setImmediate(() => callback(null, address ? [{ address, family }] : []))
  }
  return Object.assign(resolve, { asked })
}

interface Options {
  settings: object
  names?: Record<string, string[]>
  clock?: Clock
}

/** One attempt of almanac.http. */
export function ask(payload: object, { settings, names = {}, clock = new SystemClock() }: Options) {
  const { http } = read({ builtIn: { http: settings } })
  const resolve = resolver(names)
  const attempt = new Attempt(httpHandler({ config: http!, clock, resolve }), payload)
  return Object.assign(attempt, { asked: resolve.asked })
}
