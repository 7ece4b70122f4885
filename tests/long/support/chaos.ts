import { setTimeout } from 'node:timers/promises'
import type { Cluster } from './cluster.ts'
import type { TestStore } from './databases.ts'
import { forgetMessages } from './engine.ts'
import { Freezer, type Member } from './freezer.ts'
import type { OwnServer } from './own_server.ts'
import { TICK_POINTS, type CrashPoint } from './protocol.ts'
import type { Random } from './random.ts'
import type { NodeWay } from './ways.ts'

const LEASE = 1_500
const FREEZE_PAUSE = 1_000
const KILL_PAUSE = 1_000
const FORGET_PAUSE = 3_000
/** How long the server stays away, ms: back before a lease lapses, and after all have. */
const OUTAGES = [0, 2 * LEASE]
/** Pause of a supervisor before it starts a node anew that found no database. */
const RESTART_PAUSE = 200
const NODES = ['n1', 'n2', 'n3']
/** Executions at once on a node, which may be processes. */
const CONCURRENCY = { quick: 8, isolated: 3 }
/** This node's wall clock is five minutes ahead. */
export const SKEWED = { node: 'n3', by: 5 * 60_000 }

interface Deps {
  cluster: Cluster
  store: TestStore
  random: Random
  /** How the nodes run executions. */
  way: NodeWay
  /** Of the store; null where it is a file, which nothing can restart. */
  server: OwnServer | null
  /** When the server is stopped, ms from the start; one time for each outage. */
  outagesAt: number[]
}

/** Three nodes to which everything happens that can happen to a node. */
export class Chaos {
  readonly figures = {
    kills: 0,
    freezes: 0,
    outages: [] as string[],
    /** Keys of the engine that hands messages on. */
    forgotten: 0,
    failedStarts: 0,
    deathsInTick: {} as Record<string, number>,
  }
  /** What no node and no freeze should have shown. */
  readonly problems: string[] = []
  readonly #deps: Deps
  readonly #freezer: Freezer
  readonly #members = new Map<string, Member>()
  #away = false
  #over = false

  constructor(deps: Deps) {
    this.#deps = deps
    const { store, random, server } = deps
    const disturbances = () => this.figures.outages.length + (this.#away ? 0.5 : 0)
    const { problems } = this
    this.#freezer = new Freezer({ store, random, server, disturbances, problems })
    TICK_POINTS.forEach((point) => (this.figures.deathsInTick[point] = 0))
    NODES.forEach((name) => this.#start(name))
  }

  get everyStepHit(): boolean {
    return Object.values(this.figures.deathsInTick).every((count) => count > 0)
  }

  get everythingHappened(): boolean {
    const { kills, freezes, outages, forgotten } = this.figures
    const { server, way } = this.#deps
    const planned = server ? OUTAGES.length : 0
    const harmed = kills > 0 && freezes > 0 && (forgotten > 0 || !way.engine)
    return this.everyStepHit && harmed && outages.length === planned
  }

  async run(): Promise<void> {
    await Promise.all([this.#kill(), this.#freeze(), this.#forget(), this.#restartServer()])
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
    const { cluster, store, server, way } = this.#deps
    const concurrency = way.isolated ? CONCURRENCY.isolated : CONCURRENCY.quick
    const hits = this.figures.deathsInTick
    const points = [...TICK_POINTS].sort((a, b) => hits[a] - hits[b])
    const armed = this.#over || this.everyStepHit ? [] : points.slice(0, 1)
    const ahead = name === SKEWED.node ? SKEWED.by : 0
    const options = {
      ...way,
      store: store.target,
      // SQLite's clock is that of the process: only what the process makes of it may be wrong
      skew: server ? 0 : ahead,
      crash: armed.map((point) => ({ point, count: 1 })),
      config: {
        ...way.config,
        node: name,
        concurrency,
        prefetch: concurrency,
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
      if (!this.#over && (await this.#freezer.freezeOne(this.#victims))) {
        this.figures.freezes++
      }
    }
  }

  /** The messages get lost, as with a server of Redis that keeps nothing. */
  async #forget(): Promise<void> {
    const { engine } = this.#deps.way
    while (engine && !this.#over) {
      await setTimeout(FORGET_PAUSE)
      this.figures.forgotten += await forgetMessages(engine)
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
