import { fileURLToPath } from 'node:url'
import { MessageChannel } from 'node:worker_threads'
import { Piscina } from 'piscina'
import { E_HANDLER_EXITED } from '../errors.ts'
import { HostBridge } from './host_bridge.ts'
import { threadArguments } from './node_arguments.ts'
import { lineOf } from './port_line.ts'
import { jobOf, unpackEnd, type FromHandler, type ToHandler, type WireEnd } from './wire.ts'
import type { Clock } from '../clock.ts'
import type { HandlerContext, Isolation } from '../types/handlers.ts'
import type { Logger } from '../types/logger.ts'
import type { ThreadTask } from './thread_main.ts'

/** A thread that found nothing to do for so long is ended, with the app that it booted, ms. */
const IDLE = 60_000

interface Deps {
  clock: Clock
  logger: Logger
  /** URL of the app's root. */
  root: string
}

/**
 * Runs each attempt in a worker thread, which boots the app once and is used
 * again. An abort is told; a handler that does not end within its grace is
 * ended with its thread. A memory cap is the thread's, so that each cap has
 * threads of its own.
 */
export class ThreadIsolator {
  readonly #deps: Deps
  readonly #pools = new Map<number | null, Piscina<ThreadTask, void>>()

  constructor(deps: Deps) {
    this.#deps = deps
  }

  async run(name: string, isolation: Isolation, context: HandlerContext): Promise<unknown> {
    // While the first one was loaded, say: a signal tells of its abort once
    context.signal.throwIfAborted()
    const { port1: port, port2 } = new MessageChannel()
    const bridge = new HostBridge(lineOf<ToHandler, FromHandler>(port), context)
    const force = this.#forceAfterGrace(context.signal, isolation.grace)
    try {
      const task = { job: jobOf(name, isolation, { root: this.#deps.root, context }), port: port2 }
      const options = { transferList: [port2], signal: force.signal }
      const pool = this.#poolOf(isolation.memory)
      const ended = pool.run(task, options).then(
        // It was sent before the task ended, on a port of its own
        () => bridge.end,
        (error: unknown) => exited(name, error, { isolation, signal: context.signal })
      )
      return unpackEnd(await ended)
    } finally {
      force.cancel()
      bridge.close()
      port.close()
    }
  }

  /** Ends all threads, and what still runs in them. */
  async close(): Promise<void> {
    const pools = [...this.#pools.values()]
    this.#pools.clear()
    await Promise.all(pools.map((pool) => pool.destroy()))
  }

  #forceAfterGrace(signal: AbortSignal, grace: number) {
    const force = new AbortController()
    let timer: { cancel(): void } | null = null
    const onAbort = () => {
      timer = this.#deps.clock.timer(grace, () => force.abort())
    }
    signal.addEventListener('abort', onAbort, { once: true })
    return {
      signal: force.signal,
      cancel: () => {
        signal.removeEventListener('abort', onAbort)
        timer?.cancel()
      },
    }
  }

  #poolOf(memory: number | null): Piscina<ThreadTask, void> {
    const known = this.#pools.get(memory)
    if (known) {
      return known
    }
    const entry = new URL(`./thread_main${import.meta.url.slice(-3)}`, import.meta.url)
    const pool = new Piscina<ThreadTask, void>({
      filename: fileURLToPath(entry),
      minThreads: 0,
      // What runs at once is bounded by the places for executions
      maxThreads: Number.MAX_SAFE_INTEGER,
      idleTimeout: IDLE,
      // The app of a thread goes on living between two attempts
      atomics: 'disabled',
      execArgv: threadArguments(process.execArgv, this.#deps.root),
      resourceLimits: memory === null ? {} : { maxOldGenerationSizeMb: memory },
    })
    pool.on('error', (error: unknown) =>
      this.#deps.logger.error({ err: error }, 'A thread of isolated handlers failed while idle')
    )
    this.#pools.set(memory, pool)
    return pool
  }
}

/** @throws what the signal was aborted with, or E_HANDLER_EXITED */
function exited(
  name: string,
  error: unknown,
  { isolation, signal }: { isolation: Isolation; signal: AbortSignal }
): WireEnd {
  signal.throwIfAborted()
  throw new E_HANDLER_EXITED([name, howItEnded(error, isolation)], { cause: error })
}

function howItEnded(error: unknown, { memory }: Isolation): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'ERR_WORKER_OUT_OF_MEMORY') {
    const cap = memory === null ? 'what Node.js gives' : `its ${memory} MiB`
    return `its thread was ended: it needed more memory than ${cap}`
  }
  return `its thread ended: ${message}`
}
