import type { Engine, HandedExecution } from '../../src/types/engine.ts'
import type { HandlerFunction, HandlerOptions } from '../../src/types/handlers.ts'
import type { CoreConfig } from '../../src/types/config.ts'
import { createNode, createStore, type NodeOptions } from './setup.ts'

/** Another engine: it keeps what it is handed until the test delivers it. */
export class TestEngine implements Engine {
  readonly messages: (HandedExecution & { known: string; queue: string; priority: number })[] = []
  /** Thrown by each call, where it is set. */
  failure: Error | null = null
  /** Calls do not answer. */
  hangs = false
  #count = 0

  async push(queue: string, priority: number, executions: HandedExecution[]): Promise<string[]> {
    await this.#mayAnswer()
    return executions.map((handed) => {
      const known = `message ${++this.#count}`
      this.messages.push({ ...handed, known, queue, priority })
      return known
    })
  }

  async has(_queue: string, id: string): Promise<boolean> {
    await this.#mayAnswer()
    return this.messages.some(({ known }) => known === id)
  }

  /** The first message, as a worker gets it. */
  next(): HandedExecution {
    const { known, queue, priority, ...handed } = this.messages.shift()!
    return handed
  }

  async #mayAnswer(): Promise<void> {
    if (this.failure) {
      throw this.failure
    }
    if (this.hangs) {
      await new Promise(() => {})
    }
  }
}

export const HEAVY = { heavy: { executor: 'queue', ahead: 3 } } as const

/** A node that hands the queue `heavy` over, and a process that is only a worker of the engine. */
export function engineWorld(
  run: HandlerFunction = () => 'done',
  more: { options?: HandlerOptions; config?: Partial<CoreConfig> } = {}
) {
  const store = createStore()
  const engine = new TestEngine()
  const node = (nodeId: string, options: NodeOptions = {}) =>
    createNode({
      store,
      nodeId,
      engine,
      handlers: { work: run },
      options: { queue: 'heavy', ...more.options },
      config: { queueSettings: HEAVY, ...more.config },
      ...options,
    })
  const giver = node('giver.00000001')
  const worker = node('worker.00000002')
  const find = async (id: string) => (await store.storage.executions.find(id))!
  /** Enqueues one, and has it handed over. */
  const handOver = async (...list: Parameters<typeof giver.jobs.enqueue>) => {
    const { id } = await giver.jobs.enqueue(...list)
    await store.clock.advance(10)
    return id
  }
  return { store, clock: store.clock, engine, giver, worker, node, find, handOver }
}
