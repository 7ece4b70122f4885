import { test } from '@japa/runner'
import { bootPrefix, sessionIdOf } from '../../src/legacy/claims.ts'
import { KnownNodes } from '../../src/legacy/known_nodes.ts'
import { Recovery } from '../../src/legacy/recovery.ts'
import { RecordingLogger } from './support.ts'

const OWN = 'n1.0badcafe'
const DEAD = 'n1.00000bad'

/** A recovery over one row of MAPREF A, claimed and in progress by `owner`. */
function recoveryOver(owner: string) {
  const row = { requestId: 'R1', mapref: 'A', type: 'IMMEDIATE', payload: null }
  const claimed = { ...row, status: 'CLAIMED', claimedBy: `${bootPrefix(owner)}1` }
  const asked: string[] = []
  let duringLook = () => {}
  const executions = {
    findByDedupeKey: async () => null,
    history: async ({ concurrencyKey }: { concurrencyKey: string }) => {
      asked.push(concurrencyKey)
      return []
    },
  }
  const requests = {
    listClaimed: async () => {
      duringLook()
      return [claimed]
    },
    handBack: async () => true,
  }
  const processLogs = {
    listInProgress: async () => [{ prcid: 1, mapref: 'A', sessionid: sessionIdOf(owner) }],
  }
  const scheduler = { nodeId: OWN, nodes: async () => [{ id: OWN }], executions }
  const recovery = new Recovery({
    scheduler,
    nodes: new KnownNodes(scheduler as never),
    source: { name: 'dw' },
    connection: { session: {} },
    open: async () => ({ tables: { requests, processLogs } }),
    running: () => [],
    isInFlight: () => false,
    logger: new RecordingLogger(),
  } as never)
  return { recovery, asked, during: (work: () => void) => (duringLook = work) }
}

test.group('Recovery | of a MAPREF whose run ends here meanwhile', () => {
  test('what this boot left is passed over once, and found by the next', async ({ assert }) => {
    const { recovery, asked, during } = recoveryOver(OWN)
    during(() => recovery.ended('A'))
    assert.include(await recovery.runOnce(), { handedBack: 0 })
    assert.isEmpty(asked)
    during(() => {})
    assert.include(await recovery.runOnce(), { handedBack: 1 })
    assert.deepEqual(asked, ['legacy:dw:A'])
  })

  test('what a dead boot left is not passed over', async ({ assert }) => {
    const { recovery, asked, during } = recoveryOver(DEAD)
    during(() => recovery.ended('A'))
    assert.include(await recovery.runOnce(), { handedBack: 1 })
    assert.deepEqual(asked, ['legacy:dw:A'])
  })

  test('an end before the look says nothing about it', async ({ assert }) => {
    const { recovery, asked } = recoveryOver(OWN)
    recovery.ended('A')
    assert.include(await recovery.runOnce(), { handedBack: 1 })
    assert.lengthOf(asked, 1)
  })
})
