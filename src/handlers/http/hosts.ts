import { isIP } from 'node:net'

export const HOST_REMEDY =
  'give a list of hosts such as "api.example.com", "*.example.com" or "intern:8080"'

const DEFAULT_PORTS: Record<string, string> = { 'https:': '443', 'http:': '80' }
const NAME = /^(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/

interface Host {
  name: string
  /** null: the default port of the protocol */
  port: string | null
}

/** Hosts that config allows. */
export class HostList {
  readonly #hosts: Host[]

  constructor(hosts: string[]) {
    this.#hosts = hosts.map((host) => parse(host) as Host)
  }

  /** Whether a text names a host. */
  static accepts(host: string): boolean {
    return parse(host) !== null
  }

  includes(url: URL): boolean {
    const standard = DEFAULT_PORTS[url.protocol]
    const port = url.port || standard
    const name = url.hostname.replace(/\.$/, '')
    return this.#hosts.some((host) => port === (host.port ?? standard) && matches(host.name, name))
  }
}

function matches(pattern: string, name: string): boolean {
  return pattern.startsWith('*.') ? name.endsWith(pattern.slice(1)) : name === pattern
}

/** Brackets stand around an address of IPv6, as in a URL. */
function parse(text: string): Host | null {
  const [, name, port = null] = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(text) ?? []
  if (name === undefined || (port !== null && (Number(port) > 65_535 || Number(port) === 0))) {
    return null
  }
  const lower = name.toLowerCase()
  const isAddress = lower.startsWith('[') && isIP(lower.slice(1, -1)) === 6
  if (isAddress) {
    return { name: new URL(`http://${lower}`).hostname, port }
  }
  return NAME.test(lower) ? { name: lower, port } : null
}
