import { setTimeout } from 'node:timers/promises'
import { getActiveTest, test } from '@japa/runner'
import { auditStore, readAudit, type AuditRow } from './support/audit.ts'
import { createStore, type TestStore } from './support/databases.ts'
import { Cluster, until, type NodeProcess } from './support/cluster.ts'
import { TICK_POINTS, type CrashPoint } from './support/protocol.ts'
import { Random } from './support/random.ts'
import { allExecutions } from './support/reading.ts'
import { event, execution } from './support/records.ts'
import { printFigures, scaled } from './support/scale.ts'

const EVENTS = scaled(50, 10)
const SLOTS_EACH = scaled(100, 50)
const ENQUEUED = scaled(5_000, 500)
const KEYS = 40
/** How long work comes in, and the longest wait for its end afterwards, ms. */
const DURATION = scaled(60_000, 20_000)
const PATIENCE = 180_000
const LEASE = 1_500
/** Longer than a lease and the two leases after which a node counts as lost. */
const FREEZE = 5_000
const FREEZE_PAUSE = 1_000
/** Longest wait for the first writes after a freeze, ms. */
const THAW = 15_000
const KILL_PAUSE = 1_000
const NODES = ['n1', 'n2', 'n3']
/** This node's wall clock is five minutes ahead. */
const SKEWED = { node: 'n3', by: 5 * 60_000 }
const SEED = Number(process.env.ALMANAC_LONG_SEED || Date.now() % 1_000_000)

interface Member {
  name: string
  process: NodeProcess
  frozen: boolean
}

/** Three nodes to which everything happens that can happen to a node. */
class Chaos {
  readonly figures = { kills: 0, freezes: 0, deathsInTick: {} as Record<string, number> }
  readonly #cluster: Cluster
  readonly #store: TestStore
  readonly #random: Random
  readonly #members = new Map<string, Member>()
  readonly #problems: string[] = []
  #over = false

  constructor(cluster: Cluster, store: TestStore, random: Random) {
    this.#cluster = cluster
    this.#store = store
    this.#random = random
    TICK_POINTS.forEach((point) => (this.figures.deathsInTick[point] = 0))
    NODES.forEach((name) => this.#start(name))
  }

  /** Deaths that nobody planned. */
  get problems(): string[] {
    return this.#problems
  }

  get everyStepHit(): boolean {
    return Object.values(this.figures.deathsInTick).every((count) => count > 0)
  }

  async run(): Promise<void> {
    await Promise.all([this.#kill(), this.#freeze()])
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
    const hits = this.figures.deathsInTick
    const points = [...TICK_POINTS].sort((a, b) => hits[a] - hits[b])
    const armed = this.#over || this.everyStepHit ? [] : points.slice(0, 1)
    const process = this.#cluster.start({
      store: this.#store.target,
      skew: name === SKEWED.node ? SKEWED.by : 0,
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
    })
    const member = { name, process, frozen: false }
    this.#members.set(name, member)
    void process.exited.then((exit) => this.#gone(member, exit.signal))
  }

  #gone({ name, process }: Member, signal: NodeJS.Signals | null): void {
    if (this.#cluster.closed) {
      return
    }
    if (signal !== 'SIGKILL') {
      if (!this.#over) {
        this.#problems.push(`${name} ended by itself: ${JSON.stringify(process.reports.at(-1))}`)
      }
      return
    }
    for (const { point } of process.all('crash')) {
      this.figures.deathsInTick[point as CrashPoint]++
    }
    this.#start(name)
  }

  /** Those that work, and that nothing happens to at the moment. */
  get #victims(): Member[] {
    return [...this.#members.values()].filter(
      ({ process, frozen }) => !frozen && !process.over && process.all('working').length > 0
    )
  }

