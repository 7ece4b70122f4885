import { test } from '@japa/runner'
import { SystemClock } from '../../src/clock.ts'
import { HandlerSide } from '../../src/isolation/handler_side.ts'
import { HostBridge } from '../../src/isolation/host_bridge.ts'
import { jobOf, type FromHandler, type ToHandler } from '../../src/isolation/wire.ts'
import type { LegacyFlowContext } from '../../src/legacy/main.ts'
import type { HandlerContext, HandlerFunction } from '../../src/types/handlers.ts'

/** Both ends of a line in one process, over which nothing goes but JSON. */
function joined() {
  const toHost: ((message: FromHandler) => void)[] = []
  const toHandler: ((message: ToHandler) => void)[] = []
  const copied = <T>(message: T) => JSON.parse(JSON.stringify(message)) as T
  return {
    host: {
      send: (message: ToHandler) => toHandler.forEach((listen) => listen(copied(message))),
      onMessage: (listen: (message: FromHandler) => void) => void toHost.push(listen),
    },
    handler: {
      send: (message: FromHandler) => toHost.forEach((listen) => listen(copied(message))),
      onMessage: (listen: (message: ToHandler) => void) => void toHandler.push(listen),
    },
  }
}

const ISOLATION = { in: 'process', memory: null, grace: 0, module: 'file:///x.ts' } as const

/** Runs a handler over the line, with this checkpoint on the host's side. */
async function perform(
  checkpoint: unknown,
  work: (context: LegacyFlowContext) => Promise<unknown>
) {
  const lines = joined()
  const context = {
    payload: null,
    execution: { id: 'e1', attempt: 1, slot: null },
    signal: new AbortController().signal,
    checkpoint,
  } as unknown as HandlerContext
  const bridge = new HostBridge(lines.host, context)
  const job = jobOf('load', ISOLATION, { root: 'file:///app/', context })
  const side = new HandlerSide(lines.handler, new SystemClock())
  await side.perform(JSON.parse(JSON.stringify(job)), work as unknown as HandlerFunction)
  bridge.close()
  return bridge.end
}

test.group('Isolation | the checkpoint of a flow', () => {
  test('is asked for and told over the line', async ({ assert }) => {
    const told: unknown[] = []
    const checkpoint = {
      stored: { page: 2 },
      load: async () => ['EU', '7'],
      save: async (value: unknown) => void told.push(value),
      complete: async () => void told.push('complete'),
    }
    const end = await perform(checkpoint, async (context) => {
      const found = await context.checkpoint.load()
      await context.checkpoint.save(500)
      await context.checkpoint.complete()
      return { found, stored: context.checkpoint.stored }
    })
    const value = { found: ['EU', '7'], stored: { page: 2 } }
    assert.deepEqual(end, { kind: 'returned', value })
    assert.deepEqual(told, [500, 'complete'])
  })

  test('is that of the execution where no flow runs', async ({ assert }) => {
    const end = await perform({ page: 2 }, async ({ checkpoint }) => checkpoint)
    assert.deepEqual(end, { kind: 'returned', value: { page: 2 } })
  })
})
