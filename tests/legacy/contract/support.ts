import { getActiveTest } from '@japa/runner'
import type { LegacySourceInput } from '../../../src/legacy/config.ts'
import type { JsonValue } from '../../../src/types/json.ts'
import {
  createLegacyDatabase,
  type LegacyDatabase,
  type Row,
} from '../../helpers/legacy_database.ts'
import { kinds, settingGroup, type LegacySetting } from '../../helpers/legacy_group.ts'
import type { Generation } from '../../helpers/legacy_names.ts'
import type { LegacyKindName } from '../../helpers/legacy_places.ts'
import { LegacyWorld, type LegacyNode, type RequestRow } from '../../helpers/legacy_world.ts'

/**
 * Cases of the contract: what programs beside Almanac may count on, in every
 * world, that is on each database with each generation of the tables.
 *
 *   contractGroup('IMMEDIATE', (open) => {
 *     test('runs the flow of its MAPREF', async ({ assert }) => {
 *       const { world, requester } = open()
 *       world.ledgerFlow('LOAD_SALES')
 *       const id = requester.ask('IMMEDIATE', 'LOAD_SALES', { params: { param1: 'x' } })
 *       const { STATUS, result } = await requester.end(world.node(), id)
 *     })
 *   })
 *
 * Tables and columns always go by the contract's first names (DWPRCLOG,
 * STRTDT), in statements and in rows: `names` translates both. The worlds of a
 * group share one database, which `open()` empties; `open.apart()` makes one
 * for a test that changes tables. `createLegacyWorld()` is not for these groups.
 */
export const WORLDS: readonly { kind: LegacyKindName; generation: Generation; title: string }[] = [
  { kind: 'sqlite', generation: 'dw', title: 'SQLite, dw' },
  { kind: 'sqlite', generation: 'dms', title: 'SQLite, dms' },
  { kind: 'postgres', generation: 'dw', title: 'PostgreSQL, dw' },
  { kind: 'postgres', generation: 'dms', title: 'PostgreSQL, dms' },
  { kind: 'postgres', generation: 'dms_baseline', title: 'PostgreSQL, dms as its baseline' },
  { kind: 'mysql', generation: 'dw', title: 'MariaDB, dw' },
  { kind: 'mysql', generation: 'dms', title: 'MariaDB, dms' },
]

export interface Contract extends LegacySetting {
  world: LegacyWorld
  database: LegacyDatabase
  /** Another program, with nothing but SQL. */
  requester: Requester
}

/** The world of the test that runs, with empty tables. */
export interface OpenContract extends LegacySetting {
  (): Contract
  /** A database of the test's own, gone after it; `prepare` may change its tables. */
  apart(prepare?: (database: LegacyDatabase) => void): Promise<Contract>
}

/** A group of cases that runs once in every world, or in those that `only` names. */
export function contractGroup(
  title: string,
  define: (open: OpenContract) => void,
  only: (world: (typeof WORLDS)[number]) => boolean = () => true
): void {
  for (const world of WORLDS.filter(only)) {
    const setting = {
      kind: kinds.find(({ name }) => name === world.kind)!,
      generation: world.generation,
    }
    settingGroup(`${title} | ${world.title}`, setting, (group) => {
      let shared: Awaited<ReturnType<typeof createLegacyDatabase>> | undefined
      group.setup(async () => {
        if (setting.kind.service?.available !== false) {
          shared = await createLegacyDatabase(setting)
        }
      })
      group.teardown(() => shared?.cleanup())
      define(opener(setting, () => shared!))
    })
  }
}

function opener(setting: LegacySetting, shared: () => LegacyDatabase): OpenContract {
  const contractOn = (database: LegacyDatabase): Contract => ({
    ...setting,
    database,
    world: new LegacyWorld(database),
    requester: new Requester(database),
  })
  const open = () => {
    const database = shared()
    database.clear()
    const contract = contractOn(database)
    database.execute('delete from LEDGER')
    getActiveTest()?.cleanup(() => database.disconnect())
    return contract
  }
  return Object.assign(open, {
    ...setting,
    async apart(prepare: (database: LegacyDatabase) => void = () => {}) {
      const database = await createLegacyDatabase(setting)
      getActiveTest()?.cleanup(() => database.cleanup())
      prepare(database)
      return contractOn(database)
    },
  })
}

/** Rounds of a node until a request must have ended. */
const ROUNDS = 20

export type EndedRequest = RequestRow & { result: Record<string, JsonValue> }

/** A program that inserts requests and polls their STATUS, as the old ones do. */
export class Requester {
  readonly #database: LegacyDatabase
  #count = 0

  constructor(database: LegacyDatabase) {
    this.#database = database
  }

  /** Inserts a NEW request. A text is the payload as it is. @returns REQUEST_ID */
  ask(type: string, mapref: string, payload: JsonValue = null, row: Row = {}): string {
    const id = String(row.REQUEST_ID ?? `R${String(++this.#count).padStart(4, '0')}`)
    const text = payload === null || typeof payload === 'string' ? payload : JSON.stringify(payload)
    this.#database.insert('DWPRCREQ', {
      REQUEST_ID: id,
      MAPREF: mapref,
      REQUEST_TYPE: type,
      PAYLOAD: text,
      ...row,
    })
    return id
  }

  /** A request as it is now. */
  read(id: string): EndedRequest {
    const sql = 'select * from DWPRCREQ where REQUEST_ID = ?'
    const [row] = this.#database.rows<RequestRow>(sql, id)
    return { ...row, result: JSON.parse(row.RESULT_PAYLOAD ?? '{}') as EndedRequest['result'] }
  }

  isOpen(id: string): boolean {
    return ['NEW', 'CLAIMED'].includes(this.read(id).STATUS)
  }

  /** Lets a node work until the request has ended. @throws when it never does */
  async end(node: LegacyNode, id: string): Promise<EndedRequest> {
    for (let round = 0; round < ROUNDS && this.isOpen(id); round++) {
      await node.run()
    }
    const row = this.read(id)
    if (this.isOpen(id)) {
      throw new Error(`request ${id} is ${row.STATUS} after ${ROUNDS} rounds`)
    }
    return row
  }

  /** The runs of a MAPREF, in the order in which they began. */
  runs(mapref: string): Record<string, JsonValue>[] {
    return this.#database.rows('select * from DWPRCLOG where MAPREF = ? order by PRCID', mapref)
  }

  /** What the old screens show of a table, in the order of a column. */
  table(name: string, order: string): Record<string, JsonValue>[] {
    return this.#database.rows(`select * from ${name} order by ${order}`)
  }
}

/** Config of a source that runs what its tables say. */
export type SourceChange = Partial<LegacySourceInput>
