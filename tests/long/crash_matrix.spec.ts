import { getActiveTest, test } from '@japa/runner'
import { concurrencyKeyOf, scheduledRequestId } from '../../src/legacy/ids.ts'
import type { NewEvent } from '../../src/storage/contract.ts'
import {
  createStore,
  createWarehouse,
  type TestStore,
  type Warehouse,
} from './support/databases.ts'
import { Cluster, until, type NodeProcess } from './support/cluster.ts'
import { POINTS, type ArmedPoint, type CrashPoint } from './support/protocol.ts'
import { event } from './support/records.ts'
import { allExecutions, maybe } from './support/reading.ts'
import { printFigures, scaled } from './support/scale.ts'

const MAPREFS = scaled(200, 20)
const REQUESTS = scaled(2_000, 200)
/** Two and three slots of each MAPREF in turn. */
const SLOTS = Math.floor(MAPREFS * 2.5)
/** Deaths at each point. */
const ROUNDS = scaled(3, 1)
/** The events become due in so many groups. */
const WAVES = 4
const MINUTE = 60_000
/** Longest wait for one death, and for the end of everything, ms. */
const PATIENCE = { death: 60_000, end: 180_000 }

/** A flow in SQL, a handler that may run twice, a handler that may not. */
type Kind = 'A' | 'I' | 'O'
const KINDS: Kind[] = ['A', 'A', 'A', 'I', 'O']
const maprefs = Array.from({ length: MAPREFS }, (_, index) => `${KINDS[index % 5]}${index}`)
const kindOf = (mapref: string) => mapref[0] as Kind
const jobschidOf = (index: number) => 1 + index

interface Slot {
  mapref: string
  eventId: string
  slot: number
  requestId: string
}

async function prepare(warehouse: Warehouse): Promise<void> {
  const logic = `insert into LEDGER (PRCID, MAPREF, REQUEST) values (:prcid, :mapref, :param1);
    update LEDGER set MAPREF = MAPREF where PRCID = :prcid`
  for (const [index, mapref] of maprefs.entries()) {
    await warehouse.insertFlow({ MAPREF: mapref, DWLOGIC: kindOf(mapref) === 'A' ? logic : null })
    await warehouse.insertSchedule({ MAPREF: mapref, JOBSCHID: jobschidOf(index) })
  }
}

function requests(): Record<string, string>[] {
  return Array.from({ length: REQUESTS }, (_, index) => {
    const mapref = maprefs[index % MAPREFS]
    const REQUEST_ID = `R-${mapref}-${index}`
    return { REQUEST_ID, MAPREF: mapref, PAYLOAD: JSON.stringify({ param1: REQUEST_ID }) }
  })
}

/** Events whose last slots, two or three each, are due at once. */
async function insertEvents(store: TestStore, from: number, to: number): Promise<Slot[]> {
  const slots: Slot[] = []
  const now = await store.storage.now()
  for (let index = from; index < to; index++) {
    const mapref = maprefs[index]
    const count = index % 2 === 0 ? 2 : 3
    const first = Math.floor(now / MINUTE) * MINUTE - (count - 1) * MINUTE
    const due = eventOf(mapref, jobschidOf(index), count, first)
    await store.storage.events.insert({ now: null, event: due })
    for (let each = 0; each < count; each++) {
      const slot = first + each * MINUTE
      const requestId = scheduledRequestId(jobschidOf(index), slot)
      slots.push({ mapref, eventId: due.id, slot, requestId })
    }
  }
  return slots
}

function eventOf(mapref: string, jobschid: number, maxRuns: number, nextRunAt: number): NewEvent {
  return event({
    name: `slots of ${mapref}`,
    handler: 'legacy.flow',
    payload: { source: 'dw', mapref, jobschid },
    trigger: { kind: 'interval', every: MINUTE },
    concurrencyKey: concurrencyKeyOf('dw', mapref),
    maxRuns,
    nextRunAt,
  })
}

/** Lets nodes die at every point, each as often as planned, while work comes in. */
class Matrix {
  readonly hits = new Map<CrashPoint, number>(POINTS.map((point) => [point, 0]))
  readonly #cluster: Cluster
  readonly #options: Pick<Parameters<Cluster['start']>[0], 'store' | 'warehouse'>
  readonly #nodes = new Map<string, { node: NodeProcess; point: CrashPoint }>()
  #starts = 0

