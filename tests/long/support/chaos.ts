import { setTimeout } from 'node:timers/promises'
import type { ExecutionRecord } from '../../../src/types/executions.ts'
import type { Cluster, NodeProcess } from './cluster.ts'
import type { TestStore } from './databases.ts'
import type { OwnServer } from './own_server.ts'
import { patiently, until } from './patience.ts'
import { TICK_POINTS, type CrashPoint, type LateWrites } from './protocol.ts'
import type { Random } from './random.ts'

export const LEASE = 1_500
/** Longer than a lease and the two leases after which a node counts as lost. */
const FREEZE = 5_000
/** Until statements that a frozen node had sent have taken effect, ms. */
const IN_HAND = 300
const FREEZE_PAUSE = 1_000
/** Longest wait for what must come: a take-over while others are killed, the first writes after a freeze, ms. */
const PATIENCE = 180_000
const KILL_PAUSE = 1_000
/** How long the server stays away, ms: back before a lease lapses, and after all have. */
const OUTAGES = [0, 2 * LEASE]
/** Pause of a supervisor before it starts a node anew that found no database. */
const RESTART_PAUSE = 200
const NODES = ['n1', 'n2', 'n3']
/** This node's wall clock is five minutes ahead. */
export const SKEWED = { node: 'n3', by: 5 * 60_000 }

interface Deps {
  cluster: Cluster
  store: TestStore
  random: Random
  /** Of the store; null where it is a file, which nothing can restart. */
  server: OwnServer | null
  /** When the server is stopped, ms from the start; one time for each outage. */
  outagesAt: number[]
}

interface Member {
  name: string
  process: NodeProcess
  frozen: boolean
  /** On its way out. */
  killed: boolean
  /** The server was away while it lived. */
  metOutage: boolean
}

type Held = Pick<ExecutionRecord, 'id' | 'attempt'>

/** Three nodes to which everything happens that can happen to a node. */
export class Chaos {
  readonly figures = {
    kills: 0,
    freezes: 0,
    outages: [] as string[],
    failedStarts: 0,
    deathsInTick: {} as Record<string, number>,
  }
  /** What no node and no freeze should have shown. */
  readonly problems: string[] = []
  readonly #deps: Deps
  readonly #members = new Map<string, Member>()
  #away = false
  #over = false

