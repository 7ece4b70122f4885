import { getActiveTest, test } from '@japa/runner'
import { storageChannel, type StorageTrace } from '../../src/telemetry/channels.ts'
import { legacyKinds } from '../helpers/legacy_places.ts'
import { boot, setup } from './legacy_app.ts'

const [, postgres, mysql] = await legacyKinds()

/** Renewals that the store has answered. */
function renewals(): { next(): Promise<void> } {
  let answered = () => {}
  const onEnd = ({ operation }: StorageTrace) => {
    if (operation === 'executions.renew') {
      answered()
    }
  }
  const channels = { asyncEnd: onEnd } as Parameters<typeof storageChannel.subscribe>[0]
  storageChannel.subscribe(channels)
  getActiveTest()?.cleanup(() => void storageChannel.unsubscribe(channels))
  return { next: () => new Promise((resolve) => (answered = resolve)) }
}

for (const kind of [postgres, mysql]) {
  test.group(`Flows on the store's connection | on ${kind.title}`, (group) => {
    const { service } = kind
    group.tap((t) => t.timeout(20_000).skip(!service?.available, service?.reason))
    const CONCURRENCY = 4

    test('hold a connection each, and their leases are renewed all the same', async ({
      assert,
      fs,
    }) => {
      const { warehouse, app } = await setup(
        { store: kind, legacy: null },
        {
          pool: { min: 0, max: CONCURRENCY + 2 },
          almanac: { concurrency: CONCURRENCY, lease: { ttl: 1_500, renew: 100 } },
        }
      )
      warehouse.execute('insert into SALES values (0)')
      for (let index = 0; index < CONCURRENCY; index++) {
        const DWLOGIC = 'update SALES set AMOUNT = AMOUNT + 1'
        warehouse.insertFlow({ MAPREF: `M${index}`, DWLOGIC })
        warehouse.insertRequest({ REQUEST_ID: `R${index}`, MAPREF: `M${index}` })
      }
      // Another program's transaction, in which every flow waits
      warehouse.execute('begin')
      warehouse.execute('update SALES set AMOUNT = 0')
      const { app: booted, almanac, start } = await boot(fs, app)
      await start()
      const { next } = renewals()
      await almanac.start()
      const db = await booted.container.make('lucid.db')
      const { pool } = db.connection('server').getReadClient().client as {
        pool: { numUsed(): number }
      }
      for (let renewed = 0; renewed < 3;) {
        await next()
        renewed += pool.numUsed() >= CONCURRENCY ? 1 : 0
      }
      warehouse.execute('commit')
      await almanac.stop()

      const ended = warehouse.rows('select STATUS from DWPRCREQ')
      assert.deepEqual(ended, Array(CONCURRENCY).fill({ STATUS: 'DONE' }))
      assert.deepEqual(warehouse.rows('select AMOUNT from SALES'), [{ AMOUNT: CONCURRENCY }])
      const runs = await almanac.executions.history({})
      assert.isTrue(runs.every(({ attempt, rescues }) => attempt === 1 && rescues === 0))
    })

    test('are refused where the pool would leave nothing for the leases', async ({
      assert,
      fs,
    }) => {
      const { app } = await setup(
        { store: kind, legacy: null },
        { pool: { min: 0, max: 5 }, almanac: { concurrency: 4 } }
      )
      const { almanac, start } = await boot(fs, app)
      await start()
      await assert.rejects(
        () => almanac.start(),
        /legacy\.sources\.dw\.connection is "server", the store's; .* opens at most 5 connections, and 4 handlers at once may need 6: raise pool\.max/
      )
      assert.equal(almanac.state, 'ready')
    })

    test('are no matter for a pool of their own, nor where no SQL runs', async ({ assert, fs }) => {
      const small = { pool: { min: 0, max: 5 }, almanac: { concurrency: 4 } }
      const handlersOnly = await setup(
        { store: kind, legacy: null },
        { ...small, source: { runners: {} } }
      )
      const apart = await setup({ store: kind, legacy: kind }, small)
      for (const { app } of [handlersOnly, apart]) {
        const { app: booted, almanac, start } = await boot(fs, app)
        await start()
        await almanac.start()
        assert.equal(almanac.state, 'running')
        await booted.terminate()
      }
    })

    test('in a pool of their own, as large as the concurrency, they can be stopped', async ({
      assert,
      fs,
    }) => {
      const { warehouse, app } = await setup(
        { store: kind, legacy: kind },
        {
          pool: { min: 0, max: CONCURRENCY + 2 },
          legacyPool: { min: 0, max: CONCURRENCY },
          almanac: { concurrency: CONCURRENCY, lease: { ttl: 1_500, renew: 100 } },
          source: { pollInterval: 100 },
        }
      )
      warehouse.execute('insert into SALES values (0)')
      const names = Array.from({ length: CONCURRENCY }, (_, index) => `M${index}`)
      for (const MAPREF of names) {
        warehouse.insertFlow({ MAPREF, DWLOGIC: 'update SALES set AMOUNT = AMOUNT + 1' })
        warehouse.insertRequest({ REQUEST_ID: `R-${MAPREF}`, MAPREF })
      }
      // Another program's transaction, in which every flow waits
      const other = await warehouse.client().transaction()
      getActiveTest()?.cleanup(() => other.rollback())
      await other.rawQuery('update SALES set AMOUNT = 0')
      const { app: booted, almanac, start } = await boot(fs, app)
      await start()
      const { next } = renewals()
      await almanac.start()
      const db = await booted.container.make('lucid.db')
      const { pool } = db.connection('warehouse').getReadClient().client as {
        pool: { numUsed(): number }
      }
      const count = (table: string, status: string) =>
        warehouse.rows(`select STATUS from ${table} where STATUS = '${status}'`).length
      for (let full = 0; full < 3;) {
        await next()
        const begun = count('DWPRCLOG', 'IP') === CONCURRENCY
        full += begun && pool.numUsed() >= CONCURRENCY - 2 ? 1 : 0
      }
      for (const MAPREF of names) {
        warehouse.insertRequest({ REQUEST_ID: `STOP-${MAPREF}`, MAPREF, REQUEST_TYPE: 'STOP' })
      }
      // A STOP is done once its run has ended
      while (count('DWPRCREQ', 'DONE') < CONCURRENCY) {
        await almanac.status()
      }
      assert.equal(count('DWPRCLOG', 'ST'), CONCURRENCY)
      assert.deepEqual(warehouse.rows('select AMOUNT from SALES'), [{ AMOUNT: 0 }])
    })
  })
}
