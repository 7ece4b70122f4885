import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import Database from 'better-sqlite3'
import type { ExecutionRecord } from '../../../src/types/executions.ts'
import type { NodeProcess } from './cluster.ts'
import type { TestStore } from './databases.ts'
import type { OwnServer } from './own_server.ts'
import { patiently, until } from './patience.ts'
import type { LateWrites } from './protocol.ts'
import type { Random } from './random.ts'

/** Longer than a lease and the two leases after which a node counts as lost. */
const FREEZE = 5_000
/** How often it is looked whether a file is locked, and the ms between. */
const FILE = { looks: 40, pause: 25 }
/** Until statements that a frozen node had sent have taken effect, ms. */
const IN_HAND = 300
/** Longest wait for what must come: a take-over while others are killed, the first writes after a freeze, ms. */
const PATIENCE = 180_000

export interface Member {
  name: string
  process: NodeProcess
  frozen: boolean
  /** On its way out. */
  killed: boolean
  /** The server was away while it lived. */
  metOutage: boolean
}

type Held = Pick<ExecutionRecord, 'id' | 'attempt' | 'rescues'>

interface Deps {
  store: TestStore
  random: Random
  server: OwnServer | null
  /** Changes with each outage, and is another while one lasts. */
  disturbances: () => number
  problems: string[]
}

/**
 * Stops nodes with work in their hands for as long as it takes others to take
 * that over, and sees what they try when they go on.
 */
export class Freezer {
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** A node with work in its hands. */
  async #busy(victims: Member[]): Promise<Member | null> {
    const running = await this.#running()
    const busy = new Set(running.map(({ node }) => node))
    const suited = victims.filter((victim) =>
      victim.process.all('working').some(({ nodeId }) => busy.has(nodeId) && isSpared(victim))
    )
    return suited.length > 0 ? this.#deps.random.of(suited) : null
  }

  #running(): Promise<ExecutionRecord[]> {
    const { executions } = this.#deps.store.storage
    return patiently(() => executions.list({ states: ['running'], limit: 1_000 }))
  }

  /** @returns whether it had work that others took over, and went on */
  async freezeOne(victims: Member[]): Promise<boolean> {
    const victim = await this.#busy(victims)
    if (!victim) {
      return false
    }
    victim.frozen = true
    victim.process.kill('SIGSTOP')
    try {
      return await this.#frozen(victim)
    } finally {
      victim.process.kill('SIGCONT')
      victim.frozen = false
    }
  }

  async #frozen(victim: Member): Promise<boolean> {
    const { name, process } = victim
    const { disturbances } = this.#deps
    const before = disturbances()
    await setTimeout(IN_HAND)
    const held = await this.#heldBy(victim)
    if (held.length === 0 || process.over || !(await this.#canWrite())) {
      // Its work, or the node itself, ended in the moment before, or it holds the whole file
      return false
    }
    await setTimeout(FREEZE)
    const taken = await this.#takenOver(held)
    const earlier = process.all('thawed')
    process.kill('SIGCONT')
    const late = await this.#lateWrites(victim, earlier)
    if (late && before === disturbances()) {
      this.#judge(name, taken, late)
    }
    return late !== null && taken.length > 0
  }

  /**
   * A process that is stopped in a transaction on SQLite stops all others: no
   * server ends it. It has to go on before they give up, those that start first.
   */
  async #canWrite(): Promise<boolean> {
    const { server, store } = this.#deps
    if (server) {
      return true
    }
    const file = new Database(fileURLToPath(store.target.url), { timeout: 0 })
    try {
      for (let look = 0; look < FILE.looks; look++) {
        if (isFree(file)) {
          return true
        }
        await setTimeout(FILE.pause)
      }
      return false
    } finally {
      file.close()
    }
  }

  /** What a node tried that goes on; null when it died at once, as it was told to. */
  async #lateWrites({ name, process }: Member, earlier: object[]): Promise<LateWrites[] | null> {
    try {
      const thawed = await Promise.race([
        process.find('thawed', (report) => report.after > FREEZE && !earlier.includes(report)),
        setTimeout(PATIENCE, null, { ref: false }),
      ])
      if (!thawed) {
        this.#deps.problems.push(`${name} does not go on after a freeze`)
      }
      const later = process.all('thawed').filter((report) => !earlier.includes(report))
      return later.flatMap(({ holds }) => holds)
    } catch (error) {
      if (process.all('crash').length === 0) {
        throw error
      }
      return null
    }
  }

  async #heldBy({ process }: Member): Promise<Held[]> {
    const { nodeId } = await process.first('working')
    const running = await this.#running()
    return running.filter(({ node }) => node === nodeId)
  }

  /**
   * Waits until a frozen node owns nothing any more. Kills delay it, since who
   * rescues must have looked for a full lease.
   *
   * @returns what others took over; the end of the rest was on its way already
   */
  async #takenOver(held: Held[]): Promise<Held[]> {
    const { executions } = this.#deps.store.storage
    const taken: Held[] = []
    for (const hold of held) {
      const current = () => patiently(() => executions.find(hold.id))
      let found = await current()
      const isLeft = async () => {
        found = await current()
        return found!.state !== 'running' || found!.attempt !== hold.attempt
      }
      await until(isLeft, { patience: PATIENCE, describe: current })
      if (found!.rescues > hold.rescues) {
        taken.push(hold)
      }
    }
    return taken
  }

  /** Whoever was frozen with work in its hands has tried to go on with it, in vain. */
  #judge(name: string, taken: Held[], late: LateWrites[]): void {
    for (const { id, attempt } of taken) {
      const tried = late.filter((each) => each.id === id && each.attempt === attempt)
      if (tried.every(({ owned }) => owned)) {
        const what = tried.length > 0 ? 'still owned' : 'did not try again'
        this.#deps.problems.push(`${name} was frozen and ${what} ${id}, attempt ${attempt}`)
      }
    }
  }
}

/** Nothing happened to it while it was being chosen. */
function isSpared({ killed, process }: Member): boolean {
  return !killed && !process.over
}

/** Nobody is in a writing transaction. */
function isFree(file: Database.Database): boolean {
  try {
    file.exec('begin immediate')
    file.exec('rollback')
    return true
  } catch (error) {
    if ((error as { code?: string }).code !== 'SQLITE_BUSY') {
      throw error
    }
    return false
  }
}
