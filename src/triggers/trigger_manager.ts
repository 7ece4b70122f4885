import type { Problem, Trigger } from '../types/triggers.ts'
import type { CalendarResolver } from './exclude.ts'
import { compileTrigger, describeTrigger, normalizeTrigger } from './compile.ts'
import type { CompiledTrigger } from './compile.ts'
import { LruCache } from '../lru_cache.ts'
import { previewSlots, take, triggerWarnings, validateTrigger } from './main.ts'
import type { PreviewOptions } from './main.ts'

const DEFAULT_CACHE_SIZE = 10_000

/**
 * The triggers of one process: parsed once, kept while they are used.
 */
export class TriggerManager {
  readonly #compiled: LruCache<CompiledTrigger>
  readonly #calendars: CalendarResolver | undefined

  /**
   * @param deps.cacheSize parsed triggers kept, the longest unused leave first; default 10,000
   * @param deps.calendars finds the calendars that triggers name; they must not change
   */
  constructor(deps: { cacheSize?: number; calendars?: CalendarResolver } = {}) {
    this.#calendars = deps.calendars
    this.#compiled = new LruCache(deps.cacheSize ?? DEFAULT_CACHE_SIZE)
  }

  /** How many parsed triggers are kept. */
  get cached(): number {
    return this.#compiled.size
  }

  /** @throws what compileTrigger throws */
  compile(trigger: Trigger): CompiledTrigger {
    const stored = normalizeTrigger(trigger)
    return this.#compiled.get(JSON.stringify(stored), () => compileTrigger(stored, this.#calendars))
  }

  /** The first slot strictly after an instant, or null (epoch ms). */
  next(trigger: Trigger, after: number): number | null {
    return this.compile(trigger).next(after)
  }

  /** The slots between two instants, both inclusive, at most `limit` (epoch ms). */
  slots(trigger: Trigger, from: number, to: number, limit: number): number[] {
    return take(this.compile(trigger), from - 1, to, limit)
  }

  preview(trigger: Trigger, options: PreviewOptions): Date[] {
    return previewSlots(this.compile(trigger), options)
  }

  /** Everything that is wrong with a trigger, [] when it may be saved. */
  validate(trigger: unknown): Problem[] {
    return validateTrigger(trigger, this.#calendars)
  }

  /** What a person should know of a valid trigger. */
  warnings(trigger: Trigger): string[] {
    return triggerWarnings(trigger, this.#calendars)
  }

  /** English words for a person. */
  describe(trigger: Trigger): string {
    return describeTrigger(trigger, this.#calendars)
  }

  /** The form that is stored (see normalizeTrigger). */
  normalize<Kind extends Trigger>(trigger: Kind): Kind {
    return normalizeTrigger(trigger)
  }
}
