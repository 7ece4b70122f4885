import type { TestStore, Warehouse } from './databases.ts'
import { kindOf, type MatrixWork } from './matrix_work.ts'
import { allExecutions, maybe } from './reading.ts'

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

/** What a crash matrix has left in all tables. */
export async function readAll(store: TestStore, warehouse: Warehouse): Promise<Left> {
  return {
    requests: await warehouse.rows('select * from DWPRCREQ'),
    runs: await warehouse.rows('select PRCID, MAPREF, STATUS, MSG, PARAM1 from DWPRCLOG'),
    ledger: await warehouse.rows('select * from LEDGER'),
    executions: await allExecutions(store.storage),
  }
}

/** Compares what is left in all tables with what was asked for. */
export class Verdict {
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

  constructor(left: Left, work: MatrixWork) {
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
    this.#slots(work, ids)
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

  #slots({ slots, maprefs }: MatrixWork, requestIds: Set<string>): void {
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
