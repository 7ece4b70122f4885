import type { ControlRecord } from '../../types/controls.ts'
import type { NewJournalEntry } from '../../types/journal.ts'
import type { ControlStore } from '../contract.ts'
import { changeControl, controlEntry, newControl, says } from '../rules/controls.ts'
import type { StoreConnection } from './connection.ts'
import { controlRows, ensureControl, lockControls, writeControl } from './control_rows.ts'
import { appendJournal } from './journal_store.ts'
import { instant, type Work } from './work.ts'

type ChangeParams = Parameters<ControlStore['change']>[0]

export class DatabaseControlStore implements ControlStore {
  readonly #connection: StoreConnection

  constructor(connection: StoreConnection) {
    this.#connection = connection
  }

  list(): Promise<ControlRecord[]> {
    return this.#connection.read('controls.list', async (work) => {
      const rows = await controlRows(work)
      return rows.map(({ control }) => control).filter(says)
    })
  }

  async change(params: ChangeParams): Promise<ControlRecord[]> {
    // Mostly a node declares what is stored already
    const stored = await this.#connection.read('controls.change', controlRows)
    const known = new Map(stored.map(({ control }) => [nameIn(control), control]))
    const wanted = params.changes.filter((target) => {
      const before = known.get(nameIn(target)) ?? newControl(target, 0)
      return changeControl(before, target.change, params.by, 0) !== null
    })
    return wanted.length === 0
      ? []
      : this.#connection.write('controls.change', (work) =>
          change(work, { ...params, changes: wanted })
        )
  }
}

/**
 * Rows before the version, as a claim locks them; the version before the
 * journal: a claim of the old version is over, or takes nothing.
 */
async function change(work: Work, { now, changes, by }: ChangeParams): Promise<ControlRecord[]> {
  const at = await instant(work, now)
  for (const target of changes) {
    await ensureControl(work, newControl(target, at))
  }
  const locked = await lockControls(work, changes)
  const rows = new Map(locked.map(({ control }) => [nameIn(control), control]))
  const written: ControlRecord[] = []
  const journal: NewJournalEntry[] = []
  for (const target of changes) {
    const before = rows.get(nameIn(target))!
    const after = changeControl(before, target.change, by, at)
    if (after !== null) {
      await writeControl(work, after)
      rows.set(nameIn(target), after)
      written.push(after)
      journal.push(controlEntry(before, after, target.change, by))
    }
  }
  if (written.length > 0) {
    await work.run(`update almanac_meta set amount = amount + 1 where name = 'controls'`)
    await appendJournal(work, journal, at)
  }
  return written
}

function nameIn({ scope, name }: { scope: string; name: string }): string {
  return `${scope} ${name}`
}
