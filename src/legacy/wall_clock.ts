import { DAY, parseDate, parseTime } from '../triggers/civil_date.ts'
import { instantOf, wallOf, zoneOf, type Zone } from '../triggers/wall_clock.ts'

export type Precision = 'second' | 'millisecond'

/** How much of an ISO text a column shows. */
const SHOWN: Record<Precision, number> = { second: 19, millisecond: 23 }
const DAY_LENGTH = 'yyyy-MM-dd'.length
const CLOCK = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?)(?:[.,](\d{1,9}))?)?$/
/** A text that names its offset is an instant already, not a wall clock. */
const OFFSET = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)\s*(Z|[+-]\d{2}:?\d{2})$/i

/**
 * Legacy DATE and TIMESTAMP columns hold the wall clock of one zone. This
 * renders instants (epoch ms, UTC) into it and reads them back. In the hour
 * that DST repeats a wall clock is read as its first pass: no decision of
 * ownership may rest on one.
 */
export class WallClock {
  readonly #zone: Zone
  #rendered: { instant: number; text: string } | null = null

  /** @param zone IANA name, checked by the config */
  constructor(zone: string) {
    this.#zone = zoneOf(zone)
  }

  /** `yyyy-MM-dd HH:mm:ss`, with `.SSS` to the millisecond. */
  render(instant: number, precision: Precision = 'second'): string {
    // The rows of a group carry one instant, each in several columns
    if (this.#rendered?.instant !== instant) {
      const text = isoText(wallOf(instant, this.#zone), 'millisecond').replace('T', ' ')
      this.#rendered = { instant, text }
    }
    return this.#rendered.text.slice(0, SHOWN[precision])
  }

  /**
   * The instant of a column's value: a text, a Date as drivers make it from a
   * wall clock, or a number, which is epoch ms.
   *
   * @returns epoch ms; null for an empty value
   * @throws RangeError on what is no date
   */
  read(value: unknown): number | null {
    if (isEmpty(value)) {
      return null
    }
    if (typeof value === 'number' || typeof value === 'bigint') {
      return checked(Number(value), value)
    }
    if (typeof value === 'string' && OFFSET.test(value.trim())) {
      return offsetInstant(value)
    }
    return instantOf(wallTime(value), this.#zone)
  }

  /** As `read`; null for what is no date: another program's mistake must not stop the queue. */
  readOrNull(value: unknown): number | null {
    try {
      return this.read(value)
    } catch (error) {
      if (error instanceof RangeError) {
        return null
      }
      throw error
    }
  }

  /** The day that an instant lies on, `yyyy-MM-dd`. */
  dayOf(instant: number): string {
    return this.render(instant, 'second').slice(0, DAY_LENGTH)
  }

  /**
   * The wall clock that a column's value shows, `yyyy-MM-ddTHH:mm:ss`, whether
   * or not the zone's day has that time. A text without a time stays one
   * (`yyyy-MM-dd`), because an end date without one means the end of the day.
   *
   * @throws RangeError on what is no date
   */
  readText(value: unknown): string | null {
    if (isEmpty(value)) {
      return null
    }
    const isInstant =
      typeof value === 'number' ||
      typeof value === 'bigint' ||
      (typeof value === 'string' && OFFSET.test(value.trim()))
    const wall = isInstant ? wallOf(this.read(value)!, this.#zone) : wallTime(value)
    const text = isoText(wall, 'second')
    const dayAlone = typeof value === 'string' && value.trim().length === DAY_LENGTH
    return dayAlone ? text.slice(0, DAY_LENGTH) : text
  }

  /** As `readText`; null for what is no date. */
  readTextOrNull(value: unknown): string | null {
    try {
      return this.readText(value)
    } catch (error) {
      if (error instanceof RangeError) {
        return null
      }
      throw error
    }
  }
}

function isEmpty(value: unknown): boolean {
  return value === null || value === undefined || (typeof value === 'string' && value.trim() === '')
}

/** Milliseconds since 1970-01-01T00:00 on the wall clock itself, in no zone. */
function wallTime(value: unknown): number {
  if (value instanceof Date) {
    // The driver put the wall clock into the process's own zone
    return checked(value.getTime() - value.getTimezoneOffset() * 60_000, value)
  }
  if (typeof value !== 'string') {
    throw new RangeError(`a ${typeof value} is no date`)
  }
  const [, day = '', time = '00:00', fraction = ''] = CLOCK.exec(value.trim()) ?? []
  const days = parseDate(day)
  const clock = parseTime(time)
  if (days === null || clock === null) {
    throw notADate(value)
  }
  return days * DAY + clock + Number(fraction.padEnd(3, '0').slice(0, 3))
}

function offsetInstant(text: string): number {
  const [, day, time, offset] = OFFSET.exec(text.trim())!
  const iso = `${day}T${time}${offset.replace(/(\d{2})(\d{2})$/, '$1:$2')}`
  return checked(Date.parse(iso), text)
}

function isoText(wall: number, precision: Precision): string {
  return new Date(wall).toISOString().slice(0, SHOWN[precision])
}

function checked(ms: number, value: unknown): number {
  if (Number.isNaN(ms)) {
    throw notADate(value)
  }
  return ms
}

function notADate(value: unknown): RangeError {
  return new RangeError(`"${String(value)}" is no date; write "2026-03-01 06:00:00"`)
}
