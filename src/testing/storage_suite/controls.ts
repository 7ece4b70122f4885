import assert from 'node:assert/strict'
import type { ControlChange, ControlTarget } from '../../storage/contract.ts'
import { cases, field, LEASE, mapped, MINUTE, NODE, OTHER_NODE, SECOND, START } from './context.ts'
import type { SuiteContext } from './context.ts'

const ALL: ControlTarget = { scope: 'all', name: '*' }
const PAUSE: ControlChange = { kind: 'pause', reason: 'maintenance' }
const RESUME: ControlChange = { kind: 'resume' }

const ids = (list: { id: string }[]) => list.map(({ id }) => id)

function control(context: SuiteContext, target: ControlTarget, change: ControlChange) {
  const changes = [{ ...target, change }]
  return context.storage.controls.change({ now: context.now, changes, by: 'anna' })
}

export const controlCases = cases({
  'a pause is kept with its author, instant and reason, and journalled': async (context) => {
    const { controls, journal } = context.storage
    const [written] = await control(context, { scope: 'queue', name: 'loads' }, PAUSE)
    assert.deepEqual(await controls.list(), [written])
    assert.deepEqual(
      [written.scope, written.name, written.pausedAt, written.pausedBy, written.reason],
      ['queue', 'loads', context.now, 'anna', 'maintenance']
    )
    const [entry] = await journal.read({ after: 0, limit: 10 })
    assert.deepEqual(
      [entry.kind, entry.actor, entry.subject],
      ['control.paused', 'anna', 'queue:loads']
    )
    const nothing = { pausedAt: null, pausedBy: null, reason: null }
    const paused = { pausedAt: context.now, pausedBy: 'anna', reason: 'maintenance' }
    assert.deepEqual([entry.before, entry.after], [nothing, paused])
    await control(context, { scope: 'queue', name: 'loads' }, RESUME)
    assert.deepEqual(await controls.list(), [])
    const [, last] = await journal.read({ after: 0, limit: 10 })
    assert.deepEqual([last.kind, last.before, last.after], ['control.resumed', paused, nothing])
  },

  'what changes nothing is not written': async (context) => {
    const { journal } = context.storage
    assert.deepEqual(await control(context, ALL, RESUME), [])
    await control(context, ALL, PAUSE)
    context.pass(SECOND)
    const again = await control(context, ALL, { kind: 'pause', reason: 'another' })
    assert.deepEqual(again, [])
    assert.equal(await field(context.storage.controls.list(), 'length'), 1)
    assert.equal(await journal.lastId(), 1)
  },

  'two pauses at once are one': async (context) => {
    const stores = [context.storage, await context.another()]
    const answers = await Promise.all(
      stores.map(({ controls }) =>
        controls.change({ now: context.now, changes: [{ ...ALL, change: PAUSE }], by: 'anna' })
      )
    )
    assert.equal(answers.flat().length, 1)
    assert.equal(await context.storage.journal.lastId(), 1)
  },

  'what the code declares holds until something is set, field by field': async (context) => {
    const target: ControlTarget = { scope: 'handler', name: 'noop' }
    const declared = { cluster: 2, node: 1, key: 3, rate: { limit: 5, per: MINUTE } }
    await control(context, target, { kind: 'declare', limits: declared })
    assert.deepEqual(await control(context, target, { kind: 'declare', limits: declared }), [])
    await control(context, target, { kind: 'limit', limits: { cluster: 9 }, reason: null })
    const [set] = await control(context, target, {
      kind: 'limit',
      limits: { rate: null },
      reason: 'month end',
    })
    assert.deepEqual([set.limits, set.declared], [{ cluster: 9, rate: null }, declared])
    const entries = await context.storage.journal.read({ after: 0, limit: 10 })
    assert.deepEqual(
      entries.map(({ kind }) => kind),
      ['control.declared', 'control.limited', 'control.limited']
    )
    assert.deepEqual(entries[2].before, {
      limits: { cluster: 9, node: 1, key: 3, rate: { limit: 5, per: MINUTE } },
    })
    assert.deepEqual(entries[2].after, {
      limits: { cluster: 9, node: 1, key: 3, rate: null },
      reason: 'month end',
    })
    await control(context, target, { kind: 'limit', limits: null, reason: null })
    const [reset] = await context.storage.controls.list()
    assert.deepEqual([reset.limits, reset.declared], [null, declared])
    await control(context, target, { kind: 'declare', limits: null })
    assert.deepEqual(await context.storage.controls.list(), [])
  },

  'a paused queue, handler or node is not claimed of, and nothing is lost': async (context) => {
    const [a, b] = await context.enqueue({ queue: 'loads' }, { queue: 'reports', handler: 'other' })
    const both = ['noop', 'other']
    const targets: [ControlTarget, string[]][] = [
      [{ scope: 'queue', name: 'loads' }, [b]],
      [{ scope: 'handler', name: 'other' }, [a]],
      [{ scope: 'node', name: 'alpha' }, []],
      [ALL, []],
      [{ scope: 'node', name: 'beta' }, [a, b]],
    ]
    for (const [target, left] of targets) {
      await control(context, target, PAUSE)
      const claimed = await context.claim({ handlers: both })
      assert.deepEqual(ids(claimed), left, JSON.stringify(target))
      for (const execution of claimed) {
        await context.settle(execution, { to: 'release' })
      }
      await control(context, target, RESUME)
    }
    assert.deepEqual(ids(await context.claim({ handlers: both })), [a, b])
  },

  'a pause that another process makes holds at once': async (context) => {
    const [id] = await context.enqueue({})
    assert.deepEqual(await context.claim({ handlers: ['other'] }), [])
    const other = await context.another()
    const change = (what: ControlChange) =>
      other.controls.change({ now: context.now, changes: [{ ...ALL, change: what }], by: 'x' })
    await change(PAUSE)
    assert.deepEqual(await context.claim(), [])
    await change(RESUME)
    assert.deepEqual(ids(await context.claim()), [id])
  },

  'nothing is born of what is paused': async (context) => {
    for (const target of [ALL, { scope: 'queue', name: 'default' }] as ControlTarget[]) {
      await control(context, target, PAUSE)
      const [birth] = await context.storage.executions.insertRunning({
        now: context.now,
        executions: [context.execution({})],
        node: NODE,
        lease: LEASE,
      })
      assert.deepEqual(birth, { inserted: false, id: null, conflict: 'stopped' })
      await control(context, target, RESUME)
    }
    await context.running({})
  },

  'what is paused is not what a node waits for': async (context) => {
    await context.enqueue(
      { availableAt: START + MINUTE },
      { availableAt: START + 2 * MINUTE, queue: 'b' }
    )
    await control(context, { scope: 'queue', name: 'default' }, PAUSE)
    assert.equal(await context.next(), START + 2 * MINUTE)
    await control(context, ALL, PAUSE)
    assert.equal(await context.next(), undefined)
  },

  'while everything is paused no slot is due, and afterwards all are': async (context) => {
    const { events } = context.storage
    const { id } = await context.insertEvent()
    context.pass(5 * MINUTE)
    await control(context, ALL, PAUSE)
    assert.deepEqual(await events.peek({ now: context.now }), { now: context.now, next: null })
    assert.deepEqual(await field(events.listDue({ now: context.now, limit: 5 }), 'events'), [])
    await control(context, ALL, RESUME)
    assert.equal(await field(events.peek({ now: context.now }), 'next'), START)
    const due = await events.listDue({ now: context.now, limit: 5 })
    assert.deepEqual(ids(due.events), [id])
  },

  'a pause lets what runs end': async (context) => {
    const execution = await context.running({})
    await control(context, ALL, PAUSE)
    assert.equal(await context.settle(execution), true)
    assert.deepEqual(await mapped(context.storage.executions.list({}), ({ state }) => state), [
      'succeeded',
    ])
  },

  'a node is paused by its name, whatever its boot': async (context) => {
    await context.enqueue({}, {})
    await control(context, { scope: 'node', name: 'alpha' }, PAUSE)
    assert.deepEqual(await context.claim({ node: 'alpha.ffffffff', limit: 1 }), [])
    assert.equal(await field(context.claim({ node: OTHER_NODE, limit: 1 }), 'length'), 1)
    assert.equal(await field(context.claim({ node: 'alpha.x.00000001', limit: 1 }), 'length'), 1)
  },
})
