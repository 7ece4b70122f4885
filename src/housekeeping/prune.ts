import type { Clock } from '../clock.ts'
import { toMilliseconds } from '../duration.ts'
import type { EventPosition, PruneRule, Storage } from '../storage/contract.ts'
import type { CoreConfig } from '../types/config.ts'
import type { HandlerDefinition } from '../types/handlers.ts'
import { pruneRules } from './retention.ts'

/** Batches of one round over all rules; the next round goes on where it stopped. */
export const MAX_PRUNE_BATCHES = 50
/** Events looked at for one name that has a rule. */
const PAGE = 500
const MAX_PAGES = 20

interface Deps {
  storage: Storage
  clock: Clock
  config: Pick<CoreConfig, 'housekeeping'>
  registry: { names(): string[]; get(name: string): Pick<HandlerDefinition, 'retention'> }
}

/**
 * Deletes ended executions, journal rows and daily totals that retention no
 * longer keeps, in small batches and a bounded number of them.
 */
export class Prune {
  readonly #deps: Deps
  #next = 0

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** @returns how many rows were deleted */
  async runOnce(): Promise<number> {
    const { journal, stats } = this.#deps.storage
    const executions = await this.#executions()
    const entries = await this.#byAge('journal', (params) => journal.prune(params))
    const totals = await this.#byAge('totals', (params) => stats.prune(params))
    return executions + entries + totals
  }

  async #executions(): Promise<number> {
    const rules = await this.#rules()
    let budget = MAX_PRUNE_BATCHES
    let deleted = 0
    for (let turn = 0; turn < rules.length && budget > 0; turn++) {
      // Each round begins with another rule, so that a large one starves none
      const rule = rules[(this.#next + turn) % rules.length]
      const { rows, batches } = await this.#prune(rule, budget)
      deleted += rows
      budget -= batches
    }
    this.#next++
    return deleted
  }

  async #prune(rule: PruneRule, budget: number): Promise<{ rows: number; batches: number }> {
    const { storage, clock, config } = this.#deps
    const { batch } = config.housekeeping
    return inBatches(batch, budget, () =>
      storage.executions.prune({ now: clock.nowOrNull(), rule, limit: batch })
    )
  }

  async #byAge(
    field: 'journal' | 'totals',
    prune: (params: { now: number | null; age: number; limit: number }) => Promise<number>
  ): Promise<number> {
    const { clock, config } = this.#deps
    const { batch, retention } = config.housekeeping
    const kept = retention[field]
    if (kept === 'forever') {
      return 0
    }
    const age = toMilliseconds(kept, `retention.${field}`)
    const { rows } = await inBatches(batch, MAX_PRUNE_BATCHES, () =>
      prune({ now: clock.nowOrNull(), age, limit: batch })
    )
    return rows
  }

  async #rules(): Promise<PruneRule[]> {
    const { registry, config } = this.#deps
    const { retention } = config.housekeeping
    const handlers = new Map(
      registry.names().map((name) => [name, registry.get(name).retention] as const)
    )
    const eventIds = new Map<string, string[]>()
    for (const name of Object.keys(retention.events ?? {})) {
      eventIds.set(name, await this.#idsOf(name))
    }
    return pruneRules({ config: retention, handlers, eventIds })
  }

  /** Events of a name, in every source. */
  async #idsOf(name: string): Promise<string[]> {
    const ids: string[] = []
    let after: EventPosition | undefined
    for (let page = 0; page < MAX_PAGES; page++) {
      const events = await this.#deps.storage.events.list({ text: name, limit: PAGE, after })
      ids.push(...events.filter((event) => event.name === name).map(({ id }) => id))
      if (events.length < PAGE) {
        break
      }
      const last = events.at(-1)!
      after = { value: last.name, id: last.id }
    }
    return ids
  }
}

/** Repeats while batches come back full. */
export async function inBatches(
  size: number,
  budget: number,
  work: () => Promise<number>
): Promise<{ rows: number; batches: number }> {
  let rows = 0
  let batches = 0
  while (batches < budget) {
    const done = await work()
    rows += done
    batches++
    if (done < size) {
      break
    }
  }
  return { rows, batches }
}
