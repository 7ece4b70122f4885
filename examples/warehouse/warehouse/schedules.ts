import { type DateTime } from 'luxon'

/** A row of the old schedule table. */
export interface ScheduleRow {
  id: number
  mapref: string
  code: string
  day: string | null
  hour: string | null
  minute: string
  start: string
  parent?: number
}

const FACT_SALES = 504

/**
 * A schedule over all seven codes whose next slot is `base` (a whole minute),
 * a child that runs after its parent, and one that is far away until
 * somebody edits its row.
 *
 * @param base wall clock of the warehouse
 */
export function schedulesAround(base: DateTime): ScheduleRow[] {
  const day = String(base.day)
  const weekday = ['MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT', 'SUN'][base.weekday - 1]
  const at = { hour: base.toFormat('HH'), minute: base.toFormat('mm') }
  const midnight = base.startOf('day').toFormat('yyyy-MM-dd HH:mm:ss')
  const far = { hour: base.minus({ hours: 1 }).toFormat('HH'), minute: at.minute }

  return [
    { id: 501, mapref: 'DIM_CUSTOMER', code: 'DL', day: null, ...at, start: midnight },
    { id: 502, mapref: 'DIM_PRODUCT', code: 'WK', day: weekday, ...at, start: midnight },
    { id: 503, mapref: 'DIM_STORE', code: 'FN', day: weekday, ...at, start: midnight },
    { id: FACT_SALES, mapref: 'FACT_SALES', code: 'MN', day, ...at, start: midnight },
    { id: 505, mapref: 'FACT_RETURNS', code: 'HY', day, ...at, start: midnight },
    { id: 506, mapref: 'DIM_DATE', code: 'YR', day, ...at, start: midnight },
    {
      id: 507,
      mapref: 'AGG_STORES',
      code: 'ID',
      day: null,
      hour: null,
      minute: '1',
      start: base.toFormat('yyyy-MM-dd HH:mm:ss'),
    },
    {
      id: 508,
      mapref: 'AGG_DAILY',
      code: 'DL',
      day: null,
      ...far,
      start: base.plus({ days: 1 }).startOf('day').toFormat('yyyy-MM-dd HH:mm:ss'),
      parent: FACT_SALES,
    },
    {
      id: 509,
      mapref: 'EXPORT_SALES',
      code: 'DL',
      day: null,
      ...far,
      start: base.plus({ days: 1 }).startOf('day').toFormat('yyyy-MM-dd HH:mm:ss'),
    },
  ]
}
