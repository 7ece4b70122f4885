import { getActiveTest, test } from '@japa/runner'
import { ManualClock } from '../../src/testing/manual_clock.ts'
import type { Generation } from './legacy_names.ts'
import { legacyKinds, SQLITE, statementsUnderWay, type LegacyKind } from './legacy_places.ts'

/** A kind of database with the names that its tables have. */
export interface LegacySetting {
  kind: LegacyKind
  generation: Generation
}

type Group = Parameters<NonNullable<Parameters<typeof test.group>[1]>>[0]

export const kinds = await legacyKinds()
const settingOf = new Map<string, LegacySetting>()

/** A group of tests on one setting, left out by name where its server is missing. */
export function settingGroup(
  title: string,
  setting: LegacySetting,
  define: (group: Group) => void
): void {
  settingOf.set(title, setting)
  test.group(title, (group) => {
    const { service } = setting.kind
    if (service) {
      group.tap((each) => each.skip(!service.available, service.reason))
    }
    define(group)
  })
}

/**
 * A group of tests that runs once on each kind of database. The helpers that
 * make a legacy database ask `activeKind()` where.
 */
export function legacyGroup(
  title: string,
  define: (kind: LegacyKind) => void,
  only: LegacyKind['name'][] = ['sqlite', 'postgres', 'mysql']
): void {
  for (const kind of kinds.filter(({ name }) => only.includes(name))) {
    settingGroup(`${title} | on ${kind.title}`, { kind, generation: 'dw' }, () => define(kind))
  }
}

/** How many characters of so many bytes fit in a column of this length. */
export function charactersThatFit(kind: LegacyKind, length: number, bytes: number): number {
  return kind.name === 'sqlite' ? Math.floor(length / bytes) : length
}

/** The kind of database of the test that runs, and its names. */
export function activeSetting(): LegacySetting {
  const title = getActiveTest()?.parent?.title ?? ''
  return settingOf.get(title) ?? { kind: SQLITE, generation: 'dw' }
}

export function activeKind(): LegacyKind {
  return activeSetting().kind
}

/**
 * A manual clock for work that asks a server: settling lasts until every
 * statement that was sent has been answered, and nothing came of the answers.
 */
export class PatientClock extends ManualClock {
  override async settle(turns?: number): Promise<void> {
    do {
      await super.settle(turns)
      while (statementsUnderWay() > 0) {
        await new Promise((resolve) => setImmediate(resolve))
      }
      await super.settle(turns)
    } while (statementsUnderWay() > 0)
  }
}
