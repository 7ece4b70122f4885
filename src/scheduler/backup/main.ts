import { Exception } from '@poppinss/utils/exception'
import type { Clock } from '../../clock.ts'
import { E_IMPORT_FORMAT } from '../../errors.ts'
import type { FieldContext } from '../../events/event_fields.ts'
import type { PlanDeps } from '../../events/event_plan.ts'
import type { Storage } from '../../storage/contract.ts'
import { toIso } from '../../triggers/instant.ts'
import type { EventRecord } from '../../types/events.ts'
import type { Logger } from '../../types/logger.ts'
import type { Notifier } from '../../types/notifications.ts'
import { importDependencies, parentsOfEvents } from './dependencies.ts'
import { pagesOfEvents } from '../event_pages.ts'
import { checkHeader, eventLine, headerLine } from './format.ts'
import {
  planImport,
  type ImportConflict,
  type ImportPlan,
  type PlannedImport,
} from './import_plan.ts'
import { ImportWriter } from './import_writer.ts'
import { readImport, type ImportOptions, type ReadImport } from './options.ts'
import { readLine, type LineProblem, type ReadLine } from './read_line.ts'

export interface BackupDeps {
  storage: Storage
  clock: Clock
  logger: Logger
  notifier: Notifier
  plan: PlanDeps
  fields: FieldContext
  /** Runs slots of the past. @returns how many were queued */
  backfill: (eventId: string, options: { from: number; by: string }) => Promise<number>
  /** There is something new to look at. */
  wake: () => void
}

export interface ExportOptions {
  /** Only events of this source. */
  source?: string
}

/** What an import did, or with `dryRun` would do. */
export interface ImportReport {
  dryRun: boolean
  /** False: there were conflicts and `onConflict` says `fail`; nothing was written. */
  applied: boolean
  added: number
  replaced: number
  /** Conflicts that were left alone. */
  skipped: number
  /** Events that are there just so. */
  unchanged: number
  conflicts: ImportConflict[]
  /** Lines that were refused, each alone, with field, value and remedy. */
  refused: LineProblem[]
  /** Handlers of imported events that this process does not know. */
  unknownHandlers: string[]
  /** Slots of the past that were queued. */
  backfilled: number
}

/** The definitions of all events, one JSON document per line, the header first. */
export async function* exportLines(
  { storage, clock }: Pick<BackupDeps, 'storage' | 'clock'>,
  { source }: ExportOptions
): AsyncGenerator<string, void, void> {
  yield headerLine(toIso(clock.nowOrNull() ?? (await storage.now())))
  for await (const page of pagesOfEvents(storage, { source })) {
    const parents = await parentsOfEvents(storage, page)
    yield* page.map((event) => eventLine(event, parents.get(event.id)))
  }
}

/**
 * Reads all lines before it writes the first event; then each is written for
 * itself. The same import again finds what is there unchanged.
 *
 * @throws E_IMPORT_FORMAT, E_INVALID_INPUT
 */
export async function importLines(
  deps: BackupDeps,
  lines: AsyncIterable<string> | Iterable<string>,
  options: ImportOptions
): Promise<ImportReport> {
  const read = readImport(options)
  const found = await readLines(lines, deps.fields)
  const stored = await Array.fromAsync(pagesOfEvents(deps.storage, {}))
  const writer = new ImportWriter(deps)
  const now = deps.clock.nowOrNull() ?? (await deps.storage.now())
  const plan = planImport(found.events, stored.flat(), {
    outlook: (event, existing) => ({ status: writer.state(event, existing, now).status }),
    now,
  })
  const refused = [...found.refused, ...plan.refused]
  const applied = read.onConflict !== 'fail' || plan.conflicts.length === 0
  const replaced = read.onConflict === 'replace' ? plan.conflicting : []
  const report: ImportReport = {
    dryRun: read.dryRun,
    applied,
    added: applied ? plan.added.length : 0,
    replaced: replaced.length,
    skipped: read.onConflict === 'skip' ? plan.conflicting.length : 0,
    unchanged: plan.same.length,
    conflicts: plan.conflicts,
    refused,
    unknownHandlers: unknownHandlers(plan, deps.fields),
    backfilled: 0,
  }
  return applied && !read.dryRun
    ? write(deps, { planned: [...plan.added, ...replaced], same: plan.same }, read, report)
    : report
}

async function readLines(lines: AsyncIterable<string> | Iterable<string>, fields: FieldContext) {
  const events: ReadLine[] = []
  const refused: LineProblem[] = []
  let number = 0
  let begun = false
  for await (const line of lines) {
    number++
    const content = line.replace(/^\uFEFF/, '').trim()
    if (content === '') {
      continue
    }
    if (!begun) {
      checkHeader(content)
      begun = true
      continue
    }
    const { read, refused: problems = [] } = readLine(content, number, fields)
    refused.push(...problems)
    events.push(...(read ? [read] : []))
  }
  if (!begun) {
    throw new E_IMPORT_FORMAT(['nothing', 'there is no line in it'])
  }
  return { events, refused }
}

async function write(
  deps: BackupDeps,
  { planned, same }: { planned: PlannedImport[]; same: ReadLine[] },
  read: ReadImport,
  report: ImportReport
): Promise<ImportReport> {
  const writer = new ImportWriter(deps)
  for (const { line, event, existing } of planned) {
    try {
      const written = await (existing
        ? writer.replace(existing.id, event, read.by)
        : writer.add(event, read.by))
      report.backfilled += await backfill(deps, written, read)
    } catch (error) {
      if (!isRefusal(error)) {
        throw error
      }
      report[existing ? 'replaced' : 'added']--
      report.refused.push({ line, field: 'event', value: event.name, message: told(error) })
    }
  }
  const lines = [...planned, ...same]
  report.refused.push(...(await importDependencies(deps, lines, read.by)))
  deps.wake()
  return report
}

async function backfill(
  deps: BackupDeps,
  { id, status }: EventRecord,
  { backfillFrom, by }: ReadImport
): Promise<number> {
  return backfillFrom === null || status !== 'active'
    ? 0
    : deps.backfill(id, { from: backfillFrom, by })
}

/** A refusal is of one event; a store that is away ends the import. */
function isRefusal(error: unknown): error is Exception {
  return error instanceof Exception && error.status >= 400 && error.status < 500
}

function told({ message, help }: Exception): string {
  return help ? `${message}. ${help}` : message
}

function unknownHandlers({ added, conflicting }: ImportPlan, { handlers }: FieldContext): string[] {
  const names = [...added, ...conflicting].map(({ event }) => event.handler)
  return [...new Set(names)].filter((name) => !handlers.has(name)).sort()
}
