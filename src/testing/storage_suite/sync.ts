import assert from 'node:assert/strict'
import { E_EVENT_CONFLICT } from '../../errors.ts'
import type { SourceDefinition } from '../../storage/contract.ts'
import type { EventRecord } from '../../types/events.ts'
import { cases, field, MINUTE, START, type SuiteContext } from './context.ts'

type Options = { missing?: 'delete' | 'pause'; journal?: ReturnType<SuiteContext['entry']>[] }

function sync(context: SuiteContext, definitions: SourceDefinition[], options: Options = {}) {
  return context.storage.events.syncSource({
    now: context.now,
    source: 'code',
    definitions,
    missing: options.missing ?? 'delete',
    journal: options.journal,
  })
}

/** A changed definition, planned against the event as it is. */
function changed(
  context: SuiteContext,
  event: EventRecord,
  columns: Partial<SourceDefinition> = {},
  force = false
): SourceDefinition {
  return {
    ...context.definition(event.sourceKey),
    sourceHash: 'hash 2',
    planned: {
      id: event.id,
      expectedVersion: event.version,
      expectedNextRunAt: event.nextRunAt,
      force,
      executions: [],
      missed: [],
    },
    ...columns,
  }
}

export const syncCases = cases({
  'definitions become events, and a second sync of the same writes nothing': async (context) => {
    const definitions = [context.definition('A'), context.definition('B')]
    const first = await sync(context, definitions)
    assert.deepEqual(
      first.added.map(({ sourceKey, version }) => [sourceKey, version]),
      [
        ['A', 1],
        ['B', 1],
      ]
    )
    context.pass(MINUTE)
    const again = [context.definition('A'), context.definition('B')]
    assert.deepEqual(await sync(context, again), {
      added: [],
      changed: [],
      removed: [],
      unchanged: 2,
    })
    assert.equal(await field(context.findEvent(definitions[0].id), 'updatedAt'), START)
  },

  'a changed hash changes the event in place and keeps its counters': async (context) => {
    const { added } = await sync(context, [context.definition('A')])
    await context.ended({ eventId: added[0].id }, { to: 'failed' })
    const event = await context.findEvent(added[0].id)
    context.pass(MINUTE)
    const definition = changed(context, event, { handler: 'other', nextRunAt: START + MINUTE })
    const result = await sync(context, [definition])
    assert.deepEqual(
      result.changed.map(({ before, after }) => [before.id, before.handler, after.handler]),
      [[event.id, 'noop', 'other']]
    )
    const after = await context.findEvent(event.id)
    assert.deepEqual(after, result.changed[0].after)
    assert.deepEqual(
      [after.version, after.createdAt, after.updatedAt, after.failureCount, after.sourceHash],
      [2, START, START + MINUTE, 1, 'hash 2']
    )
  },

  'an event paused or cancelled by hand stays so': async (context) => {
    const { added } = await sync(context, [context.definition('A'), context.definition('B')])
    const { events } = context.storage
    const [a, b] = added
    const byHand = { now: context.now, expectedVersion: 1 }
    const paused = { status: 'paused' as const, statusBy: 'user' as const, pausedAt: 5 }
    const cancelled = { status: 'cancelled' as const, statusBy: 'user' as const, cancelledAt: 6 }
    const held = [
      await events.update({ ...byHand, id: a.id, patch: paused }),
      await events.update({ ...byHand, id: b.id, patch: cancelled }),
    ]
    const definitions = held.map((event) => changed(context, event, { payload: 'new' }))
    const result = await sync(context, definitions)
    assert.deepEqual(
      result.changed.map(({ after }) => [after.payload, after.status, after.statusBy]),
      [
        ['new', 'paused', 'user'],
        ['new', 'cancelled', 'user'],
      ]
    )
    assert.deepEqual(
      result.changed.map(({ after }) => [after.pausedAt, after.cancelledAt]),
      [
        [5, null],
        [null, 6],
      ]
    )
  },

  'the source may pause and resume what nobody holds': async (context) => {
    const { added } = await sync(context, [context.definition('A')])
    const off = changed(context, added[0], { status: 'paused', nextRunAt: null })
    const first = await sync(context, [off])
    const [{ after: paused }] = first.changed
    assert.deepEqual([paused.status, paused.statusBy, paused.pausedAt], ['paused', 'source', START])
    const on = changed(context, paused, { sourceHash: 'hash 3', status: 'active' })
    const second = await sync(context, [on])
    const [{ after: resumed }] = second.changed
    assert.deepEqual([resumed.status, resumed.pausedAt], ['active', null])
  },

  'a definition that is gone deletes its event, and no other source is touched': async (
    context
  ) => {
    const { added } = await sync(context, [context.definition('A'), context.definition('B')])
    const foreign = await context.insertEvent({ source: 'api' })
    const result = await sync(context, [context.definition('A')])
    assert.deepEqual(
      result.removed.map(({ sourceKey }) => sourceKey),
      ['B']
    )
    assert.equal(result.unchanged, 1)
    assert.equal(await context.storage.events.find(added[1].id), null)
    assert.notEqual(await context.storage.events.find(foreign.id), null)
  },

  'or pauses it, once, until it is forced back': async (context) => {
    const { added } = await sync(context, [context.definition('A')])
    const { removed } = await sync(context, [], { missing: 'pause' })
    assert.deepEqual(
      removed.map(({ status, statusBy, pausedAt }) => [status, statusBy, pausedAt]),
      [['paused', 'source', START]]
    )
    assert.deepEqual(await field(sync(context, [], { missing: 'pause' }), 'removed'), [])
    const event = await context.findEvent(added[0].id)
    assert.equal(await field(sync(context, [context.definition('A')]), 'unchanged'), 1)
    const back = changed(context, event, { sourceHash: 'hash 1' }, true)
    const result = await sync(context, [back])
    assert.equal(result.changed[0].after.status, 'active')
  },

  'slots that were due under the old definition are stored with the change': async (context) => {
    const { added } = await sync(context, [context.definition('A')])
    const event = added[0]
    const definition = changed(context, event, { nextRunAt: START + MINUTE })
    definition.planned!.executions.push(context.slotExecution(event, START))
    const late = START - MINUTE
    definition.planned!.missed.push({
      id: 'late',
      first: late,
      last: late,
      count: 1,
      reason: 'late',
    })
    const result = await sync(context, [definition])
    assert.equal(result.changed[0].after.runCount, 1)
    assert.equal(await field(context.find('late'), 'state'), 'missed')
    assert.equal(await field(context.storage.executions.list({ states: ['queued'] }), 'length'), 1)
  },

  'a plan that the event has outrun fails as a whole': async (context) => {
    const { added } = await sync(context, [context.definition('A')])
    await context.storage.events.fire({ now: context.now, firings: [context.firing(added[0])] })
    const definitions = [context.definition('B'), changed(context, added[0])]
    await assert.rejects(sync(context, definitions), E_EVENT_CONFLICT)
    assert.equal(await context.storage.events.findBy({ source: 'code', sourceKey: 'B' }), null)
    const unplanned = context.definition('A', { sourceHash: 'hash 2' })
    await assert.rejects(sync(context, [unplanned]), E_EVENT_CONFLICT)
    const gone = changed(context, { ...added[0], sourceKey: 'C' })
    await assert.rejects(sync(context, [gone]), E_EVENT_CONFLICT)
  },

  'a name taken twice fails as a whole': async (context) => {
    await sync(context, [context.definition('A')])
    const definitions = [
      context.definition('A'),
      context.definition('B'),
      context.definition('C', { name: 'A' }),
    ]
    await assert.rejects(sync(context, definitions), { code: 'E_EVENT_EXISTS' })
    assert.equal(await field(context.storage.events.list({}), 'length'), 1)
  },

  'journal entries about what was not written are left out': async (context) => {
    const definition = context.definition('A')
    const entries = ['code', definition.id, 'somebody else'].map((subject) =>
      context.entry({ subject })
    )
    await sync(context, [definition], { journal: entries })
    await sync(context, [context.definition('A')], { journal: entries.slice(1) })
    const rows = await context.storage.journal.read({ after: 0, limit: 10 })
    assert.deepEqual(
      rows.map(({ subject }) => subject),
      ['code', definition.id]
    )
  },
})
