import { test } from '@japa/runner'
import { bootApp } from '../provider/app.ts'
import type { FileSystem } from '@japa/file-system'

async function boot(fs: FileSystem) {
  const booted = await bootApp(fs)
  await booted.start()
  const { almanac } = booted
  const seen = { broken: true }
  const options = { retry: false as const, queue: 'slow' }
  const work = () => {
    if (seen.broken) {
      throw new Error('it broke')
    }
    return 'done'
  }
  almanac.register('work', work, options)
  const ids = async () => {
    const letters = await almanac.deadLetters()
    return letters.map(({ id }) => id)
  }
  return { almanac, seen, ids }
}

test.group('Dead letters', () => {
  test('are what is over without success; a redrive stands for its letter', async ({
    assert,
    fs,
  }) => {
    const { almanac, seen, ids } = await boot(fs)
    const dead = await almanac.enqueue('work', { row: 7 }, { subject: 'order 7', priority: 2 })
    await almanac.runOnce()
    assert.deepEqual(await ids(), [dead.id])
    assert.isEmpty(await almanac.deadLetters({ subject: 'order 8' }))

    seen.broken = false
    const [again] = await almanac.redrive(dead.id)
    assert.include(again, { from: dead.id, inserted: true })
    assert.deepEqual(await almanac.redrive(dead.id), [{ ...again, inserted: false }])
    assert.isEmpty(await almanac.deadLetters())
    await almanac.runOnce()
    assert.containSubset(await almanac.executions.get(again.id), {
      ...{ state: 'succeeded', result: 'done', rerunOf: dead.id, origin: 'rerun', attempt: 1 },
      ...{ payload: { row: 7 }, subject: 'order 7', priority: 2, queue: 'slow' },
    })
    assert.include(await almanac.executions.get(dead.id), { state: 'failed' })
  })

  test('a redrive that fails is the letter then; a filter redrives many', async ({
    assert,
    fs,
  }) => {
    const { almanac, ids } = await boot(fs)
    const first = await almanac.enqueue('work', 1)
    const second = await almanac.enqueue('work', 2)
    await almanac.runOnce()
    const redriven = await almanac.redrive({ handler: 'work' })
    assert.sameMembers(
      redriven.map(({ from }) => from),
      [first.id, second.id]
    )
    await almanac.runOnce()
    assert.sameMembers(
      await ids(),
      redriven.map(({ id }) => id)
    )
  })

  test('a letter whose redrive has ended is refused by its id, and names the redrive', async ({
    assert,
    fs,
  }) => {
    const { almanac, seen } = await boot(fs)
    const dead = await almanac.enqueue('work', 1)
    await almanac.runOnce()
    const [again] = await almanac.redrive(dead.id)
    await almanac.runOnce()
    const refused = new RegExp(`redriven already, as "${again.id}", which is failed`)
    await assert.rejects(() => almanac.redrive(dead.id), refused)
    seen.broken = false
    const [last] = await almanac.redrive(again.id)
    await almanac.runOnce()
    await assert.rejects(() => almanac.redrive(again.id), /which is succeeded/)
    assert.include(await almanac.executions.get(last.id), { state: 'succeeded' })
    assert.lengthOf(await almanac.history(), 3)
  })

  test('a letter whose redrive was cancelled can be redriven once more', async ({ assert, fs }) => {
    const { almanac } = await boot(fs)
    const dead = await almanac.enqueue('work', 1)
    await almanac.runOnce()
    const [again] = await almanac.redrive(dead.id)
    await almanac.cancel(again.id)
    const [once] = await almanac.redrive(dead.id)
    assert.isTrue(once.inserted)
    assert.notEqual(once.id, again.id)
  })

  test('what is not dead is refused, as is a filter that cannot be read', async ({
    assert,
    fs,
  }) => {
    const { almanac } = await boot(fs)
    const { id } = await almanac.enqueue('work', 1)
    await assert.rejects(() => almanac.redrive(id), /is queued: only what is failed/)
    await assert.rejects(() => almanac.redrive('nobody'), /There is no execution "nobody"/)
    await assert.rejects(() => almanac.redrive({ limit: 0 }), /limit/)
    await assert.rejects(() => almanac.deadLetters({ colour: 'red' } as never), /colour/)
    assert.isEmpty(await almanac.redrive({ handler: 'nobody' }))
  })

  test('enqueue answers what became of the one that holds the key', async ({ assert, fs }) => {
    const { almanac } = await boot(fs)
    const key = { dedupeKey: 'a' }
    const first = await almanac.enqueue('work', 1, key)
    assert.isFalse('change' in first)
    const skipped = await almanac.enqueue('work', 2, key)
    assert.isFalse('change' in skipped)
    const replaced = await almanac.enqueue('work', 2, { ...key, dedupe: 'replace' })
    assert.include(replaced, { id: first.id, inserted: false, change: 'replaced' })
    const options = { ...key, dedupe: 'extend', delay: '1h' } as const
    assert.include(await almanac.enqueue('work', 3, options), { change: 'extended' })
  })

  test('what enqueue answers can be waited for', async ({ assert, fs }) => {
    const { almanac, seen } = await boot(fs)
    seen.broken = false
    const queued = await almanac.enqueue('work', 1)
    assert.include(await queued.wait({ timeout: 0 }), { state: 'queued' })
    const ended = queued.wait()
    await almanac.runOnce()
    assert.include(await ended, { id: queued.id, state: 'succeeded' })
  })
})
