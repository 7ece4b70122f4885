import { AsyncLocalStorage } from 'node:async_hooks'
import { Output } from '../handlers/process/output.ts'
import type { OutputStream } from '../handlers/process/child.ts'
import type { ExecutionLogger } from '../types/handlers.ts'

/** Bytes of what an isolated handler prints that are kept in its log. */
const MAX_OUTPUT = 262_144

/** Writes what one attempt prints into its log. */
export function printsInto(logger: ExecutionLogger): Output {
  return new Output({ logger, maxOutput: MAX_OUTPUT, redact: (text) => text })
}

/** What the attempt prints in whose course something is written. */
interface Printing {
  output: Output
  over: boolean
}

/**
 * Tells what a thread prints apart: it writes where its whole process does.
 * What `run` begins prints into the log of its attempt, until the attempt is
 * over; anything else, also what it left behind, prints as it always did.
 * Only what goes through `process.stdout` and `process.stderr` is seen, as all
 * of `console` does.
 */
export class ThreadPrints {
  readonly #attempt = new AsyncLocalStorage<Printing>()

  constructor() {
    this.#divert('stdout')
    this.#divert('stderr')
  }

  async run<T>(logger: ExecutionLogger, work: () => T | Promise<T>): Promise<T> {
    const printing = { output: printsInto(logger), over: false }
    try {
      return await this.#attempt.run(printing, work)
    } finally {
      printing.over = true
      printing.output.end()
    }
  }

  #divert(stream: OutputStream): void {
    const target = process[stream]
    const write = target.write.bind(target) as (...given: unknown[]) => boolean
    target.write = (chunk: string | Uint8Array, ...given: unknown[]) => {
      const printing = this.#attempt.getStore()
      if (!printing || printing.over) {
        return write(chunk, ...given)
      }
      printing.output.add(stream, bytesOf(chunk, given[0]))
      const onWritten = given.find((one) => typeof one === 'function')
      if (onWritten) {
        process.nextTick(onWritten)
      }
      return true
    }
  }
}

function bytesOf(chunk: string | Uint8Array, encoding: unknown): Buffer {
  return typeof chunk === 'string'
    ? Buffer.from(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8')
    : Buffer.from(chunk)
}
