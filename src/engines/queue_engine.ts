import type { Engine, HandedExecution } from '../types/engine.ts'

/** The name of the job, in the other engine's store. */
export const JOB = 'almanac.execution'
/**
 * Longest timer of Node.js, ms. Without a timeout of its own a job has the one
 * of the worker, which would free its place while the handler runs on.
 */
const NO_TIMEOUT = 2_147_483_647

/** What is used of a job of @adonisjs/queue. */
interface HostJob {
  readonly payload: unknown
}

interface HostBatch {
  toQueue(name: string): HostBatch
  priority(priority: number): HostBatch
  run(): Promise<{ jobIds: string[] }>
}

type HostJobClass = (new (...args: any[]) => HostJob) & {
  dispatchMany(payloads: HandedExecution[]): HostBatch
}

/** What is used of @adonisjs/queue. */
export interface HostQueue {
  Job: unknown
  Locator: { register(name: string, Class: any): void }
  QueueManager: {
    use(): { getJob(id: string, queue: string): Promise<{ status: string } | null> }
  }
}

/**
 * Hands executions to @adonisjs/queue as jobs that carry only which attempt is
 * meant; its workers run them where they have the handlers. A job is tried
 * once: what becomes of an attempt is for the store of executions to say.
 */
export class QueueEngine implements Engine {
  readonly #host: HostQueue
  readonly #job: HostJobClass

  /** @param deliver runs what a worker gets, and resolves when its end is stored */
  constructor(host: HostQueue, deliver: (handed: HandedExecution) => Promise<unknown>) {
    this.#host = host
    this.#job = jobClass(host.Job as HostJobClass, deliver)
    host.Locator.register(JOB, this.#job)
  }

  async push(queue: string, priority: number, executions: HandedExecution[]): Promise<string[]> {
    const batch = this.#job.dispatchMany(executions).toQueue(queue).priority(priority)
    const { jobIds } = await batch.run()
    return jobIds
  }

  async has(queue: string, id: string): Promise<boolean> {
    const job = await this.#host.QueueManager.use().getJob(id, queue)
    return job !== null && job.status !== 'completed' && job.status !== 'failed'
  }
}

function jobClass(
  Job: HostJobClass,
  deliver: (handed: HandedExecution) => Promise<unknown>
): HostJobClass {
  return class AlmanacExecution extends Job {
    static options = {
      name: JOB,
      retry: { maxRetries: 0 },
      timeout: NO_TIMEOUT,
      removeOnComplete: true,
      removeOnFail: true,
    }

    async execute(): Promise<void> {
      await deliver(this.payload as HandedExecution)
    }
  }
}
