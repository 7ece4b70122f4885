import { once } from 'node:events'
import { MessageChannel, receiveMessageOnPort, Worker, type MessagePort } from 'node:worker_threads'

export interface Question {
  /** Which one it is: an answer that comes too late is none to the next. */
  number?: number
  /** Schema or database, empty for none. */
  place: string
  sql: string
  values: unknown[]
}
export type Answer = { number?: number } & ({ rows: Record<string, unknown>[] } | { error: string })

/** Longest wait for one statement, ms. */
const PATIENCE = 15_000

/**
 * Another program's connection to a database server, which answers at once as
 * SQLite does: the statements run in a thread of their own, and this one waits.
 * So the same test reads all databases in the same way.
 */
export class ForeignServer {
  static readonly #opened = new Map<string, Promise<ForeignServer>>()
  readonly #url: string
  readonly #worker: Worker
  readonly #flag: Int32Array
  readonly #port: MessagePort
  #asked = 0

  private constructor(url: string, worker: Worker, flag: Int32Array, port: MessagePort) {
    this.#url = url
    this.#worker = worker
    this.#flag = flag
    this.#port = port
  }

  /** One connection per server and process. */
  static open(url: string): Promise<ForeignServer> {
    const opened = this.#opened.get(url) ?? this.#connect(url)
    this.#opened.set(url, opened)
    return opened
  }

  static async #connect(url: string): Promise<ForeignServer> {
    const flag = new Int32Array(new SharedArrayBuffer(4))
    const { port1, port2 } = new MessageChannel()
    const worker = new Worker(new URL('./foreign_worker.ts', import.meta.url), {
      workerData: { flag, port: port2, url },
      transferList: [port2],
    })
    await once(worker, 'message')
    worker.unref()
    port1.unref()
    return new ForeignServer(url, worker, flag, port1)
  }

  /** Ends the connection; the next one to ask for this server gets a new one. */
  async close(): Promise<void> {
    ForeignServer.#opened.delete(this.#url)
    await this.#worker.terminate()
  }

  query(question: Question): Record<string, unknown>[] {
    const number = ++this.#asked
    Atomics.store(this.#flag, 0, 0)
    this.#port.postMessage({ ...question, number })
    const answer = this.#answerTo(number)
    if (answer === null) {
      throw new Error(`no answer in ${PATIENCE} ms: ${question.sql}`)
    }
    if ('error' in answer) {
      throw new Error(`${answer.error} (${question.sql})`)
    }
    return answer.rows
  }

  /** @returns null when there is none in time */
  #answerTo(number: number): Answer | null {
    const deadline = performance.now() + PATIENCE
    for (;;) {
      const received = receiveMessageOnPort(this.#port)?.message as Answer | undefined
      if (received?.number === number) {
        return received
      }
      const left = deadline - performance.now()
      if (!received && (left <= 0 || Atomics.wait(this.#flag, 0, 0, left) === 'timed-out')) {
        return null
      }
      if (!received) {
        Atomics.store(this.#flag, 0, 0)
      }
    }
  }
}
