import assert from 'node:assert/strict'
import type { ExecutionLogEntry } from '../../types/executions.ts'
import { cases, field, mapped, NODE, OTHER_NODE, START } from './context.ts'

function entry(executionId: string, seq: number, attempt = 1): ExecutionLogEntry {
  return {
    executionId,
    attempt,
    seq,
    at: START + seq,
    level: 'info',
    message: `line ${seq}`,
    data: null,
  }
}

export const logCases = cases({
  'entries come back in order': async (context) => {
    const { id } = await context.running()
    const rich: ExecutionLogEntry = {
      ...entry(id, 3),
      level: 'warn',
      message: `it's "quoted" – ünïcode 😀`,
      data: { rows: 3, nested: { list: [1, null] } },
    }
    const { logs } = context.storage
    assert.equal(await logs.append({ node: NODE, entries: [entry(id, 2), entry(id, 1)] }), 2)
    assert.equal(await logs.append({ node: NODE, entries: [rich] }), 1)
    assert.deepEqual(await logs.read({ executionId: id }), [entry(id, 1), entry(id, 2), rich])
    assert.deepEqual(await logs.read({ executionId: 'nobody' }), [])
  },

  'pages follow one another over attempts': async (context) => {
    const [id] = await context.enqueue({})
    const { logs } = context.storage
    for (const attempt of [1, 2]) {
      const [execution] = await context.claim()
      const entries = [entry(id, 1, attempt), entry(id, 2, attempt)]
      await logs.append({ node: NODE, entries })
      await context.settle(execution, { to: 'retry' })
    }
    const page = async (after: { attempt: number; seq: number }, limit?: number) =>
      await mapped(logs.read({ executionId: id, after, limit }), ({ attempt, seq }) => [
        attempt,
        seq,
      ])
    assert.deepEqual(await page({ attempt: 0, seq: 0 }, 3), [
      [1, 1],
      [1, 2],
      [2, 1],
    ])
    assert.deepEqual(await page({ attempt: 1, seq: 1 }), [
      [1, 2],
      [2, 1],
      [2, 2],
    ])
    assert.deepEqual(await page({ attempt: 2, seq: 2 }), [])
  },

  'only some levels are read': async (context) => {
    const { id } = await context.running()
    const { logs } = context.storage
    const entries = (['info', 'error', 'debug'] as const).map((level, index) => ({
      ...entry(id, index + 1),
      level,
    }))
    await logs.append({ node: NODE, entries })
    const read = async (levels: ExecutionLogEntry['level'][]) =>
      await mapped(logs.read({ executionId: id, levels }), ({ seq }) => seq)
    assert.deepEqual(await read(['info', 'error']), [1, 2])
    assert.deepEqual(await read(['trace']), [])
  },

  'an attempt that does not own its execution writes no log': async (context) => {
    const execution = await context.running()
    const { id } = execution
    const { logs } = context.storage
    const entries = [entry(id, 1), entry(id, 2, 2), entry('nobody', 3)]
    assert.equal(await logs.append({ node: OTHER_NODE, entries }), 0)
    assert.equal(await logs.append({ node: NODE, entries }), 1)
    await context.settle(execution)
    assert.equal(await logs.append({ node: NODE, entries: [entry(id, 4)] }), 0)
    assert.deepEqual(await logs.read({ executionId: id }), [entry(id, 1)])
  },

  'a batch that is sent twice is stored once': async (context) => {
    const { id } = await context.running()
    const { logs } = context.storage
    const entries = [entry(id, 1), entry(id, 2)]
    assert.equal(await logs.append({ node: NODE, entries }), 2)
    assert.equal(await logs.append({ node: NODE, entries: [...entries, entry(id, 3)] }), 1)
    assert.equal(await field(logs.read({ executionId: id }), 'length'), 3)
    assert.equal(await logs.append({ node: NODE, entries: [] }), 0)
  },
})
