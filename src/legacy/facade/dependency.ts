import { refuseOthers } from '../../input/fields.ts'
import { Problems } from '../../input/problems.ts'
import type { LegacySession } from '../connection.ts'
import { lineOf, parentsOf } from '../dependencies.ts'
import type { LegacyTables } from '../tables/main.ts'
import type { FacadeDeps } from './deps.ts'
import { assertWritten, edit } from './edit.ts'
import { asObject, readMapref } from './fields.ts'
import { lockedCurrent } from './schedules.ts'

export interface DependencyInput {
  /** Whose success sets the other off. */
  parentMapref: string
  childMapref: string
}

/** What became of a dependency. */
export interface SavedDependency {
  /** JOBSCHID of the child's current row. */
  jobschid: number
  /** The parent's; null when the child has none now. */
  dpndJobschid: number | null
  changed: boolean
}

const SUBJECT = 'The dependency'

/** Who runs after whom. Loops are refused. */
export class DependencyEdits {
  readonly #deps: FacadeDeps

  constructor(deps: FacadeDeps) {
    this.#deps = deps
  }

  async create(input: DependencyInput, problems = new Problems()): Promise<SavedDependency> {
    const { parentMapref: parent, childMapref: child } = readDependency(input, problems)
    problems.throwAny(SUBJECT)
    const tables = await this.#deps.tables()
    return edit(this.#deps, `the schedule of MAPREF "${child}"`, (session) =>
      this.#link(session, tables, { parent: parent!, child: child! })
    )
  }

  async remove(input: { childMapref: string }): Promise<SavedDependency> {
    const problems = new Problems()
    const { report } = problems
    const given = asObject(input, '{ childMapref }', report)
    refuseOthers('', given, ['childMapref'], report)
    const child = readMapref('childMapref', given.childMapref, report)
    problems.throwAny(SUBJECT)
    const tables = await this.#deps.tables()
    return edit(this.#deps, `the schedule of MAPREF "${child}"`, async (session) => {
      const { jobschid, dpndJobschid } = await lockedCurrent(session, tables, 'childMapref', child!)
      return this.#write(session, tables, jobschid, { from: dpndJobschid, to: null })
    })
  }

  /** All current rows are locked: two links that form a loop together cannot both look before both write. */
  async #link(
    session: LegacySession,
    tables: LegacyTables,
    { parent, child }: { parent: string; child: string }
  ): Promise<SavedDependency> {
    const { schedules } = tables
    await schedules.listCurrent(session, { lock: true })
    // Again: a row that was replaced while its lock was waited for is found in neither version
    const rows = await schedules.listCurrent(session, { lock: true })
    const problems = new Problems()
    const newest = new Map(rows.map((row) => [row.mapref, row]))
    for (const [field, mapref] of Object.entries({ parentMapref: parent, childMapref: child })) {
      if (!newest.has(mapref)) {
        problems.report(field, mapref, 'it has no current schedule; create one first')
      }
    }
    const line = lineOf(parent, parentsOf(rows, await schedules.parentMaprefs(session)))
    if (line.includes(child)) {
      const loop = [...line.slice(0, line.indexOf(child) + 1).reverse(), child].join(' > ')
      const remedy = 'choose a parent that does not run after this child'
      problems.report('parentMapref', parent, `it would form a loop, ${loop}; ${remedy}`)
    }
    problems.throwAny(SUBJECT)
    const { jobschid, dpndJobschid } = newest.get(child)!
    const to = newest.get(parent)!.jobschid
    return this.#write(session, tables, jobschid, { from: dpndJobschid, to })
  }

  async #write(
    session: LegacySession,
    { scheduleEdits }: LegacyTables,
    jobschid: number,
    { from, to }: { from: number | null; to: number | null }
  ): Promise<SavedDependency> {
    if (from !== to) {
      const parent = { dpndJobschid: to, now: await session.sql.now() }
      assertWritten(await scheduleEdits.setParent(session, jobschid, parent))
    }
    return { jobschid, dpndJobschid: to, changed: from !== to }
  }
}

function readDependency(input: unknown, { report }: Problems) {
  const given = asObject(input, '{ parentMapref, childMapref }', report)
  refuseOthers('', given, ['parentMapref', 'childMapref'], report)
  return {
    parentMapref: readMapref('parentMapref', given.parentMapref, report),
    childMapref: readMapref('childMapref', given.childMapref, report),
  }
}
