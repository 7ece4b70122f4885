import { getActiveTest, test } from '@japa/runner'
import { ManualClock } from '../../src/testing/manual_clock.ts'
import { legacyKinds, SQLITE, statementsUnderWay, type LegacyKind } from './legacy_places.ts'

const kinds = await legacyKinds()
const kindOf = new Map<string, LegacyKind>()

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
    const name = `${title} | on ${kind.title}`
    kindOf.set(name, kind)
    test.group(name, (group) => {
      const { service } = kind
      if (service) {
        group.tap((each) => each.skip(!service.available, service.reason))
      }
      define(kind)
    })
  }
}

/** How many characters of so many bytes fit in a column of this length. */
export function charactersThatFit(kind: LegacyKind, length: number, bytes: number): number {
  return kind.name === 'sqlite' ? Math.floor(length / bytes) : length
}

/** The kind of database of the test that runs. */
export function activeKind(): LegacyKind {
  return kindOf.get(getActiveTest()?.parent?.title ?? '') ?? SQLITE
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
