import { concurrencyKeyOf, scheduledRequestId } from '../../../src/legacy/ids.ts'
import type { NewEvent } from '../../../src/storage/contract.ts'
import type { TestStore, Warehouse } from './databases.ts'
import { event } from './records.ts'

const MINUTE = 60_000
/** The events become due in so many groups. */
const WAVES = 4
/** MAPREFs and requests of each, where the plan does not suffice. */
const MORE = { maprefs: 10, requests: 4 }

/** A flow in SQL, a handler that may run twice, a handler that may not. */
export type FlowKind = 'A' | 'I' | 'O'
const KINDS: FlowKind[] = ['A', 'A', 'A', 'I', 'O']

export function kindOf(mapref: string): FlowKind {
  return mapref[0] as FlowKind
}

export interface MatrixSize {
  maprefs: number
  requests: number
  /** Deaths at each point. */
  rounds: number
}

export interface Slot {
  mapref: string
  eventId: string
  slot: number
  requestId: string
}

/** What the nodes of a crash matrix are given to do, a part after each death. */
export class MatrixWork {
  readonly maprefs: string[] = []
  /** The slots that became due so far. */
  readonly slots: Slot[] = []
  /** How many requests were made so far. */
  requests = 0
  readonly #size: MatrixSize
  readonly #deaths: number
  readonly #store: TestStore
  readonly #warehouse: Warehouse
  #fed = 0
  /** Parts that were given out before their death. */
  #ahead = 0

  constructor(size: MatrixSize, deaths: number, store: TestStore, warehouse: Warehouse) {
    this.#size = size
    this.#deaths = deaths
    this.#store = store
    this.#warehouse = warehouse
  }

  /** Two and three slots of each MAPREF in turn. */
  static slotsOf({ maprefs }: MatrixSize): number {
    return Math.floor(maprefs * 2.5)
  }

  prepare(): Promise<void> {
    return this.#insertFlows(this.#size.maprefs)
  }

  /** The part that comes after so many deaths; the last one brings all the rest. */
  async feed(deaths: number): Promise<void> {
    const { maprefs, requests } = this.#size
    const step = deaths + this.#ahead
    const last = step >= this.#deaths
    const share = last ? requests : Math.ceil(requests / this.#deaths)
    await this.#insertRequests(Math.min(share, requests - this.requests))
    const waves = last ? WAVES : Math.min(WAVES, 1 + Math.floor((step * WAVES) / this.#deaths))
    await this.#insertEvents(Math.floor((maprefs * waves) / WAVES))
  }

  /**
   * For nodes that do not come to their points: if they have nothing left to
   * do, the next part of the plan, and beyond the plan's end work of its own.
   */
  async more(deaths: number): Promise<void> {
    if (!(await this.#isDone())) {
      return
    }
    this.#ahead++
    await this.feed(deaths)
    if (deaths + this.#ahead < this.#deaths) {
      return
    }
    await this.#insertFlows(MORE.maprefs)
    await this.#insertRequests(MORE.maprefs * MORE.requests)
    await this.#insertEvents(this.maprefs.length)
  }

  /** Nothing waits; what is held by the dead is rescued soon, and leads nowhere new. */
  async #isDone(): Promise<boolean> {
    const sql = `select count(*) as N from DWPRCREQ where STATUS = 'NEW'`
    const [{ N }] = await this.#warehouse.rows<{ N: number }>(sql)
    const { queued = 0 } = await this.#store.storage.executions.countByState()
    return N + queued === 0
  }

  async #insertFlows(count: number): Promise<void> {
    const logic = `insert into LEDGER (PRCID, MAPREF, REQUEST) values (:prcid, :mapref, :param1);
      update LEDGER set MAPREF = MAPREF where PRCID = :prcid`
    for (const to = this.maprefs.length + count; this.maprefs.length < to;) {
      const index = this.maprefs.length
      const MAPREF = `${KINDS[index % 5]}${index}`
      const DWLOGIC = kindOf(MAPREF) === 'A' ? logic : null
      await this.#warehouse.insertFlow({ MAPREF, DWLOGIC })
      await this.#warehouse.insertSchedule({ MAPREF, JOBSCHID: jobschidOf(index) })
      this.maprefs.push(MAPREF)
    }
  }

  /** Of each MAPREF in turn. */
  async #insertRequests(count: number): Promise<void> {
    if (count <= 0) {
      return
    }
    const rows = Array.from({ length: count }, () => {
      const index = this.requests++
      const MAPREF = this.maprefs[index % this.maprefs.length]
      const REQUEST_ID = `R-${MAPREF}-${index}`
      return { REQUEST_ID, MAPREF, PAYLOAD: JSON.stringify({ param1: REQUEST_ID }) }
    })
    await this.#warehouse.insertRequests(rows)
  }

  /** Events whose last slots, two or three each, are due at once. */
  async #insertEvents(to: number): Promise<void> {
    const { storage } = this.#store
    const now = await storage.now()
    for (; this.#fed < to; this.#fed++) {
      const index = this.#fed
      const mapref = this.maprefs[index]
      const jobschid = jobschidOf(index)
      const count = index % 2 === 0 ? 2 : 3
      const first = Math.floor(now / MINUTE) * MINUTE - (count - 1) * MINUTE
      const due = eventOf(mapref, jobschid, count, first)
      await storage.events.insert({ now: null, event: due })
      for (let slot = first; slot < first + count * MINUTE; slot += MINUTE) {
        const requestId = scheduledRequestId(jobschid, slot)
        this.slots.push({ mapref, eventId: due.id, slot, requestId })
      }
    }
  }
}

function jobschidOf(index: number): number {
  return 1 + index
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
