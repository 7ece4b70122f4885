import { createTestAlmanac } from '../../src/testing/main.ts'
import { outcome } from '../../src/jobs/outcome_words.ts'
import type { EventInput } from '../../src/types/events.ts'
import type { HandlerContext } from '../../src/types/handlers.ts'
import type { ParentEnd } from '../../src/types/workflows.ts'

export const hourly = { kind: 'interval', every: '1h' } as const

/** What a run saw. */
export interface Seen {
  name: string
  parents: Record<string, ParentEnd>
}

/** A scheduler whose handler `work` returns its payload's name; those named in `failing` fail. */
export async function setup() {
  const failing = new Set<string>()
  const seen: Seen[] = []
  const work = ({ payload, parents }: HandlerContext<{ name: string } | null>) => {
    const name = payload?.name ?? ''
    seen.push({ name, parents })
    if (failing.has(name)) {
      throw outcome.fail('it broke')
    }
    return `result of ${name}`
  }
  const t = await createTestAlmanac({ handlers: { work } })
  const { almanac } = t
  const create = (name: string, input: Partial<EventInput> = {}) =>
    almanac.events.create({ name, handler: 'work', payload: { name }, ...input } as EventInput)
  const statesOf = async (eventId: string) => {
    const rows = await almanac.history({ eventId, limit: 100 })
    return rows.map(({ state }) => state)
  }
  return {
    ...t,
    t,
    almanac,
    failing,
    seen,
    create,
    statesOf,
    names: () => seen.map(({ name }) => name),
  }
}
