import { test } from '@japa/runner'
import { stores } from '../../src/define_config.ts'
import { bootApp } from './app.ts'

test.group('Service', () => {
  test('services/main exports the binding of the booted app', async ({ assert, fs }) => {
    const { almanac, start } = await bootApp(fs, {
      migrate: false,
      almanac: { store: stores.memory() },
    })
    await start()
    // A module of its own: handlers of other specs may have imported it for their app
    const module = new URL('../../src/services/main.ts?own', import.meta.url)
    const { default: service } = (await import(module.href)) as { default: typeof almanac }
    assert.strictEqual(service, almanac)
    service.register('echo', ({ payload }) => payload)
    const { id } = await service.enqueue('echo', 'hello')
    await service.once()
    assert.containSubset(await service.executions.find(id), { result: 'hello' })
  })
})