  async #kill(): Promise<void> {
    while (!this.#over) {
      await setTimeout(KILL_PAUSE)
      const victims = this.#victims
      if (victims.length > 0 && !this.#over) {
        this.figures.kills++
        this.#random.of(victims).process.kill('SIGKILL')
      }
    }
  }

  /** A node with work in its hands. */
  async #busyVictim(): Promise<Member | null> {
    const running = await this.#store.storage.executions.list({ states: ['running'] })
    const busy = new Set(running.map(({ node }) => node))
    const victims = this.#victims.filter(({ process }) =>
      process.all('working').some(({ nodeId }) => busy.has(nodeId))
    )
    return victims.length > 0 ? this.#random.of(victims) : null
  }

  /** Kills delay the rescue, since who rescues must have looked for a full lease. */
  async #takenOver({ process }: Member): Promise<void> {
    const { nodeId } = await process.first('working')
    const held = async () => {
      const running = await this.#store.storage.executions.list({ states: ['running'] })
      return running.filter(({ node }) => node === nodeId).length
    }
    await until(async () => (await held()) === 0, { patience: PATIENCE, describe: held })
  }

  async #freeze(): Promise<void> {
    while (!this.#over) {
      await setTimeout(FREEZE_PAUSE)
      const victim = await this.#busyVictim()
      if (!victim || this.#over) {
        continue
      }
      victim.frozen = true
      victim.process.kill('SIGSTOP')
      await setTimeout(FREEZE)
      await this.#takenOver(victim)
      victim.process.kill('SIGCONT')
      this.figures.freezes++
      await Promise.race([victim.process.first('thawed').catch(() => {}), setTimeout(THAW)])
      victim.frozen = false
    }
  }
}

interface Expected {
  slots: string[]
  ids: string[]
}

/** The work that comes in, evenly over the duration. */
async function feed(store: TestStore, random: Random, expected: Expected): Promise<void> {
  const now = await store.storage.now()
  const first = Math.floor(now / 1_000) * 1_000 + DURATION - SLOTS_EACH * 1_000
  for (let index = 0; index < EVENTS; index++) {
    const one = event({
      name: `event ${index}`,
      handler: 'work',
      payload: { duration: random.below(30) },
      trigger: { kind: 'interval', every: 1_000 },
      concurrencyKey: `key ${index % KEYS}`,
      maxRuns: SLOTS_EACH,
      nextRunAt: first,
    })
    await store.storage.events.insert({ now: null, event: one })
    for (let slot = 0; slot < SLOTS_EACH; slot++) {
      expected.slots.push(`${one.id}:${first + slot * 1_000}`)
    }
  }
  const steps = DURATION / 500
  for (let step = 0; step < steps; step++) {
    const count = Math.ceil((ENQUEUED - expected.ids.length) / (steps - step))
    const executions = Array.from({ length: count }, () => work(random))
    await store.storage.executions.enqueue({ now: null, executions })
    expected.ids.push(...executions.map(({ id }) => id))
    await setTimeout(500)
  }
}

/** Some are long, so that a freeze meets them. */
function work(random: Random) {
  const concurrencyKey = random.next() < 0.6 ? `key ${random.below(KEYS)}` : null
  const duration = random.next() < 0.25 ? 700 : random.below(30)
  return execution({ handler: 'work', payload: { duration }, concurrencyKey })
}

interface Findings {
  overlaps: number
  earlyTakeovers: number
  takeovers: number
  attempts: number
  successes: Map<string, number>
}

/** Goes through the database's own notes. */
function replay(audit: AuditRow[]): Findings {
  const holders = new Map<string, string>()
  const found: Findings = {
    overlaps: 0,
    earlyTakeovers: 0,
    takeovers: 0,
    attempts: 0,
    successes: new Map(),
  }
  for (const row of audit) {
    const { id, concurrency_hash: key } = row
    if (row.state_from === 'running' && key !== null && holders.get(key) === id) {
      holders.delete(key)
    }
    if (row.state_to === 'running') {
      found.attempts++
      found.overlaps += key !== null && holders.has(key) ? 1 : 0
      if (key !== null) {
        holders.set(key, id)
      }
    }
    if (Number(row.rescues_to) > Number(row.rescues_from)) {
      found.takeovers++
      found.earlyTakeovers += Number(row.lease_from) > Number(row.at) ? 1 : 0
    }
    if (row.state_to === 'succeeded') {
      found.successes.set(id, (found.successes.get(id) ?? 0) + 1)
    }
  }
  return found
}

