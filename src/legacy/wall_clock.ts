import { DateTime } from 'luxon'

export type Precision = 'second' | 'millisecond'

const FORMATS: Record<Precision, string> = {
  second: 'yyyy-MM-dd HH:mm:ss',
  millisecond: 'yyyy-MM-dd HH:mm:ss.SSS',
}
/** A text that names its offset is an instant already, not a wall clock. */
const OFFSET = /(?:Z|[+-]\d{2}:?\d{2})$/i
const DAY_LENGTH = 'yyyy-MM-dd'.length
const CLOCK = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?))?$/

/**
 * Legacy DATE and TIMESTAMP columns hold the wall clock of one zone. This
 * renders instants (epoch ms, UTC) into it and reads them back. In the hour
 * that DST repeats a wall clock is read as its first pass: no decision of
 * ownership may rest on one.
 */
export class WallClock {
  readonly zone: string

  /** @param zone IANA name, checked by the config */
  constructor(zone: string) {
    this.zone = zone
  }

  /** `yyyy-MM-dd HH:mm:ss`, with `.SSS` to the millisecond. */
  render(instant: number, precision: Precision = 'second'): string {
    return DateTime.fromMillis(instant, { zone: this.zone }).toFormat(FORMATS[precision])
  }

  /**
   * The instant of a column's value: a text, a Date as drivers make it from a
   * wall clock, or a number, which is epoch ms.
   *
   * @returns epoch ms; null for an empty value
   * @throws RangeError on what is no date
   */
  read(value: unknown): number | null {
    const at = this.#dateTime(value)
    return at === null ? null : at.toMillis()
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

  /**
   * The wall clock that a column's value shows, `yyyy-MM-ddTHH:mm:ss`, whether
   * or not the zone's day has that time. A text without a time stays one
   * (`yyyy-MM-dd`), because an end date without one means the end of the day.
   *
   * @throws RangeError on what is no date
   */
  readText(value: unknown): string | null {
    if (typeof value === 'string' && !OFFSET.test(value.trim())) {
      const text = value.trim()
      return text === '' ? null : clockText(text)
    }
    return this.#dateTime(value)?.toFormat("yyyy-MM-dd'T'HH:mm:ss") ?? null
  }

  #dateTime(value: unknown): DateTime | null {
    if (value === null || value === undefined) {
      return null
    }
    if (typeof value === 'number' || typeof value === 'bigint') {
      return checked(DateTime.fromMillis(Number(value), { zone: this.zone }), value)
    }
    if (value instanceof Date) {
      // The driver put the wall clock into the process's own zone
      const local = DateTime.fromJSDate(value).setZone(this.zone, { keepLocalTime: true })
      return checked(local, value)
    }
    if (typeof value !== 'string') {
      throw new RangeError(`a ${typeof value} is no date`)
    }
    const text = value.trim()
    if (text === '') {
      return null
    }
    return checked(DateTime.fromISO(isoText(text), { zone: this.zone }), value)
  }
}

function isoText(text: string): string {
  return OFFSET.test(text) ? text.replace(' ', 'T').replace(/ (?=[+-])/, '') : fullText(text)
}

/** The parts of a wall clock as ISO, fractions kept to the millisecond. */
function fullText(text: string): string {
  const parts = CLOCK.exec(text)
  if (!parts) {
    throw new RangeError(`"${text}" is no date; write "2026-03-01 06:00:00"`)
  }
  const [, day, time = '00:00:00'] = parts
  return `${day}T${time.replace(',', '.').replace(/(\.\d{3})\d+$/, '$1')}`
}

/** Checked in UTC, where every time of every day exists. */
function clockText(text: string): string {
  const at = checked(DateTime.fromISO(fullText(text), { zone: 'utc' }), text)
  return text.length === DAY_LENGTH ? text : at.toFormat("yyyy-MM-dd'T'HH:mm:ss")
}

function checked(at: DateTime, value: unknown): DateTime {
  if (!at.isValid) {
    throw new RangeError(`"${String(value)}" is no date: ${at.invalidExplanation}`)
  }
  return at
}
