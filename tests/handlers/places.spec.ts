import { test } from '@japa/runner'
import { isGlob, matches } from '../../src/handlers/cleanup/rule.ts'
import { AddressGuard } from '../../src/handlers/http/addresses.ts'
import { HostList } from '../../src/handlers/http/hosts.ts'

test.group('almanac.http | which addresses', () => {
  const guard = new AddressGuard([])

  test('{$self} is public')
    .with(['1.1.1.1', '8.8.8.8', '172.15.255.255', '172.32.0.1', '100.128.0.1', '2606:4700::1111'])
    .run(({ assert }, address) => assert.isTrue(guard.permits(address)))

  test('{$self} is not')
    .with([
      '0.0.0.0',
      '10.255.255.255',
      '100.64.0.1',
      '127.0.0.1',
      '127.255.255.254',
      '169.254.169.254',
      '172.16.0.1',
      '172.31.255.255',
      '192.168.0.1',
      '198.18.0.1',
      '224.0.0.1',
      '255.255.255.255',
      '::',
      '::1',
      '::127.0.0.1',
      '::ffff:127.0.0.1',
      '::ffff:8.8.8.8',
      '64:ff9b::7f00:1',
      '2002:7f00:1::',
      '2001::1',
      'fd12:3456::1',
      'fe80::1%eth0',
      'ff02::1',
      'localhost',
      '',
    ])
    .run(({ assert }, address) => assert.isFalse(guard.permits(address)))

  test('a network that is allowed opens nothing else', ({ assert }) => {
    const open = new AddressGuard(['10.1.0.0/16', 'fd00:1::/32', '127.0.0.1'])
    assert.isTrue(['10.1.2.3', 'fd00:1::9', '127.0.0.1'].every((one) => open.permits(one)))
    const others = ['10.2.0.1', 'fd00:2::9', '127.0.0.2', '::ffff:10.1.2.3', '::ffff:127.0.0.1']
    assert.isFalse(others.some((one) => open.permits(one)))
  })
})

test.group('almanac.http | which hosts', () => {
  const hosts = new HostList(['api.test', '*.parts.test', 'intern:8080', '[2001:DB8::1]'])

  test('{$self} is allowed')
    .with([
      'https://api.test/',
      'http://API.test.:80/x',
      'https://a.parts.test',
      'https://a.b.parts.test',
      'http://intern:8080',
      'https://[2001:db8:0::1]/',
    ])
    .run(({ assert }, url) => assert.isTrue(hosts.includes(new URL(url))))

  test('{$self} is not')
    .with([
      'https://api.test:8443/',
      'http://api.test:443/',
      'https://parts.test',
      'https://xparts.test',
      'https://api.test.evil.net',
      'http://intern/',
      'https://[2001:db8::2]/',
    ])
    .run(({ assert }, url) => assert.isFalse(hosts.includes(new URL(url))))
})

test.group('almanac.cleanup | which files', () => {
  test('{glob} and {path}: {hit}')
    .with([
      { glob: '**', path: 'a/b/c.txt', hit: true },
      { glob: '**', path: 'a/.hidden', hit: false },
      { glob: '**', path: '.git/config', hit: false },
      { glob: '.*', path: '.hidden', hit: true },
      { glob: '*.csv', path: 'a.csv', hit: true },
      { glob: '*.csv', path: 'a/b.csv', hit: false },
      { glob: '**/*.csv', path: 'b.csv', hit: true },
      { glob: 'log-?.[tc]*', path: 'log-1.txt', hit: true },
    ])
    .run(({ assert }, { glob, path, hit }) => {
      assert.isTrue(isGlob(glob))
      assert.equal(matches({ match: [glob] }, path), hit)
    })

  test('the slowest glob that is taken is quick', ({ assert }) => {
    const glob = ['**', '**', '**', '*a*a*'].join('/')
    assert.isTrue(isGlob(glob))
    const path = `${'aaaaaaaa/'.repeat(60)}${'a'.repeat(254)}b/.x`
    assert.isFalse(matches({ match: [glob] }, path))
  })
})
