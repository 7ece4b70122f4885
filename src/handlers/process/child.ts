import { spawn, type ChildProcess, type ChildProcessByStdio } from 'node:child_process'
import type { Duplex, Readable } from 'node:stream'
import type { Clock, ClockTimer } from '../../clock.ts'
import { Failed } from '../../jobs/outcome.ts'
import { killStrays, MARK } from './strays.ts'

export type OutputStream = 'stdout' | 'stderr'

export interface ChildSpec {
  file: string
  args: string[]
  cwd: string
  env: Record<string, string>
  /** ms between SIGTERM and SIGKILL */
  grace: number
  /** Marks the child and its descendants; one of a kind. */
  mark: string
  /** Opens a channel to a child that is Node.js, and is handed the child once it was started. */
  onChannel?: (child: ChildProcess) => void
  /** Opens a pipe to a child that is anything else, its descriptor 3, and is handed this end of it. */
  onPipe?: (pipe: Duplex) => void
}

export interface ChildEnd {
  /** null when a signal ended it */
  code: number | null
  signal: NodeJS.Signals | null
}

interface Deps {
  clock: Clock
  signal: AbortSignal
  onOutput(stream: OutputStream, chunk: Buffer): void
}

type Child = ChildProcessByStdio<null, Readable, Readable>

/** At a shutdown this process itself has no longer than that, ms. */
const SHUTDOWN_GRACE = 1_000
/** How long output may still come after the end, ms. */
const DRAIN = 1_000
/** What the system runs out of for a while: processes, memory, descriptors, the file that is being written. */
const SHORTAGES = ['EAGAIN', 'ENOMEM', 'EMFILE', 'ENFILE', 'ETXTBSY']
const windows = process.platform === 'win32'

/** The groups that live: a process that ends with them takes them along. */
const living = new Set<number>()
process.on('exit', () => living.forEach((pid) => killGroup(pid, 'SIGKILL')))

/**
 * Runs a program without a shell, in a process group of its own, to its end.
 * An abort ends the whole group: SIGTERM, and SIGKILL after the grace. What
 * the program leaves behind when it ends is killed as well.
 *
 * @throws Failed when the program cannot be started; an Error when the system only lacks the means just now
 */
export async function runChild(spec: ChildSpec, deps: Deps): Promise<ChildEnd> {
  deps.signal.throwIfAborted()
  const child = start(spec)
  const pid = await started(child, spec)
  living.add(pid)
  const ending = new Ending(pid, spec.grace, deps)
  try {
    spec.onChannel?.(child)
    spec.onPipe?.((child as ChildProcess).stdio[3] as Duplex)
    child.stdout.on('data', (chunk: Buffer) => deps.onOutput('stdout', chunk))
    child.stderr.on('data', (chunk: Buffer) => deps.onOutput('stderr', chunk))
    const end = await exited(child)
    killGroup(pid, 'SIGKILL')
    living.delete(pid)
    await killStrays(spec.mark)
    await drained(child, deps.clock)
    return end
  } finally {
    ending.stop()
  }
}

function start({ file, args, cwd, env, mark, onChannel, onPipe }: ChildSpec): Child {
  const third = [...(onChannel ? (['ipc'] as const) : []), ...(onPipe ? (['pipe'] as const) : [])]
  try {
    const child: ChildProcess = spawn(file, args, {
      cwd,
      env: { ...env, [MARK]: mark },
      detached: !windows,
      shell: false,
      stdio: ['ignore', 'pipe', 'pipe', ...third],
      windowsHide: true,
    })
    return child as Child
  } catch (error) {
    throw notStarted({ file, cwd }, error)
  }
}

function started(child: Child, spec: ChildSpec): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('spawn', () => resolve(child.pid as number))
    child.once('error', (error) => reject(notStarted(spec, error)))
  })
}

/** A later `error` only says that a signal could not be sent: the end still comes. */
function exited(child: Child): Promise<ChildEnd> {
  child.on('error', () => undefined)
  if (child.exitCode !== null || child.signalCode !== null) {
    return Promise.resolve({ code: child.exitCode, signal: child.signalCode })
  }
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }))
  })
}

/** Waits for what is still in the pipes, but not for somebody who holds them open. */
function drained(child: Child, clock: Clock): Promise<void> {
  const { stdout, stderr } = child
  if (stdout.closed && stderr.closed) {
    return Promise.resolve()
  }
  return new Promise((resolve) => {
    const timer = clock.timer(DRAIN, () => {
      stdout.destroy()
      stderr.destroy()
    })
    child.once('close', () => {
      timer.cancel()
      resolve()
    })
  })
}

/** Ends the group when the signal aborts. */
class Ending {
  readonly #pid: number
  readonly #deps: Deps
  readonly #grace: number
  readonly #end = () => this.#begin()
  #timer: ClockTimer | null = null

  constructor(pid: number, grace: number, deps: Deps) {
    this.#pid = pid
    this.#grace = grace
    this.#deps = deps
    // It may have aborted while the program was starting
    if (deps.signal.aborted) {
      this.#begin()
    } else {
      deps.signal.addEventListener('abort', this.#end, { once: true })
    }
  }

  stop(): void {
    this.#timer?.cancel()
    this.#deps.signal.removeEventListener('abort', this.#end)
  }

  #begin(): void {
    const { signal, clock } = this.#deps
    const grace = signal.reason === 'shutdown' ? Math.min(this.#grace, SHUTDOWN_GRACE) : this.#grace
    killGroup(this.#pid, 'SIGTERM')
    this.#timer = clock.timer(grace, () => killGroup(this.#pid, 'SIGKILL'))
  }
}

function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(windows ? pid : -pid, signal)
  } catch {
    // Nobody of the group is left
  }
}

function notStarted({ file, cwd }: Pick<ChildSpec, 'file' | 'cwd'>, cause: unknown): Error {
  const { code = '', message } = cause as NodeJS.ErrnoException
  const told = `"${file}" could not be started in "${cwd}": ${message}`
  return SHORTAGES.includes(code) ? new Error(told, { cause }) : new Failed(told, { cause })
}
