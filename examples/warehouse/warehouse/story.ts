import { once } from 'node:events'
import { randomBytes } from 'node:crypto'
import { spawn, type ChildProcess } from 'node:child_process'
import { setTimeout as wait } from 'node:timers/promises'
import { join } from 'node:path'
import type { Database } from 'better-sqlite3'
import { expectedSlots, slotRequestId } from './verify.ts'

const APP = join(import.meta.dirname, '..')
/** Longest wait for the slots after they are due. */
const PATIENCE = 45_000

export interface StoryOptions {
  data: string
  zone: string
  /** Wall clock of the first slot, HH:mm. */
  slot: string
  warehouse: Database
}

/**
 * Three processes: this one, which only looks on; the app's worker; and the
 * screens, which know nothing but the tables.
 */
export class Story {
  #options: StoryOptions
  #environment: NodeJS.ProcessEnv
  #worker: ChildProcess | null = null
  #screens: ChildProcess | null = null
  #stop = new AbortController()

  /** When the worker had drained, epoch ms. */
  endedAt = 0

  constructor(options: StoryOptions) {
    this.#options = options
    this.#environment = {
      ...process.env,
      NODE_ENV: 'production',
      // the story tells what fails; LOG_LEVEL=warn shows the app's own log beside it
      LOG_LEVEL: process.env.LOG_LEVEL ?? 'fatal',
      APP_KEY: randomBytes(24).toString('base64url'),
      WAREHOUSE_DATA: options.data,
      WAREHOUSE_ZONE: options.zone,
    }
  }

  get interrupted(): boolean {
    return this.#stop.signal.aborted
  }

  interrupt(): void {
    this.#stop.abort()
  }

  /** `node ace migration:run`: Almanac's own tables, in their own file. */
  async migrate(): Promise<void> {
    const migration = this.#run(['ace.js', 'migration:run', '--force', '--disable-locks'], 'ignore')
    const [code] = await once(migration, 'exit')
    if (code !== 0) {
      throw new Error(`migration:run ended with ${code}`)
    }
  }

  /** Plays until the last slot and request has its answer. Returns what went wrong. */
  async play(firstSlot: number): Promise<string[]> {
    this.#worker = this.#run(['ace.js', 'almanac:work'])
    const workerExit = once(this.#worker, 'exit')
    this.#screens = this.#run([
      '--import=@poppinss/ts-exec',
      'bin/screens.ts',
      join(this.#options.data, 'warehouse.sqlite3'),
      this.#options.slot,
    ])
    const screensExit = once(this.#screens, 'exit')

    await this.#untilAnswered(firstSlot)
    if (this.interrupted) {
      this.#screens.kill()
    }
    const [screensCode] = await screensExit
    this.#worker.kill('SIGTERM')
    const [workerCode, workerSignal] = await workerExit
    this.endedAt = Date.now()

    // A worker that Ctrl-C meets before it has booted has nothing to drain
    const drained = workerCode === 0 || (this.interrupted && workerSignal === 'SIGTERM')
    return [
      ...(drained ? [] : [`the worker ended with ${workerCode ?? workerSignal}`]),
      ...(screensCode === 0 || this.interrupted ? [] : [`the screens ended with ${screensCode}`]),
    ]
  }

  async #untilAnswered(firstSlot: number): Promise<void> {
    const answered = this.#options.warehouse.prepare(
      `select count(*) as rows from DWPRCREQ where REQUEST_ID = ? and STATUS = 'DONE'`
    )
    const unanswered = this.#options.warehouse.prepare(
      `select count(*) as rows from DWPRCREQ where STATUS not in ('DONE', 'FAILED')`
    )
    const count = (result: unknown) => (result as { rows: number }).rows
    const slots = expectedSlots(firstSlot, firstSlot)

    while (!this.interrupted && Date.now() < firstSlot + PATIENCE) {
      await wait(250, undefined, { signal: this.#stop.signal }).catch(() => {})
      const ran = slots.every((slot) => count(answered.get(slotRequestId(slot))) === 1)
      if (ran && count(unanswered.get()) === 0) {
        return
      }
    }
  }

  /** Children get a process group of their own, so that Ctrl-C reaches this process alone. */
  #run(args: string[], stdout: 'inherit' | 'ignore' = 'inherit'): ChildProcess {
    const child = spawn(process.execPath, args, {
      cwd: APP,
      env: this.#environment,
      stdio: ['ignore', stdout, 'inherit'],
      detached: true,
    })
    process.once('exit', () => child.kill())
    return child
  }
}
