import { test } from '@japa/runner'
import { Gate, gatedStorage } from '../../src/scheduler/gate.ts'
import { SCHEMA_VERSION } from '../../src/storage/contract.ts'
import { MemoryStorage } from '../../src/storage/memory/main.ts'
import { ChaosStorage } from '../../src/testing/chaos_storage.ts'
import { ManualClock } from '../../src/testing/manual_clock.ts'

function setup(version: () => number = () => SCHEMA_VERSION) {
  const storage = new MemoryStorage({ clock: new ManualClock(0) })
  storage.schemaVersion = async () => version()
  const chaos = new ChaosStorage(storage)
  const gate = new Gate(chaos)
  return { chaos, gate, storage: gatedStorage(chaos, gate) }
}

test.group('Gate', () => {
  test('is closed before the boot and after the shutdown', async ({ assert }) => {
    const { gate, storage, chaos } = setup()
    await assert.rejects(() => storage.events.list({}), 'Almanac is not booted yet')
    gate.open()
    assert.deepEqual(await storage.events.list({}), [])
    gate.close()
    await assert.rejects(() => storage.events.list({}), 'Almanac is shut down')
    assert.throws(() => gate.check(), 'Almanac is shut down')
    assert.equal(chaos.calls('events.list'), 1)
  })

  test('looks at the schema once, at the first use', async ({ assert }) => {
    const { gate, storage, chaos } = setup()
    gate.open()
    await Promise.all([storage.events.list({}), storage.nodes.list(), storage.journal.lastId()])
    await storage.events.list({})
    assert.equal(chaos.calls('schemaVersion'), 1)
    assert.isTrue(gate.verified)
  })

  test('an older schema stops every call, until it is migrated', async ({ assert }) => {
    let version = 0
    const { gate, storage } = setup(() => version)
    gate.open()
    await assert.rejects(
      () => storage.events.list({}),
      `The store has schema version 0, this version of Almanac needs ${SCHEMA_VERSION}`
    )
    version = SCHEMA_VERSION
    assert.deepEqual(await storage.events.list({}), [])
  })

  test('a newer schema is accepted', async ({ assert }) => {
    const { gate, storage } = setup(() => SCHEMA_VERSION + 1)
    gate.open()
    assert.deepEqual(await storage.nodes.list(), [])
  })

  test('asks nothing beside the transaction of a caller', async ({ assert }) => {
    const { gate, storage, chaos } = setup()
    gate.open()
    // The store in memory knows no transactions
    const foreign = { now: 0, executions: [], client: {} }
    await assert.rejects(() => storage.executions.enqueue(foreign), /belongs to connection/)
    assert.equal(chaos.calls('schemaVersion'), 0)
    await storage.executions.enqueue({ now: 0, executions: [], client: undefined })
    assert.equal(chaos.calls('schemaVersion'), 1)
  })

  test('hands the rest through', async ({ assert }) => {
    const { storage } = setup()
    assert.equal(await storage.now(), 0)
    assert.equal(await storage.schemaVersion(), SCHEMA_VERSION)
    await storage.close()
    assert.isUndefined((storage.events as unknown as Record<string, unknown>).unknown)
  })
})
