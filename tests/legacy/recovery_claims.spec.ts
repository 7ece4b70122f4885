import { test } from '@japa/runner'
import {
  ClaimNames,
  bootPrefix,
  isSessionOf,
  nodeNameOf,
  parseClaim,
  sessionIdOf,
} from '../../src/legacy/claims.ts'
import { KnownNodes } from '../../src/legacy/known_nodes.ts'
import type { NodeRecord } from '../../src/storage/contract.ts'

function record(id: string): NodeRecord {
  return { id, name: id, host: 'h', pid: 1, startedAt: 0, seenAt: 0, info: {} }
}

test.group('Claims', () => {
  test('are unique, at most 64 characters, and tell their boot', ({ assert }) => {
    const names = new ClaimNames(`${'n'.repeat(40)}.0a1b2c3d`)
    const claims = Array.from({ length: 2_000 }, () => names.next())
    assert.lengthOf(new Set(claims), 2_000)
    const prefix = `${'n'.repeat(40)}.0a1b2c3d.`
    assert.isTrue(claims.every((claim) => claim.length <= 64 && claim.startsWith(prefix)))
    assert.deepEqual(parseClaim(claims[35]), {
      name: 'n'.repeat(40),
      boot: '0a1b2c3d',
      claim: '10',
    })
  })

  test('keep a node name with dots apart from the boot', ({ assert }) => {
    assert.deepEqual(nodeNameOf('web-1.example.org.0a1b2c3d'), {
      name: 'web-1.example.org',
      boot: '0a1b2c3d',
    })
    const claim = new ClaimNames('web-1.example.org.0a1b2c3d').next()
    assert.equal(parseClaim(claim)?.name, 'web-1.example.org')
  })

  test('fit the column whatever the node is called', ({ assert }) => {
    const claim = new ClaimNames(`${'ö / '.repeat(60)}.0a1b2c3d`).next()
    assert.isAtMost(Buffer.byteLength(claim), 64)
    assert.match(claim, /^[\w.-]+$/)
    assert.match(bootPrefix('no boot'), /^no_boot\.[0-9a-f]{8}\.$/)
  })

  test('of other programs are told apart: {$self}')
    .with(['sched01', 'host.1234', 'n1.0a1b2c3d', 'n1.0A1B2C3D.1', 'n1.0a1b2c3d.x y', ''])
    .run(({ assert }, text) => {
      assert.isNull(parseClaim(text))
    })
})

test.group('Session ids', () => {
  test('are exact numbers that tell the node', ({ assert }) => {
    const one = sessionIdOf('n1.0a1b2c3d')
    assert.isTrue(Number.isSafeInteger(one))
    assert.notEqual(one, sessionIdOf('n1.0a1b2c3e'))
    assert.isTrue(isSessionOf(one, 'n1'))
    assert.isFalse(isSessionOf(one, 'n2'))
  })

  test('of other programs are not ours: {$self}')
    .with([null, 0, -1, 4_294_967_295, 281_474_976_710_655])
    .run(({ assert }, session) => {
      assert.isFalse(isSessionOf(session, 'n1'))
    })
})

test.group('Known nodes', () => {
  test('judge a claim by the registry', async ({ assert }) => {
    const registry = [record('n1.00000001'), record('n2.00000002')]
    const nodes = new KnownNodes({ nodeId: 'n1.00000001', nodes: async () => registry })
    await nodes.refresh()
    assert.equal(nodes.ownerOf('n1.00000001.1'), 'this boot')
    assert.equal(nodes.ownerOf('n2.00000002.1'), 'live')
    assert.equal(nodes.ownerOf('n1.00000009.1'), 'dead')
    assert.equal(nodes.ownerOf('n3.00000002.1'), 'foreign')
    assert.equal(nodes.ownerOf('sched01'), 'foreign')
  })

  test('remember a node that has left the registry', async ({ assert }) => {
    const registry = [record('n1.00000001'), record('n2.00000002')]
    const nodes = new KnownNodes({ nodeId: 'n1.00000001', nodes: async () => registry })
    await nodes.refresh()
    registry.pop()
    await nodes.refresh()
    assert.equal(nodes.ownerOf('n2.00000002.1'), 'dead')
    assert.isTrue(nodes.hasSession(sessionIdOf('n2.00000002')))
    assert.isFalse(nodes.hasSession(sessionIdOf('n4.00000002')))
  })

  test('forget one that is gone and has left nothing', async ({ assert }) => {
    const registry = [record('n1.00000001'), record('n2.00000002'), record('n3.00000003')]
    const nodes = new KnownNodes({ nodeId: 'n1.00000001', nodes: async () => registry })
    await nodes.refresh()
    registry.splice(1, 1)
    await nodes.refresh()
    nodes.forget((name) => name === 'n2')
    assert.sameMembers(nodes.names, ['n1', 'n2', 'n3'])
    registry.splice(0, 2)
    await nodes.refresh()
    nodes.forget(() => false)
    assert.deepEqual(nodes.names, ['n1'])
  })
})
