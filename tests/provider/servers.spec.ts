import { test } from '@japa/runner'
import { stores } from '../../src/define_config.ts'
import { storeClient } from '../../src/store_client.ts'
import { migrateSchema } from '../../src/storage/database/schema/main.ts'
import { connectionConfig, createServerDatabase } from '../helpers/server_database.ts'
import { requires } from '../helpers/services.ts'
import { bootApp } from './app.ts'

for (const service of [await requires('postgresql'), await requires('mariadb')]) {
  test.group(`An app with ${service.title}`, (group) => {
    group.tap((t) => t.skip(!service.available, service.reason).timeout(30_000))

    test('the store lives there: an event fires, runs and is in the history', async ({
      assert,
      cleanup,
      fs,
    }) => {
      const database = await createServerDatabase(service, { migrated: false })
      cleanup(() => database.drop())
      const { app, almanac, start } = await bootApp(fs, {
        servers: { server: connectionConfig(database.url) },
        almanac: { store: stores.database({ connection: 'server' }) },
      })
      await assert.rejects(() => almanac.events.list(), /schema version 0/)
      await migrateSchema(await storeClient())
      almanac.register('note', ({ payload }) => payload)
      const emitter = await app.container.make('emitter')
      const ended = Promise.withResolvers<{ executionId: string }>()
      emitter.once('execution:succeeded', ended.resolve)
      await start()
      const event = await almanac.events.create({
        name: 'every second',
        handler: 'note',
        payload: { text: 'Grüße 🗓' },
        trigger: { kind: 'interval', every: '1s' },
      })
      await almanac.start()
      const { executionId } = await ended.promise
      const execution = await almanac.executions.get(executionId)
      assert.containSubset(execution, {
        eventId: event.id,
        origin: 'schedule',
        state: 'succeeded',
        result: { text: 'Grüße 🗓' },
        attempt: 1,
      })
      await app.terminate()
      assert.deepEqual(await database.storage().nodes.list(), [])
    })
  })
}
