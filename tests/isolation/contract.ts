import type { Assert } from '@japa/assert'
import type { Scheduler } from '../../src/scheduler.ts'

/** Runs a polite handler, and looks at all that its context did. @returns its result */
export async function assertWholeContext(almanac: Scheduler, handler: string, assert: Assert) {
  const { id } = await almanac.enqueue(handler, { say: 'hello' })
  const running = almanac.runOnce()
  const done = await almanac.waitFor(id)
  await running
  const result = done!.result as Record<string, unknown>
  assert.containSubset(done, { state: 'succeeded', checkpoint: { page: 2 } })
  assert.containSubset(result, { attempt: 1, fencingToken: 1, before: null, after: { page: 2 } })
  assert.containSubset(result, { busy: false, state: 'ready' })
  assert.containSubset(done!.progress, { done: 1, total: 4, message: 'loading' })
  assert.include(await almanac.executions.get(result.id as string), { handler: 'noted' })
  const logs = await almanac.executions.logs(id)
  const begun = logs.find(({ message }) => message === 'begun')
  assert.containSubset(begun!.data, { at: { name: 'Error', message: 'spelled out' } })
  assert.sameMembers(
    logs.map(({ message }) => message),
    ['begun', 'printed']
  )
  return result
}

/** Ends a polite handler in each of its words. */
export async function assertWords(almanac: Scheduler, handler: string, assert: Assert) {
  const [snoozed, failed, thrown] = await Promise.all(
    ['snooze', 'fail', 'throw'].map((say) => almanac.enqueue(handler, { say }))
  )
  await almanac.runOnce()
  assert.include(await almanac.executions.get(snoozed.id), { state: 'queued', failures: 0 })
  assert.containSubset(await almanac.executions.get(failed.id), {
    state: 'failed',
    result: { row: 7 },
    error: { message: 'no such row', cause: { name: 'RangeError', message: '7' } },
  })
  const { error } = await almanac.executions.get(thrown.id)
  assert.containSubset(error, {
    ...{ name: 'TypeError', message: 'no route', code: 'E_NET' },
    cause: { message: 'dns' },
  })
  assert.match(error!.stack!, /polite\.ts/)
}

/** A greedy handler fails alone: the polite one beside it succeeds. */
export async function assertCapped(
  almanac: Scheduler,
  handlers: { greedy: string; polite: string },
  assert: Assert
) {
  const greedy = await almanac.enqueue(handlers.greedy, null)
  const polite = await almanac.enqueue(handlers.polite, { say: 'hello' })
  await almanac.runOnce()
  const { state, error } = await almanac.executions.get(greedy.id)
  assert.equal(state, 'failed')
  assert.equal(error!.code, 'E_HANDLER_EXITED')
  assert.match(error!.message, /needed more memory than its 96 MiB/)
  assert.include(await almanac.executions.get(polite.id), { state: 'succeeded' })
}
