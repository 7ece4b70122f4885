import assert from 'node:assert/strict'
import { cases, mapped, DAY, MINUTE, SECOND, START } from './context.ts'

export const journalCases = cases({
  'entries get ids without gaps and come back in order': async (context) => {
    const { journal } = context.storage
    assert.equal(await journal.lastId(), 0)
    const entry = context.entry({ before: { status: 'active' }, after: ['paused', null, 'ä'] })
    const appended = await journal.append({ now: context.now, entries: [entry, context.entry()] })
    const rows = await journal.read({ after: 0, limit: 10 })
    assert.deepEqual(rows, [
      { ...entry, id: 1, at: START },
      { ...context.entry(), before: null, after: null, id: 2, at: START },
    ])
    assert.deepEqual(appended, rows)
    assert.equal(await journal.lastId(), 2)
    assert.deepEqual(await journal.append({ now: context.now, entries: [] }), [])
  },

  'they are read from where a reader stands': async (context) => {
    const { journal } = context.storage
    const entries = Array.from({ length: 5 }, (_, n) => context.entry({ subject: `s${n}` }))
    await journal.append({ now: context.now, entries })
    const page = async (after: number, limit: number) =>
      await mapped(journal.read({ after, limit }), ({ id }) => id)
    assert.deepEqual(await page(0, 2), [1, 2])
    assert.deepEqual(await page(2, 2), [3, 4])
    assert.deepEqual(await page(4, 2), [5])
    assert.deepEqual(await page(5, 2), [])
  },

  'writers at once leave no gap, and a change is never without its entry': async (context) => {
    const stores = [context.storage, await context.another()]
    const writers = Array.from({ length: 20 }, async (_, index) => {
      const { events, journal } = stores[index % 2]
      if (index % 4 < 2) {
        await journal.append({ now: context.now, entries: [context.entry(), context.entry()] })
      } else {
        const event = context.event()
        await events.insert({
          now: context.now,
          event,
          journal: context.entry({ subject: event.id }),
        })
      }
    })
    await Promise.all(writers)
    const rows = await context.storage.journal.read({ after: 0, limit: 100 })
    assert.deepEqual(
      rows.map(({ id }) => id),
      Array.from({ length: 30 }, (_, index) => index + 1)
    )
    const events = await context.storage.events.list({})
    const subjects = new Set(rows.map(({ subject }) => subject))
    assert.ok(events.every(({ id }) => subjects.has(id)))
  },

  'a change that fails leaves no entry and no gap': async (context) => {
    const event = await context.insertEvent()
    const journal = context.entry()
    await assert.rejects(
      context.storage.events.insert({ now: context.now, event: context.event(event), journal })
    )
    await context.storage.journal.append({ now: context.now, entries: [journal] })
    const [row] = await context.storage.journal.read({ after: 0, limit: 10 })
    assert.equal(row.id, 1)
  },

  'old entries are pruned, oldest first, and ids go on': async (context) => {
    const { journal } = context.storage
    const entries = [context.entry()]
    await journal.append({ now: context.now, entries: [...entries, ...entries, ...entries] })
    context.pass(MINUTE)
    await journal.append({ now: context.now, entries })
    context.pass(DAY - MINUTE + SECOND)
    const prune = (limit: number) => journal.prune({ now: context.now, age: DAY, limit })
    assert.equal(await prune(2), 2)
    assert.equal(await prune(10), 1)
    assert.equal(await prune(10), 0)
    const [kept] = await journal.read({ after: 0, limit: 10 })
    assert.equal(kept.id, 4)
    const [next] = await journal.append({ now: context.now, entries })
    assert.equal(next.id, 5)
  },
})
