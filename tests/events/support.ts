import { EventManager } from '../../src/events/event_manager.ts'
import { MemoryStorage } from '../../src/storage/memory/main.ts'
import { ChaosStorage } from '../../src/testing/chaos_storage.ts'
import { ManualClock } from '../../src/testing/manual_clock.ts'
import { TriggerManager } from '../../src/triggers/trigger_manager.ts'
import type { EventInput, SourceInput } from '../../src/types/events.ts'
import type { HandlerReference } from '../../src/types/handlers.ts'
import type { Logger } from '../../src/types/logger.ts'
import type { AlmanacEvents, Notifier } from '../../src/types/notifications.ts'

export const NOW = Date.parse('2026-03-01T06:30:00Z')
export const HOUR = 3_600_000
export const MINUTE = 60_000

export const hourly = {
  name: 'load sales',
  handler: 'load',
  trigger: { kind: 'cron', expression: '0 * * * *', timezone: 'UTC' },
} satisfies EventInput

export const PROFILES = { north: { region: 'north', limits: { rows: 10, days: 3 }, tags: ['a'] } }

/** Keeps what was emitted, in order. */
export class Notices implements Notifier {
  readonly all: { name: string; data: unknown }[] = []

  emit<K extends keyof AlmanacEvents>(name: K, data: AlmanacEvents[K]): void {
    this.all.push({ name, data })
  }

  names(): string[] {
    return this.all.map(({ name }) => name)
  }

  of<K extends keyof AlmanacEvents>(name: K): AlmanacEvents[K][] {
    return this.all.filter((notice) => notice.name === name).map(({ data }) => data as never)
  }

  clear(): void {
    this.all.length = 0
  }
}

/** Keeps what was logged. */
export class Lines implements Logger {
  readonly all: { level: string; data: object; message: string }[] = []
  trace = (data: object, message: string) => this.#add('trace', data, message)
  debug = (data: object, message: string) => this.#add('debug', data, message)
  info = (data: object, message: string) => this.#add('info', data, message)
  warn = (data: object, message: string) => this.#add('warn', data, message)
  error = (data: object, message: string) => this.#add('error', data, message)

  of(level: string): string[] {
    return this.all.filter((line) => line.level === level).map(({ message }) => message)
  }

  #add(level: string, data: object, message: string): void {
    this.all.push({ level, data, message })
  }
}

const HANDLERS = new Map([
  ['load', { queue: 'default', priority: 5 }],
  ['report', { queue: 'reports', priority: 2 }],
])

export const handlers = {
  has: (name: string) => HANDLERS.has(name),
  get: (name: string) => HANDLERS.get(name)!,
  nameOf: (reference: HandlerReference) =>
    typeof reference === 'string' ? reference : reference.name.toLowerCase(),
}

/** An event manager on a store in memory and a clock that stands still. */
export function setup(now = NOW) {
  const clock = new ManualClock(now)
  const memory = new MemoryStorage({ clock })
  const storage = new ChaosStorage(memory)
  const notices = new Notices()
  const logger = new Lines()
  const triggers = new TriggerManager()
  const woken = { count: 0 }
  const events = new EventManager({
    storage,
    triggers,
    notifier: notices,
    clock,
    logger,
    config: { maxPayload: 1_000, maxMeta: 200, profiles: PROFILES },
    handlers,
    wake: () => (woken.count += 1),
  })
  const journal = async () => storage.journal.read({ after: 0, limit: 1_000 })
  const kinds = async () => {
    const rows = await journal()
    return rows.map(({ kind }) => kind)
  }
  const lastEntry = async () => {
    const rows = await journal()
    return rows.at(-1)!
  }
  const executions = async (eventId: string) => {
    const rows = await storage.executions.list({ eventId, limit: 1_000 })
    return rows.sort((a, b) => (a.slot ?? 0) - (b.slot ?? 0))
  }
  return {
    ...{ clock, memory, storage, notices, logger, triggers, woken, events },
    ...{ journal, kinds, lastEntry, executions },
  }
}

export function at(text: string): number {
  return Date.parse(`2026-03-01T${text}Z`)
}

export const SOURCE = 'legacy:dw'

export function definition(key: string, overrides: Partial<SourceInput> = {}): SourceInput {
  return { ...hourly, name: key, key, hash: `${key}-1`, ...overrides }
}

export function sync(app: ReturnType<typeof setup>, ...definitions: SourceInput[]) {
  return app.events.syncSource(SOURCE, definitions, { missing: 'delete', by: 'node-1' })
}

export async function eventOf(app: ReturnType<typeof setup>, key: string) {
  return app.storage.events.findBy({ source: SOURCE, sourceKey: key })
}
