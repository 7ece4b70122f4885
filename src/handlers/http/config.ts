import type { ConfigReader } from '../../config/reader.ts'
import type { Duration } from '../../duration.ts'
import { E_INVALID_CONFIG } from '../../errors.ts'
import { readOptions, type BuiltInOptions } from '../options.ts'
import { AddressGuard, isNetwork } from './addresses.ts'
import { HOST_REMEDY, HostList } from './hosts.ts'

/** A value that payloads name and never see. */
export interface SecretInput {
  value: string
  /** The only hosts that it is sent to. */
  hosts: string[]
  /** Whether it may also travel over plain http. Default false. */
  plain?: boolean
}

export interface HttpInput {
  /** Hosts that may be asked: `api.example.com`, `*.example.com`, `intern:8080`. Without a port: 443 and 80. */
  hosts: string[]
  /** Networks (CIDR) that may be reached although they are private. Default: none. */
  privateNetworks?: string[]
  /** By the name that payloads give. */
  secrets?: Record<string, SecretInput>
  /** Longest whole exchange, with redirects. Default `30s`. */
  timeout?: Duration
  /** Default 5. */
  maxRedirects?: number
  /** Bytes of a body that is received. Default 1 MiB. */
  maxResponse?: number
  /** Characters of a body that become part of the result. Default 65,536. */
  maxKept?: number
  options?: BuiltInOptions
}

export interface Secret {
  value: string
  hosts: HostList
  plain: boolean
}

export interface HttpConfig {
  hosts: HostList
  guard: AddressGuard
  secrets: Map<string, Secret>
  /** ms */
  timeout: number
  maxRedirects: number
  maxResponse: number
  maxKept: number
  options: BuiltInOptions
}

const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]+$/

/** @throws E_INVALID_CONFIG */
export function readHttp(reader: ConfigReader): HttpConfig {
  const config: HttpConfig = {
    hosts: readHosts(reader),
    guard: readGuard(reader),
    secrets: readSecrets(reader.section('secrets')),
    timeout: reader.duration('timeout', 30_000),
    maxRedirects: reader.number('maxRedirects', 5, { max: 20 }),
    maxResponse: reader.number('maxResponse', 1_048_576),
    maxKept: reader.number('maxKept', 65_536),
    options: readOptions(reader),
  }
  reader.end()
  return config
}

function readHosts(reader: ConfigReader): HostList {
  const hosts = reader.texts('hosts', HOST_REMEDY, (host) => HostList.accepts(host))
  return new HostList(hosts ?? reader.refuse('hosts', HOST_REMEDY))
}

function readGuard(reader: ConfigReader): AddressGuard {
  const remedy = 'give a list of networks such as "10.1.0.0/16"'
  return new AddressGuard(reader.texts('privateNetworks', remedy, isNetwork) ?? [])
}

function readSecrets(section: ConfigReader): Map<string, Secret> {
  return new Map(
    section.keys().map((name) => {
      const reader = section.section(name)
      const secret: Secret = {
        value: readValue(reader),
        hosts: readHosts(reader),
        plain: reader.boolean('plain', false),
      }
      reader.end()
      return [name, secret]
    })
  )
}

function readValue(reader: ConfigReader): string {
  const remedy = 'give a text of printable characters that fits a header'
  const value = reader.take('value')
  if (typeof value !== 'string' || !HEADER_VALUE.test(value)) {
    // Not through refuse: its message would show the value
    const state = value === undefined ? 'missing' : 'not such a text'
    throw new E_INVALID_CONFIG([reader.pathOf('value'), state, remedy])
  }
  return value
}
