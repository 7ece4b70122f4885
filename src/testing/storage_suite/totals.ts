import assert from 'node:assert/strict'
import type { NewExecution, Settlement, StatsFilter, Storage } from '../../storage/contract.ts'
import type { ExecutionRecord } from '../../types/executions.ts'
import { cases, DAY, NODE, OTHER_NODE, SECOND, START, type SuiteContext } from './context.ts'

const TODAY = '2027-01-15'
const TOMORROW = '2027-01-16'
/** As many as a store may well count together. */
const MANY = 24

function read(context: SuiteContext, filter: Partial<StatsFilter> = {}) {
  return context.storage.stats.read({ from: TODAY, to: TOMORROW, ...filter })
}

async function count(context: SuiteContext, filter: Partial<StatsFilter> = {}) {
  const rows = await read(context, filter)
  return rows.reduce((sum, row) => sum + row.count, 0)
}

/** Executions that run, each with a subject of its own turn. */
async function begin(context: SuiteContext, size: number, columns: Partial<NewExecution>[] = [{}]) {
  const list = Array.from({ length: size }, (_, n) => columns[n % columns.length])
  await context.enqueue(...list)
  const handlers = [...new Set(list.map(({ handler = 'noop' }) => handler))]
  const claimed = await context.claim({ limit: size, handlers })
  assert.equal(claimed.length, size)
  return claimed.sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** The end of an attempt, with what a node knows of its execution. */
function success(
  context: SuiteContext,
  execution: ExecutionRecord,
  columns: Partial<Settlement> = {}
): Settlement {
  const { eventId, handler, subject } = execution
  return context.settlement(execution, { eventId, handler, subject, ...columns })
}

async function settle(context: SuiteContext, settlements: Settlement[], storage = context.storage) {
  const results = await storage.executions.settle({ now: context.now, settlements })
  return results.filter(({ applied }) => applied).length
}

async function end(context: SuiteContext, size: number, columns?: Partial<NewExecution>[]) {
  const running = await begin(context, size, columns)
  return settle(
    context,
    running.map((execution) => success(context, execution))
  )
}

/** Adds and joins until nothing is left. @returns how many ends were added, and how many totals joined */
async function addUp(context: SuiteContext, { stats }: Storage = context.storage) {
  const sum = { added: 0, joined: 0 }
  for (let done = 1; done > 0;) {
    done = await stats.rollup({ now: context.now, limit: 7 })
    sum.added += done
  }
  for (let done = 1; done > 0;) {
    done = await stats.fold({ limit: 2 })
    sum.joined += done
  }
  return sum
}

/** Whatever ends together counts as if it had ended alone, at once and after it was added up. */
export const totalsCases = cases({
  'ends that are stored together count as those stored one by one': async (context) => {
    const columns = [{ subject: 'a' }, { subject: 'b' }, { subject: 'a' }, {}]
    const together = await begin(context, MANY, columns)
    const alone = await begin(
      context,
      MANY,
      columns.map((each) => ({ ...each, handler: 'alone' }))
    )
    context.pass(5 * SECOND)
    const told = (n: number) => ({
      startedAt: n % 5 === 0 ? null : START + n * n * 9,
      ...(n % 3 === 0 && { result: { n }, progress: { percent: n } }),
    })
    const ends = together.map((execution, n) => success(context, execution, told(n)))
    assert.equal(await settle(context, ends), MANY)
    for (const [n, execution] of alone.entries()) {
      assert.ok(await context.settle(execution, told(n)))
    }
    const check = async () => {
      const rows = await read(context, { handler: 'noop' })
      const expected = await read(context, { handler: 'alone' })
      assert.deepEqual(
        rows,
        expected.map((row) => ({ ...row, handler: 'noop' }))
      )
      assert.deepEqual(
        rows.map(({ subject, count: runs }) => [subject, runs]),
        [
          [null, MANY / 4],
          ['a', MANY / 2],
          ['b', MANY / 4],
        ]
      )
    }
    await check()
    await addUp(context)
    await check()
  },

  'they count at once, and the same after each step of adding up': async (context) => {
    for (const size of [1, 5, 11, 12, 13, 40]) {
      await end(context, size, [{ subject: 'a' }, { subject: 'b' }])
      context.pass(10)
    }
    const before = await read(context)
    assert.equal(await count(context), 82)
    const { stats } = context.storage
    for (const step of [1, 2, 3, 4, 5, 6]) {
      await stats.rollup({ now: context.now, limit: step })
      assert.deepEqual(await read(context), before)
      await stats.fold({ limit: step })
      assert.deepEqual(await read(context), before)
    }
    await addUp(context)
    assert.deepEqual(await read(context), before)
    assert.deepEqual(await addUp(context), { added: 0, joined: 0 })
  },

  'nodes that add up at once count each end once, also while more are stored': async (context) => {
    const another = await context.another()
    for (let round = 0; round < 4; round++) {
      await end(context, MANY, [{ subject: 'a' }, { subject: 'b' }])
    }
    const running = await begin(context, MANY)
    const ends = running.map((execution) => success(context, execution))
    await Promise.all([
      addUp(context),
      addUp(context, another),
      settle(context, ends),
      addUp(context),
      addUp(context, another),
    ])
    assert.equal(await count(context), 5 * MANY)
    await addUp(context)
    assert.equal(await count(context), 5 * MANY)
    assert.equal(await count(context, { subject: 'a' }), 2 * MANY)
  },

  'what is fenced off is not counted, and what ends otherwise is counted as such': async (
    context
  ) => {
    const running = await begin(context, MANY)
    const stale = running.map((execution, n) =>
      success(context, n < 5 ? { ...execution, attempt: execution.attempt + 1 } : execution)
    )
    assert.equal(await settle(context, stale), MANY - 5)
    assert.equal(await count(context), MANY - 5)
    assert.equal(await settle(context, stale), 0)
    const foreign = running.slice(0, 5).map((execution) => ({ ...execution, node: OTHER_NODE }))
    assert.equal(
      await settle(
        context,
        foreign.map((execution) => success(context, execution))
      ),
      0
    )
    const rest = running
      .slice(0, 5)
      .map((execution, n) => success(context, execution, { to: n < 2 ? 'failed' : 'succeeded' }))
    assert.equal(await settle(context, rest), 5)
    const check = async () => {
      assert.equal(await count(context, { outcome: 'succeeded' }), MANY - 2)
      assert.equal(await count(context, { outcome: 'failed' }), 2)
    }
    await check()
    await addUp(context)
    await check()
  },

  'an end stored twice in one batch counts once': async (context) => {
    const running = await begin(context, MANY)
    const ends = running.map((execution) => success(context, execution))
    assert.equal(await settle(context, [...ends, ends[0], ends[1]]), MANY)
    assert.equal(await count(context), MANY)
    await addUp(context)
    assert.equal(await count(context), MANY)
  },

  'executions of which no two count alike are counted as well': async (context) => {
    const subjects = Array.from({ length: MANY }, (_, n) => ({ subject: `order/${n}` }))
    await end(context, MANY, subjects)
    const check = async () => {
      assert.equal(await count(context), MANY)
      assert.equal(await count(context, { subject: 'order/7' }), 1)
    }
    await check()
    await addUp(context)
    await check()
  },

  'what a settlement says of its execution decides nothing': async (context) => {
    const running = await begin(context, MANY, [{ subject: 'a' }, { subject: 'b' }])
    const wrong = { handler: 'other', subject: 'c' }
    const ends = running.map((execution) => success(context, execution, wrong))
    assert.equal(await settle(context, ends), MANY)
    assert.equal(await count(context, { handler: 'noop', subject: 'a' }), MANY / 2)
    assert.equal(await count(context, { handler: 'noop', subject: 'b' }), MANY / 2)
    assert.equal(await count(context), MANY)
  },

  'they are of the day on which they ended, by the name of their node': async (context) => {
    const running = await begin(context, MANY)
    const tomorrow = await begin(context, MANY, [{ subject: 'late' }])
    const ends = [...running, ...tomorrow].map((execution) => success(context, execution))
    context.pass(Date.UTC(2027, 0, 16) - 1 - context.now)
    assert.equal(await settle(context, ends.slice(0, MANY)), MANY)
    context.pass(1)
    assert.equal(await settle(context, ends.slice(MANY)), MANY)
    const check = async () => {
      assert.equal(await count(context, { to: TODAY, node: 'alpha' }), MANY)
      assert.equal(await count(context, { to: TODAY, subject: 'late' }), 0)
      assert.equal(await count(context, { from: TOMORROW, subject: 'late', node: 'alpha' }), MANY)
      assert.equal(await count(context, { node: NODE }), 0)
      assert.equal(await count(context, { handler: 'other' }), 0)
    }
    await check()
    await addUp(context)
    await check()
  },

  'what was pruned stays counted, joined or not': async (context) => {
    await end(context, MANY)
    await context.storage.stats.rollup({ now: context.now, limit: 2 * MANY })
    const before = await read(context)
    context.pass(DAY)
    const rule = { outcome: 'succeeded' as const, handler: null, eventId: null, age: 0, count: 0 }
    const pruned = await context.storage.executions.prune({ now: context.now, rule, limit: 99 })
    assert.equal(pruned, MANY)
    assert.deepEqual(await read(context), before)
    await addUp(context)
    assert.deepEqual(await read(context), before)
  },
})
