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
    const { default: service } = await import('../../src/services/main.ts')
    assert.strictEqual(service, almanac)
    service.register('echo', ({ payload }) => payload)
    const { id } = await service.enqueue('echo', 'hello')
    await service.once()
    assert.containSubset(await service.executions.find(id), { result: 'hello' })
  })
})
