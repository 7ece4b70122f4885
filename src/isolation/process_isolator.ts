import { fileURLToPath } from 'node:url'
import type { ChildProcess } from 'node:child_process'
import { E_HANDLER_EXITED } from '../errors.ts'
import { runChild, type ChildEnd } from '../handlers/process/child.ts'
import { HostBridge } from './host_bridge.ts'
import { nodeArguments } from './node_arguments.ts'
import { printsInto } from './prints.ts'
import {
  jobOf,
  unpackEnd,
  type FromHandler,
  type Line,
  type ToHandler,
  type WireEnd,
} from './wire.ts'
import type { Clock } from '../clock.ts'
import type { HandlerContext, Isolation, Isolator } from '../types/handlers.ts'

/** How long the app of a handler that has ended may take to terminate, ms. */
const TERMINATION = 5_000
const OUT_OF_MEMORY = /heap out of memory|allocation failed/i

interface Deps {
  clock: Clock
  /** URL of the app's root. */
  root: string
}

/**
 * Runs each attempt in a process of its own, which boots the app and ends
 * with the handler. An abort is told and asks the process to end (SIGTERM);
 * what does not end within its grace is killed, with all that it started.
 */
export class ProcessIsolator implements Isolator {
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
  }

  async run(name: string, isolation: Isolation, context: HandlerContext): Promise<unknown> {
    const { clock, root } = this.#deps
    const output = printsInto(context.logger)
    const over = new AbortController()
    const outcome: { end: WireEnd | null } = { end: null }
    const job = jobOf(name, isolation, { root, context })
    const exit = await runChild(
      this.#child(isolation, context, (child) => {
        const bridge = new HostBridge(lineTo(child), context)
        child.once('exit', () => bridge.close())
        void bridge.end.then((end) => {
          outcome.end = end
          clock.timer(TERMINATION, () => over.abort('ended'), { ref: false })
        })
        lineTo(child).send({ type: 'run', job })
      }),
      {
        clock,
        signal: AbortSignal.any([context.signal, over.signal]),
        onOutput: (stream, chunk) => output.add(stream, chunk),
      }
    )
    output.end()
    if (outcome.end) {
      return unpackEnd(outcome.end)
    }
    context.signal.throwIfAborted()
    throw new E_HANDLER_EXITED([name, howItEnded(exit, output.tail('stderr'), isolation)])
  }

  #child(
    { memory, grace }: Isolation,
    { execution }: HandlerContext,
    onChannel: (child: ChildProcess) => void
  ) {
    const entry = new URL(`./child_main${import.meta.url.slice(-3)}`, import.meta.url)
    const options = nodeArguments(process.execArgv, { root: this.#deps.root, memory })
    return {
      file: process.execPath,
      args: [...options, fileURLToPath(entry)],
      // Options of this process may name what is found from where it was started
      cwd: process.cwd(),
      env: process.env as Record<string, string>,
      grace,
      mark: `${execution.id}.${execution.attempt}`,
      onChannel,
    }
  }
}

/** A message to a child that is gone is lost: its end tells all. */
function lineTo(child: ChildProcess): Line<ToHandler, FromHandler> {
  return {
    send: (message) => void (child.connected && child.send(message, () => undefined)),
    onMessage: (listener) => child.on('message', (message) => listener(message as FromHandler)),
  }
}

function howItEnded(end: ChildEnd, stderr: string, { memory }: Isolation): string {
  const how = end.code === null ? `it was ended by ${end.signal}` : `it ended with code ${end.code}`
  if (OUT_OF_MEMORY.test(stderr)) {
    const cap = memory === null ? 'what Node.js gives' : `its ${memory} MiB`
    return `${how}: it needed more memory than ${cap}`
  }
  const last = stderr.split('\n').at(-1)
  return last ? `${how}: ${last}` : how
}
