import { BlockList, isIP } from 'node:net'

/**
 * Networks that are not the public internet: this machine, private and shared
 * nets, link-local (metadata services), documentation, benchmarks, multicast,
 * reserved. Source: the special-purpose address registries of RFC 6890.
 */
const PRIVATE_V4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
]
/** Also what carries an IPv4 address inside: mapped, compatible, NAT64, Teredo, 6to4. */
const PRIVATE_V6 = [
  '::/96',
  '::ffff:0:0/96',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '100::/64',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '3fff::/20',
  '5f00::/16',
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
]

const PRIVATE = networks([...PRIVATE_V4, ...PRIVATE_V6])

/** Decides which addresses may be connected to. */
export class AddressGuard {
  readonly #allowed: Networks

  /** @param allowed private networks that may be reached all the same, as CIDR */
  constructor(allowed: string[]) {
    this.#allowed = networks(allowed)
  }

  permits(address: string): boolean {
    const bare = address.replace(/%.*$/, '')
    const kind = isIP(bare)
    if (kind === 0) {
      return false
    }
    return !PRIVATE[kind === 4 ? 'v4' : 'v6'](bare) || this.#allowed[kind === 4 ? 'v4' : 'v6'](bare)
  }
}

/** Whether a text is a network such as "10.1.0.0/16" or a single address. */
export function isNetwork(text: string): boolean {
  const [address, bits, ...rest] = text.split('/')
  const most = isIP(address) === 4 ? 32 : 128
  const fits = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most)
  return isIP(address) !== 0 && fits && rest.length === 0
}

interface Networks {
  v4(address: string): boolean
  v6(address: string): boolean
}

/** Two lists: in a common one every IPv4 address would match the mapped ones of IPv6. */
function networks(list: string[]): Networks {
  const v4 = new BlockList()
  const v6 = new BlockList()
  for (const network of list) {
    const [address, bits] = network.split('/')
    if (isIP(address) === 4) {
      v4.addSubnet(address, Number(bits ?? 32), 'ipv4')
    } else {
      v6.addSubnet(address, Number(bits ?? 128), 'ipv6')
    }
  }
  return {
    v4: (address) => v4.check(address, 'ipv4'),
    v6: (address) => v6.check(address, 'ipv6'),
  }
}