  constructor(cluster: Cluster, store: TestStore, warehouse: Warehouse) {
    this.#cluster = cluster
    this.#options = { store: store.target, warehouse: warehouse.target }
  }

  get deaths(): number {
    return [...this.hits.values()].reduce((sum, count) => sum + count, 0)
  }

  get finished(): boolean {
    return [...this.hits.values()].every((count) => count >= ROUNDS)
  }

  start(name: string): void {
    const crash = this.#arm()
    const node = this.#cluster.start({
      ...this.#options,
      crash,
      config: {
        node: name,
        concurrency: 8,
        prefetch: 8,
        // Small, so that one tick has several batches
        tickBatch: Math.max(2, Math.floor(MAPREFS / WAVES / 4)),
        poll: { min: 10, max: 100 },
        lease: { ttl: 1_500, renew: 400 },
        leader: { ttl: 1_500, renew: 400 },
        maxRescues: 1_000,
      },
    })
    this.#nodes.set(name, { node, point: crash[0]?.point })
  }

  /** Waits for a death by the plan, and starts the node anew. */
  async next(): Promise<void> {
    const exits = [...this.#nodes].map(async ([name, { node }]) => {
      const exit = await node.exited
      return { name, node, exit }
    })
    const late = new AbortController()
    const { name, node, exit } = await Promise.race([...exits, this.#tooLate(late.signal)])
    late.abort()
    const [crash] = node.all('crash')
    if (exit.signal !== 'SIGKILL' || !crash) {
      throw new Error(`Node ${name} ended without a plan: ${JSON.stringify([exit, node.reports])}`)
    }
    this.hits.set(crash.point, this.hits.get(crash.point)! + 1)
    this.start(name)
  }

  async end(): Promise<({ code: number | null } | undefined)[]> {
    const nodes = [...this.#nodes.values()].map(({ node }) => node)
    nodes.forEach((node) => node.kill('SIGTERM'))
    return Promise.all(nodes.map(({ exited }) => exited))
  }

  /** The point that is hit least, and where nobody else waits for it already. */
  #arm(): ArmedPoint[] {
    const waiting = [...this.#nodes.values()]
      .filter(({ node }) => !node.over)
      .map(({ point }) => point)
    const open = POINTS.filter((point) => this.hits.get(point)! < ROUNDS)
    const free = open.filter((point) => !waiting.includes(point))
    const [point] = free.sort((a, b) => this.hits.get(a)! - this.hits.get(b)!)
    const armed: ArmedPoint[] = point ? [{ point, count: 1 + (this.#starts++ % 3) }] : []
    // Only the leader gets there: whoever it is
    const fire = POINTS[0]
    return open.includes(fire) && point !== fire ? [...armed, { point: fire, count: 1 }] : armed
  }

  async #tooLate(signal: AbortSignal): Promise<never> {
    const from = performance.now()
    await until(async () => signal.aborted || performance.now() - from > PATIENCE.death, {
      patience: PATIENCE.death * 2,
      describe: () => '',
    })
    const armed = [...this.#nodes.values()].map(({ point }) => point)
    throw new Error(`Nobody died: ${JSON.stringify({ armed, hits: [...this.hits] })}`)
  }
}

test.group('Crash matrix', () => {
  test(`${REQUESTS} requests and ${SLOTS} slots outlive kill -9 at every point`, async ({
    assert,
  }) => {
    const store = await createStore()
    const warehouse = await createWarehouse()
    const cluster = new Cluster()
    getActiveTest()?.cleanup(async () => {
      await cluster.close()
      await Promise.all([store.close(), warehouse.close()])
    })
    await prepare(warehouse)

    const slots: Slot[] = []
    const waiting = requests()
    const deaths = POINTS.length * ROUNDS
    const feed = async (step: number) => {
      const share = Math.ceil(REQUESTS / deaths)
      await warehouse.insertRequests(waiting.splice(0, step < deaths ? share : REQUESTS))
      const waves = Math.min(WAVES, 1 + Math.floor((step * WAVES) / deaths))
      const to = step < deaths ? Math.floor((MAPREFS * waves) / WAVES) : MAPREFS
      slots.push(...(await insertEvents(store, fed, to)))
      fed = to
    }
    let fed = 0
    await feed(0)
    const matrix = new Matrix(cluster, store, warehouse)
    matrix.start('n1')
    matrix.start('n2')
    while (!matrix.finished) {
      await matrix.next()
      await feed(matrix.deaths)
    }
    await feed(deaths)
    await untilEnded(store, warehouse, REQUESTS + slots.length)
    const exits = await matrix.end()

    const verdict = new Verdict(await readAll(store, warehouse), slots)
    printFigures('deaths by kill -9', Object.fromEntries(matrix.hits))
    printFigures('results', verdict.figures)
    assert.isEmpty([...matrix.hits].filter(([, count]) => count === 0))
    assert.deepEqual(
      exits.map((exit) => exit?.code),
      [0, 0]
    )
    assert.lengthOf(slots, SLOTS)
    assert.isEmpty(verdict.faults.slice(0, 20))
  })
})

async function untilEnded(store: TestStore, warehouse: Warehouse, wanted: number): Promise<void> {
  const count = async () =>
    (await warehouse.rows<{ STATUS: string; N: number }>(
      'select STATUS, count(*) as N from DWPRCREQ group by STATUS'
    )) ?? []
  await until(
    async () => {
      const rows = await count()
      const ended = rows.filter(({ STATUS }) => STATUS === 'DONE' || STATUS === 'FAILED')
      const { queued = 0, running = 0 } = await store.storage.executions.countByState()
      return ended.reduce((sum, { N }) => sum + N, 0) >= wanted && queued + running === 0
    },
    {
      patience: PATIENCE.end,
      every: 100,
      describe: async () => [await count(), await store.storage.executions.countByState()],
    }
  )
}

interface Request {
  REQUEST_ID: string
  MAPREF: string
  STATUS: string
  RESULT_PAYLOAD: string | null
}

interface Run {
  PRCID: number
  MAPREF: string
  STATUS: string
  MSG: string | null
  PARAM1: string | null
}

interface Left {
  requests: Request[]
  runs: Run[]
  ledger: { PRCID: number; MAPREF: string; REQUEST: string | null }[]
  executions: Awaited<ReturnType<typeof allExecutions>>
}

async function readAll(store: TestStore, warehouse: Warehouse): Promise<Left> {
  return {
    requests: await warehouse.rows('select * from DWPRCREQ'),
    runs: await warehouse.rows('select PRCID, MAPREF, STATUS, MSG, PARAM1 from DWPRCLOG'),
    ledger: await warehouse.rows('select * from LEDGER'),
    executions: await allExecutions(store.storage),
  }
}

/** Compares what is left in all tables with what was asked for. */
class Verdict {
  readonly faults: string[] = []
  readonly figures = {
    'done': 0,
    'failed: node lost': 0,
    'runs lost with their node': 0,
    'atomic: ledger rows': 0,
    'idempotent: ledger rows': 0,
    'idempotent: ledger rows of complete runs': 0,
    'idempotent: run again': 0,
    'idempotent: run again after their ledger row': 0,
    'others: ledger rows': 0,
    'slots in the own store': 0,
  }
  readonly #left: Left
  readonly #ledgerOf: Map<number, Left['ledger']>

  constructor(left: Left, slots: Slot[]) {
    this.#left = left
    this.#ledgerOf = Map.groupBy(left.ledger, ({ PRCID }) => PRCID)
    this.#nothingOpen()
    const runsOfSlots = this.#runsOfSlots()
    const ids = new Set<string>()
    for (const request of left.requests) {
      ids.add(request.REQUEST_ID)
      const isSlot = request.REQUEST_ID.startsWith('S:')
      const runs = isSlot
        ? (runsOfSlots.get(request.REQUEST_ID) ?? [])
        : left.runs.filter(({ PARAM1 }) => PARAM1 === request.REQUEST_ID)
      this.#request(request, runs)
    }
    this.#slots(slots, ids)
  }

  #nothingOpen(): void {
    const { requests: rows, runs, ledger } = this.#left
    const open = rows.filter(({ STATUS }) => STATUS !== 'DONE' && STATUS !== 'FAILED')
    open.forEach((row) => this.faults.push(`open: ${JSON.stringify(row)}`))
    const inProgress = runs.filter(({ STATUS }) => STATUS === 'IP')
    inProgress.forEach((run) => this.faults.push(`in progress: ${JSON.stringify(run)}`))
    const known = new Set(runs.map(({ PRCID }) => PRCID))
    const stray = ledger.filter(({ PRCID }) => !known.has(PRCID))
    stray.forEach((row) => this.faults.push(`no run of: ${JSON.stringify(row)}`))
    this.figures['runs lost with their node'] = runs.filter(isLost).length
    const name = { A: 'atomic', I: 'idempotent', O: 'others' } as const
    for (const row of ledger) {
      this.figures[`${name[kindOf(row.MAPREF)]}: ledger rows`]++
    }
    const again = runs.filter((run) => isLost(run) && kindOf(run.MAPREF) === 'I')
    this.figures['idempotent: run again'] = again.length
    const effects = again.filter(({ PRCID }) => this.#ledgerOf.has(PRCID))
    this.figures['idempotent: run again after their ledger row'] = effects.length
    this.figures['idempotent: ledger rows of complete runs'] =
      this.figures['idempotent: ledger rows'] - effects.length
  }

  /** Runs of scheduled requests, by the result that names their last PRCID. */
  #runsOfSlots(): Map<string, Run[]> {
    const { requests: rows, runs } = this.#left
    const scheduled = runs.filter(({ PARAM1 }) => PARAM1 === null)
    return new Map(
      rows.map(({ REQUEST_ID, RESULT_PAYLOAD }) => {
        const { prcid } = JSON.parse(RESULT_PAYLOAD ?? '{}') as { prcid?: number }
        return [REQUEST_ID, scheduled.filter(({ PRCID }) => PRCID === prcid)]
      })
    )
  }

  #request({ REQUEST_ID: id, MAPREF, STATUS, RESULT_PAYLOAD }: Request, runs: Run[]): void {
    const complete = runs.filter(({ STATUS: status }) => status === 'PC')
    const rows = runs.flatMap(({ PRCID }) => this.#ledgerOf.get(PRCID) ?? [])
    const fault = maybe(this.faults, id)
    const kind = kindOf(MAPREF)
    if (STATUS === 'DONE') {
      this.figures.done++
      fault(complete.length !== 1, `${complete.length} runs of it are complete`)
      fault(
        complete.some(({ PRCID }) => this.#ledgerOf.get(PRCID)?.length !== 1),
        'not one ledger row of its complete run'
      )
    } else {
      const message = String(RESULT_PAYLOAD)
      this.figures['failed: node lost']++
      fault(kind !== 'O', `failed: ${message}`)
      fault(!message.includes('node lost'), `failed without "node lost": ${message}`)
      fault(complete.length !== 0, 'failed, and a run of it is complete')
    }
    fault(kind !== 'I' && rows.length > 1, `${rows.length} ledger rows`)
    const others = runs.filter((run) => run.STATUS !== 'PC' && !isLost(run))
    fault(others.length > 0, `ended otherwise: ${JSON.stringify(others)}`)
  }

  #slots(slots: Slot[], requestIds: Set<string>): void {
    const executions = Map.groupBy(
      this.#left.executions.filter(({ slotKey }) => slotKey !== null),
      ({ slotKey }) => slotKey
    )
    this.figures['slots in the own store'] = executions.size
    for (const { mapref, eventId, slot, requestId } of slots) {
      const found = executions.get(`${eventId}:${slot}`) ?? []
      const fault = maybe(this.faults, `slot ${requestId} of ${mapref}`)
      fault(found.length !== 1, `${found.length} executions`)
      fault(!requestIds.has(requestId), 'no request row')
      const ended = kindOf(mapref) === 'O' ? ['succeeded', 'failed'] : ['succeeded']
      fault(!ended.includes(found[0]?.state), `ended as ${found[0]?.state}`)
    }
    // Ledger rows of slots name no request: their number must fit as a whole
    for (const mapref of maprefs.filter((each) => kindOf(each) === 'A')) {
      const wanted = slots.filter((each) => each.mapref === mapref).length
      const rows = this.#left.ledger.filter((row) => row.MAPREF === mapref && row.REQUEST === null)
      maybe(this.faults, mapref)(rows.length !== wanted, `${rows.length} of ${wanted} slot rows`)
    }
  }
}

function isLost({ STATUS, MSG }: Run): boolean {
  return STATUS === 'FL' && (MSG ?? '').includes('node lost')
}
