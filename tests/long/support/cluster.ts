import { spawn, type ChildProcess } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { NodeOptions, Report } from './protocol.ts'

export { until } from './patience.ts'

const SCRIPT = fileURLToPath(new URL('node.ts', import.meta.url))
/** Node.js reads the TypeScript itself and keeps what it made of it: half of a start is saved. */
const LOADING = ['--experimental-transform-types', '--disable-warning=ExperimentalWarning']
const COMPILED = join(tmpdir(), 'almanac-compiled')

type Kind = Report['kind']
type ReportOf<K extends Kind> = Extract<Report, { kind: K }>

/** One process of the cluster, as its parent sees it. */
export class NodeProcess {
  readonly child: ChildProcess
  readonly reports: Report[] = []
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
  readonly #reported = new EventEmitter()
  #over = false
  #end = ''

  constructor(environment: Record<string, string>) {
    this.child = spawn(process.execPath, [...LOADING, SCRIPT], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, NODE_COMPILE_CACHE: COMPILED, ...environment },
    })
    // A write to a process that was killed a moment ago
    this.child.stdin!.on('error', () => {})
    const lines = createInterface({ input: this.child.stdout! })
    lines.on('line', (line) => this.#onLine(line))
    this.exited = Promise.all([once(this.child, 'exit'), once(lines, 'close')]).then(([exit]) => {
      const [code, signal] = exit as [number | null, NodeJS.Signals | null]
      this.#over = true
      this.#end = String(signal ?? code)
      this.#reported.emit('report')
      return { code, signal }
    })
  }

  get over(): boolean {
    return this.#over
  }

  begin(options: NodeOptions): void {
    this.child.stdin!.end(`${JSON.stringify(options)}\n`)
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal)
  }

  all<K extends Kind>(kind: K): ReportOf<K>[] {
    return this.reports.filter((report): report is ReportOf<K> => report.kind === kind)
  }

  /** The first report of this kind. @throws when the process ends without one */
  first<K extends Kind>(kind: K): Promise<ReportOf<K>> {
    return this.find(kind, () => true)
  }

  /** The first of this kind that fits. @throws when the process ends without one */
  async find<K extends Kind>(
    kind: K,
    fits: (report: ReportOf<K>) => boolean
  ): Promise<ReportOf<K>> {
    for (;;) {
      const found = this.all(kind).find(fits)
      if (found) {
        return found
      }
      if (this.#over) {
        const reports = JSON.stringify(this.reports)
        throw new Error(`The node ended (${this.#end}) without "${kind}": ${reports}`)
      }
      await once(this.#reported, 'report')
    }
  }

  #onLine(line: string): void {
    this.reports.push(JSON.parse(line) as Report)
    this.#reported.emit('report')
  }
}

/**
 * Starts nodes as processes of their own. One process more is always loaded
 * and waits, so that a node that was killed has its successor at once.
 */
export class Cluster {
  readonly nodes: NodeProcess[] = []
  readonly #faketime: string
  /** By how far their machine's wall clock is ahead. */
  readonly #spares = new Map<number, NodeProcess>()
  #closed = false

  /** @param faketime path of the library that shifts the clock of nodes that are to have another */
  constructor(faketime = '') {
    this.#faketime = faketime
  }

  get closed(): boolean {
    return this.#closed
  }

  /**
   * A node that has its options; it works once it reports so.
   *
   * @param ahead ms that the wall clock of its machine is ahead of all others'
   */
  start(options: NodeOptions, ahead = 0): NodeProcess {
    const node = this.#spares.get(ahead) ?? this.#spawn(ahead)
    this.#spares.set(ahead, this.#spawn(ahead))
    node.begin(options)
    return node
  }

  /** Several nodes, all of them working. */
  async startAll(options: NodeOptions[]): Promise<NodeProcess[]> {
    const nodes = options.map((each) => this.start(each))
    await Promise.all(nodes.map((node) => node.first('working')))
    return nodes
  }

  /** Reports of one kind of all nodes there ever were. */
  all<K extends Kind>(kind: K): ReportOf<K>[] {
    return this.nodes.flatMap((node) => node.all(kind))
  }

  /** Kills whatever is left. */
  async close(): Promise<void> {
    this.#closed = true
    for (const node of this.nodes) {
      node.kill('SIGKILL')
    }
    await Promise.all(this.nodes.map(({ exited }) => exited))
  }

  #spawn(ahead: number): NodeProcess {
    const node = new NodeProcess(ahead === 0 ? {} : this.#shifted(ahead))
    this.nodes.push(node)
    return node
  }

  #shifted(ahead: number): Record<string, string> {
    return {
      LD_PRELOAD: this.#faketime,
      FAKETIME: `+${ahead / 1_000}`,
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    }
  }
}
