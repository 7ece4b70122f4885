/**
 * Clock changes as Intl alone tells them, with none of the code under test.
 */
export interface ZoneTable {
  name: string
  /** ms to add to UTC */
  offset(instant: number): number
  changes: number[]
}

const HALF_DAY = 43_200_000
/** Samoa left out a day in 2011; the others are the years to come. The first year of each span holds what starts earlier. */
const SPANS = [
  [Date.UTC(2010, 0, 1), Date.UTC(2013, 0, 1)],
  [Date.UTC(2022, 0, 1), Date.UTC(2031, 0, 1)],
]

export function zoneTable(name: string): ZoneTable {
  const rows: { from: number; offset: number }[] = []
  const changes: number[] = []
  const ask = asker(name)
  for (const [from, to] of SPANS) {
    let offset = ask(from)
    rows.push({ from, offset })
    for (let at = from; at < to; at += HALF_DAY) {
      const later = ask(at + HALF_DAY)
      if (later !== offset) {
        const change = lastBefore(at, at + HALF_DAY, (probe) => ask(probe) === offset) + 60_000
        rows.push({ from: change, offset: later })
        changes.push(change)
        offset = later
      }
    }
    rows.push({ from: to, offset: Number.NaN })
  }
  // Walks ask for one minute after the other
  let row = 0
  return {
    name,
    changes,
    offset: (instant) => {
      if (!(rows[row].from <= instant && instant < (rows[row + 1]?.from ?? Infinity))) {
        row = Math.max(
          0,
          rows.findLastIndex(({ from }) => from <= instant)
        )
      }
      const { from, offset } = rows[row]
      if (Number.isNaN(offset) || instant < from) {
        throw new RangeError(`${new Date(instant).toISOString()} lies outside of the table`)
      }
      return offset
    },
  }
}

/** The last whole minute of [from, to) for which the condition holds. */
function lastBefore(from: number, to: number, holds: (instant: number) => boolean): number {
  let low = from
  let high = to
  while (high - low > 60_000) {
    const middle = low + Math.floor((high - low) / 120_000) * 60_000
    if (holds(middle)) {
      low = middle
    } else {
      high = middle
    }
  }
  return low
}

function asker(timeZone: string): (instant: number) => number {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  })
  return (instant) => {
    const parts: Record<string, number> = {}
    for (const { type, value } of format.formatToParts(instant)) {
      parts[type] = Number(value)
    }
    const { year, month, day, hour, minute } = parts
    return Date.UTC(year, month - 1, day, hour, minute) - instant
  }
}
