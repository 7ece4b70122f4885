import { EventEmitter, once } from 'node:events'
import type { Cluster, NodeProcess } from './cluster.ts'
import { POINTS, type ArmedPoint, type CrashPoint, type NodeOptions } from './protocol.ts'

/** Longest wait for one death, and after how long without one there is more work, ms. */
const PATIENCE = { death: 60_000, more: 1_500 }
/** Only the leader gets there: whoever it is. */
const FIRE = POINTS[0]

interface Deps {
  cluster: Cluster
  /** Deaths at each point. */
  rounds: number
  databases: Pick<NodeOptions, 'store' | 'warehouse'>
}

interface Member {
  node: NodeProcess
  /** Where it is to die, beside the fire. */
  point: CrashPoint | undefined
}

/** Nodes that die at every point, each as often as planned, and begin anew. */
export class Matrix {
  readonly hits = new Map<CrashPoint, number>(POINTS.map((point) => [point, 0]))
  readonly #deps: Deps
  readonly #members = new Map<string, Member>()
  readonly #died = new EventEmitter()
  #starts = 0
  #waits = 0
  #ending = false

  constructor(deps: Deps) {
    this.#deps = deps
  }

  get deaths(): number {
    return [...this.hits.values()].reduce((sum, count) => sum + count, 0)
  }

  get finished(): boolean {
    return this.#open.length === 0
  }

  start(name: string): void {
    const point = this.#free()
    const armed: ArmedPoint[] = point ? [{ point, count: 1 + (this.#starts++ % 3) }] : []
    const node = this.#deps.cluster.start({
      ...this.#deps.databases,
      crash: this.#open.includes(FIRE) ? [...armed, { point: FIRE, count: 1 }] : armed,
      config: {
        node: name,
        concurrency: 8,
        prefetch: 8,
        // Small, so that one tick has several batches
        tickBatch: 4,
        poll: { min: 10, max: 100 },
        lease: { ttl: 1_500, renew: 400 },
        leader: { ttl: 1_500, renew: 400 },
        maxRescues: 1_000,
      },
    })
    this.#members.set(name, { node, point })
    void this.#watch(name, node).catch((error: unknown) => this.#died.emit('error', error))
  }

  /**
   * Waits for a death by the plan.
   *
   * @returns false when the nodes seem to lack work that leads to their points
   * @throws when a node ended otherwise
   */
  async next(): Promise<boolean> {
    try {
      await once(this.#died, 'death', { signal: AbortSignal.timeout(PATIENCE.more) })
      this.#waits = 0
      return true
    } catch (error) {
      if ((error as Error).name !== 'AbortError') {
        throw error
      }
    }
    if (++this.#waits * PATIENCE.more > PATIENCE.death) {
      const armed = [...this.#members.values()].map(({ point }) => point)
      throw new Error(`Nobody died: ${JSON.stringify({ armed, hits: [...this.hits] })}`)
    }
    return false
  }

  async end(): Promise<(number | null)[]> {
    this.#ending = true
    const nodes = [...this.#members.values()].map(({ node }) => node)
    nodes.forEach((node) => node.kill('SIGTERM'))
    const exits = await Promise.all(nodes.map(({ exited }) => exited))
    return exits.map(({ code }) => code)
  }

  async #watch(name: string, node: NodeProcess): Promise<void> {
    const exit = await node.exited
    if (this.#ending || this.#deps.cluster.closed) {
      return
    }
    const [crash] = node.all('crash')
    if (exit.signal !== 'SIGKILL' || !crash) {
      throw new Error(`Node ${name} ended without a plan: ${JSON.stringify([exit, node.reports])}`)
    }
    this.hits.set(crash.point, this.hits.get(crash.point)! + 1)
    this.start(name)
    this.#died.emit('death')
  }

  get #open(): CrashPoint[] {
    return POINTS.filter((point) => this.hits.get(point)! < this.#deps.rounds)
  }

  /** The point that is hit least, and where nobody else waits for it already. */
  #free(): CrashPoint | undefined {
    const members = [...this.#members.values()].filter(({ node }) => !node.over)
    const taken = [FIRE, ...members.map(({ point }) => point)]
    const free = this.#open.filter((point) => !taken.includes(point))
    return free.sort((a, b) => this.hits.get(a)! - this.hits.get(b)!)[0]
  }
}