  constructor(deps: Deps) {
    this.#deps = deps
    TICK_POINTS.forEach((point) => (this.figures.deathsInTick[point] = 0))
    NODES.forEach((name) => this.#start(name))
  }

  get everyStepHit(): boolean {
    return Object.values(this.figures.deathsInTick).every((count) => count > 0)
  }

  get everythingHappened(): boolean {
    const { kills, freezes, outages } = this.figures
    const planned = this.#deps.server ? OUTAGES.length : 0
    return this.everyStepHit && kills > 0 && freezes > 0 && outages.length === planned
  }

  async run(): Promise<void> {
    await Promise.all([this.#kill(), this.#freeze(), this.#restartServer()])
  }

  /** No further harm; nodes that are gone are started once more. */
  calm(): void {
    this.#over = true
  }

  async end(): Promise<{ code: number | null }[]> {
    const nodes = [...this.#members.values()].map(({ process }) => process)
    await Promise.all(nodes.map((node) => node.first('working')))
    nodes.forEach((node) => node.kill('SIGTERM'))
    return Promise.all(nodes.map(({ exited }) => exited))
  }

  #start(name: string): void {
    const { cluster, store, server } = this.#deps
    const hits = this.figures.deathsInTick
    const points = [...TICK_POINTS].sort((a, b) => hits[a] - hits[b])
    const armed = this.#over || this.everyStepHit ? [] : points.slice(0, 1)
    const ahead = name === SKEWED.node ? SKEWED.by : 0
    const options = {
      store: store.target,
      // SQLite's clock is that of the process: only what the process makes of it may be wrong
      skew: server ? 0 : ahead,
      crash: armed.map((point) => ({ point, count: 1 })),
      config: {
        node: name,
        concurrency: 8,
        prefetch: 8,
        poll: { min: 10, max: 100 },
        lease: { ttl: LEASE, renew: 400 },
        leader: { ttl: LEASE, renew: 400 },
        tickMax: 500,
        maxRescues: 10_000,
      },
    }
    const process = cluster.start(options, server ? ahead : 0)
    const member = { name, process, frozen: false, killed: false, metOutage: this.#away }
    this.#members.set(name, member)
    void process.exited.then((exit) => this.#gone(member, exit.signal))
  }

  async #gone(member: Member, signal: NodeJS.Signals | null): Promise<void> {
    const { name, process } = member
    if (this.#deps.cluster.closed) {
      return
    }
    const [failed] = process.all('failed')
    if (signal === 'SIGKILL') {
      for (const { point } of process.all('crash')) {
        this.figures.deathsInTick[point as CrashPoint]++
      }
    } else if (failed?.code === 'E_STORAGE_UNAVAILABLE' && member.metOutage) {
      this.figures.failedStarts++
      await setTimeout(RESTART_PAUSE)
    } else {
      if (!this.#over) {
        this.problems.push(`${name} ended by itself: ${JSON.stringify(process.reports.at(-1))}`)
      }
      return
    }
    this.#start(name)
  }

  /** Those that work, and that nothing happens to at the moment. */
  get #victims(): Member[] {
    return [...this.#members.values()].filter(
      ({ process, frozen, killed }) =>
        !frozen && !killed && !process.over && process.all('working').length > 0
    )
  }

  /** A random node every second; one that is frozen or not there yet is spared. */
  async #kill(): Promise<void> {
    while (!this.#over) {
      await setTimeout(KILL_PAUSE)
      const member = this.#members.get(this.#deps.random.of(NODES))!
      if (!this.#over && this.#victims.includes(member)) {
        this.figures.kills++
        member.killed = true
        member.process.kill('SIGKILL')
      }
    }
  }

  async #freeze(): Promise<void> {
    while (!this.#over) {
      await setTimeout(FREEZE_PAUSE)
      const victim = await this.#busyVictim()
      if (victim && !this.#over) {
        await this.#freezeOne(victim)
      }
    }
  }

  /** A node with work in its hands. */
  async #busyVictim(): Promise<Member | null> {
    const running = await this.#running()
    const busy = new Set(running.map(({ node }) => node))
    const victims = this.#victims.filter(({ process }) =>
      process.all('working').some(({ nodeId }) => busy.has(nodeId))
    )
    return victims.length > 0 ? this.#deps.random.of(victims) : null
  }

  #running(): Promise<ExecutionRecord[]> {
    const { executions } = this.#deps.store.storage
    return patiently(() => executions.list({ states: ['running'], limit: 1_000 }))
  }

  async #freezeOne(victim: Member): Promise<void> {
    const { process } = victim
    const outages = this.figures.outages.length
    victim.frozen = true
    process.kill('SIGSTOP')
    try {
      await setTimeout(IN_HAND)
      const held = await this.#heldBy(victim)
      if (held.length === 0 || process.over) {
        // Its work, or the node itself, ended in the moment before
        return
      }
      await setTimeout(FREEZE)
      await this.#takenOver(held)
      process.kill('SIGCONT')
      const late = await this.#lateWrites(victim)
      if (late) {
        this.figures.freezes++
        const undisturbed = outages === this.figures.outages.length && !this.#away
        this.#judge(victim.name, undisturbed ? held : [], late)
      }
    } finally {
      process.kill('SIGCONT')
      victim.frozen = false
    }
  }

  /** What a node tried that goes on; null when it died at once, as it was told to. */
  async #lateWrites({ name, process }: Member): Promise<LateWrites[] | null> {
    try {
      const thawed = await Promise.race([
        process.find('thawed', ({ after }) => after > FREEZE),
        setTimeout(PATIENCE, null, { ref: false }),
      ])
      if (!thawed) {
        this.problems.push(`${name} does not go on after a freeze`)
      }
      return thawed?.holds ?? []
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
   * Waits until others have taken over what a frozen node held. Kills delay
   * it, since who rescues must have looked for a full lease.
   */
  async #takenOver(held: Held[]): Promise<void> {
    const { executions } = this.#deps.store.storage
    for (const { id, attempt } of held) {
      const current = () => patiently(() => executions.find(id))
      const isOurs = async () => {
        const found = await current()
        return found!.state === 'running' && found!.attempt === attempt
      }
      await until(async () => !(await isOurs()), { patience: PATIENCE, describe: current })
    }
  }

  /** Whoever was frozen with work in its hands has tried to go on with it, in vain. */
  #judge(name: string, held: Held[], late: LateWrites[]): void {
    for (const { id, attempt } of held) {
      const tried = late.find((each) => each.id === id && each.attempt === attempt)
      if (!tried || tried.owned) {
        const what = tried ? 'still owned' : 'did not try again'
        this.problems.push(`${name} was frozen and ${what} ${id}, attempt ${attempt}`)
      }
    }
  }

  async #restartServer(): Promise<void> {
    const { server, outagesAt } = this.#deps
    const began = performance.now()
    for (const [index, pause] of server ? OUTAGES.entries() : []) {
      await setTimeout(Math.max(0, outagesAt[index] - (performance.now() - began)))
      const from = performance.now()
      this.#away = true
      this.#members.forEach((member) => (member.metOutage = true))
      await server!.stopHard()
      await setTimeout(pause)
      await server!.start()
      this.#away = false
      this.figures.outages.push(`${Math.round(performance.now() - from)} ms`)
    }
  }
}