test.group('Chaos', () => {
  const total = EVENTS * SLOTS_EACH + ENQUEUED
  test(`${total} executions on three nodes that are killed and frozen`, async ({ assert }) => {
    const random = new Random(SEED)
    const store = await createStore()
    const cluster = new Cluster()
    getActiveTest()?.cleanup(async () => {
      chaos.calm()
      await cluster.close()
      await store.close()
    })
    await auditStore(store)
    const expected: Expected = { slots: [], ids: [] }
    const chaos = new Chaos(cluster, store, random)
    const running = chaos.run()
    await feed(store, random, expected)
    await until(async () => chaos.everyStepHit, {
      patience: 30_000,
      describe: () => chaos.figures,
    })
    chaos.calm()
    await running
    await until(async () => isDone(await store.storage.executions.countByState(), total), {
      patience: PATIENCE,
      every: 200,
      describe: () => store.storage.executions.countByState(),
    })
    const exits = await chaos.end()

    const executions = await allExecutions(store.storage)
    const found = replay(await readAudit(store))
    const late = cluster.all('thawed').flatMap(({ holds }) => holds.filter(({ owned }) => !owned))
    const succeeded = executions.filter(({ state }) => state === 'succeeded')
    const slots = Map.groupBy(succeeded, ({ slotKey }) => slotKey ?? '')
    const ids = new Set(succeeded.map(({ id }) => id))
    const lost =
      expected.slots.filter((slot) => !slots.has(slot)).length +
      expected.ids.filter((id) => !ids.has(id)).length
    const doubled =
      expected.slots.filter((slot) => (slots.get(slot)?.length ?? 0) > 1).length +
      [...found.successes.values()].filter((count) => count !== 1).length
    const warned = cluster
      .all('problem')
      .filter(({ message }) => /clock of this node/.test(message))
    printFigures('what happened', {
      'seed': SEED,
      ...chaos.figures,
      'attempts': found.attempts,
      'taken over': found.takeovers,
      'late attempts after a freeze': late.length,
      'late writes taken': late.flatMap(({ taken }) => taken).length,
      'clock warnings': warned.length,
    })
    printFigures('results', {
      'executions': executions.length,
      'succeeded': succeeded.length,
      'two of a key at once': found.overlaps,
      'taken over before the lease ended': found.earlyTakeovers,
      lost,
      doubled,
    })
    assert.isEmpty(chaos.problems)
    assert.isAbove(chaos.figures.kills, 0)
    assert.isAbove(late.length, 0)
    assert.isEmpty(late.filter(({ taken }) => taken.length > 0))
    assert.isAbove(warned.length, 0)
    assert.isEmpty(wronglyWarned(cluster))
    assert.deepEqual([lost, doubled, found.overlaps, found.earlyTakeovers], [0, 0, 0, 0])
    assert.lengthOf(executions, total)
    assert.lengthOf(succeeded, total)
    assert.deepEqual(
      exits.map(({ code }) => code),
      [0, 0, 0]
    )
  })
})

/** Nodes that doubt a clock that is right. */
function wronglyWarned({ nodes }: Cluster): string[] {
  const names = nodes
    .filter((node) => node.all('problem').some(({ message }) => /clock of this node/.test(message)))
    .map((node) => node.all('working')[0]?.nodeId ?? SKEWED.node)
  return names.filter((name) => !name.startsWith(SKEWED.node))
}

function isDone(states: Partial<Record<string, number>>, total: number): boolean {
  const { queued = 0, running = 0 } = states
  const all = Object.values(states).reduce<number>((sum, count) => sum + (count ?? 0), 0)
  return queued + running === 0 && all >= total
}
