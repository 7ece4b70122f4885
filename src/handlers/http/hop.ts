import { Agent as HttpAgent, request as requestHttp, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as requestHttps } from 'node:https'
import type { LookupAddress, LookupOptions } from 'node:dns'
import { isIP, type LookupFunction, type Socket } from 'node:net'
import { Failed } from '../../jobs/outcome.ts'
import type { AddressGuard } from './addresses.ts'

/** As `dns.lookup` with `all`. */
export type Resolve = (
  hostname: string,
  options: LookupOptions & { all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void
) => void

export interface Hop {
  url: URL
  method: string
  headers: Record<string, string>
  body: Buffer | null
}

export interface Answer {
  status: number
  headers: IncomingMessage['headers']
  body: Buffer
}

interface Deps {
  guard: AddressGuard
  resolve: Resolve
  /** Bytes of a body. */
  maxResponse: number
  signal: AbortSignal
}

/**
 * Sends one request, without following redirects. The address is judged
 * where the connection is made, so that a name which resolves differently the
 * second time gains nothing.
 *
 * @throws Failed on a private address and on a body that is too large
 */
export function sendHop(hop: Hop, deps: Deps): Promise<Answer> {
  const { url, method, headers, body } = hop
  const secure = url.protocol === 'https:'
  return new Promise((resolve, reject) => {
    refuseLiteral(url, deps.guard)
    const request = (secure ? requestHttps : requestHttp)(url, {
      method,
      headers: { 'accept-encoding': 'identity', ...headers },
      // Its own connection: one from a pool was judged for somebody else
      agent: secure ? new HttpsAgent() : new HttpAgent(),
      lookup: guardedLookup(deps),
      signal: deps.signal,
    })
    request.once('socket', (socket) => refuseConnected(socket, deps.guard))
    request.once('error', reject)
    // Else it would end without an answer, an error or a timeout
    request.once('upgrade', (_, upgraded) => {
      upgraded.destroy()
      reject(new Error('The server answered 101: it switches to a protocol that nobody asked for'))
    })
    request.once('response', (response) => {
      readBody(response, deps.maxResponse).then((read) => {
        const { statusCode = 0, headers: received } = response
        resolve({ status: statusCode, headers: received, body: read })
      }, reject)
    })
    request.end(body ?? undefined)
  })
}

/** `lookup` is not asked about an address. */
function refuseLiteral(url: URL, guard: AddressGuard): void {
  const bare = url.hostname.replace(/^\[|\]$/g, '')
  if (isIP(bare) !== 0 && !guard.permits(bare)) {
    throw refusal(url.hostname, bare)
  }
}

function guardedLookup({ guard, resolve }: Deps): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) {
        return callback(error, [])
      }
      const refused = addresses.find(({ address }) => !guard.permits(address))
      if (refused || addresses.length === 0) {
        return callback(refusal(hostname, refused?.address ?? 'no address'), [])
      }
      return options.all
        ? callback(null, addresses)
        : callback(null, addresses[0].address, addresses[0].family)
    })
  }
}

/** A second look, at what the connection was made to. */
function refuseConnected(socket: Socket, guard: AddressGuard): void {
  socket.once('connect', () => {
    const { remoteAddress } = socket
    if (remoteAddress !== undefined && !guard.permits(remoteAddress)) {
      socket.destroy(refusal('the connection', remoteAddress))
    }
  })
}

function refusal(host: string, address: string): Failed {
  return new Failed(
    `${host} leads to ${address}, which is not a public address; ` +
      'if that is meant, add its network to builtIn.http.privateNetworks'
  )
}

async function readBody(response: IncomingMessage, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > limit) {
      // Leaving the loop ends the connection
      throw new Failed(`The answer is larger than the ${limit} bytes of builtIn.http.maxResponse`)
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
