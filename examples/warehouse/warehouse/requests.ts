/**
 * What the old screens put into the request table while the demo runs, and
 * how each row has to end.
 */
export interface PlannedRequest {
  id: string
  mapref: string
  type: string
  payload: string | null
  /** Seconds after the screens opened. */
  after: number
  status: 'DONE' | 'FAILED'
  /** Part of the reason in RESULT_PAYLOAD of a row that fails. */
  reason?: RegExp
  /** How the run that it starts ends in DWPRCLOG; null when none may begin. */
  run: 'PC' | 'FL' | null
  /** Value of PARAM1 of the run. */
  param1?: string
}

const immediate = (id: string, mapref: string, after: number, param1?: string): PlannedRequest => ({
  id,
  mapref,
  type: 'IMMEDIATE',
  payload: param1 === undefined ? null : JSON.stringify({ params: { param1 } }),
  after,
  status: 'DONE',
  run: 'PC',
  param1,
})

const refused = (
  id: string,
  reason: RegExp,
  row: { mapref: string; type?: string; payload?: string }
): PlannedRequest => ({
  id,
  mapref: row.mapref,
  type: row.type ?? 'IMMEDIATE',
  payload: row.payload ?? null,
  after: 4,
  status: 'FAILED',
  reason,
  run: null,
})

/** Days whose sales the screens ask to be loaded again, one request each. */
const DAYS = ['2026-01-03', '2026-01-04', '2026-01-05', '2026-01-11', '2026-02-01', '2026-02-14']

export const REQUESTS: PlannedRequest[] = [
  immediate('SCR-0001', 'DIM_CUSTOMER', 0),
  immediate('SCR-0002', 'DIM_PRODUCT', 0),
  immediate('SCR-0003', 'DIM_STORE', 0),
  immediate('SCR-0004', 'DIM_DATE', 1),
  immediate('SCR-0005', 'FACT_SALES', 1),
  immediate('SCR-0006', 'FACT_RETURNS', 1),
  ...DAYS.map((day, index) => immediate(`SCR-01${index}0`, 'FACT_SALES', 2 + index, day)),
  immediate('SCR-0201', 'EXPORT_SALES', 3, '2026-01'),
  {
    id: 'SCR-0202',
    mapref: 'EXPORT_SALES',
    type: 'REFRESH_SCHEDULE',
    payload: null,
    after: 3,
    status: 'DONE',
    run: null,
  },
  refused('SCR-0901', /COFFEE/, { mapref: 'DIM_STORE', type: 'COFFEE' }),
  refused('SCR-0902', /JSON/i, { mapref: 'DIM_STORE', payload: '{"params": {"param1": ' }),
  refused('SCR-0903', /bytes/i, {
    mapref: 'DIM_STORE',
    payload: JSON.stringify({ params: { param1: 'x'.repeat(200_000) } }),
  }),
  refused('SCR-0904', /NOBODY_KNOWS/, { mapref: 'NOBODY_KNOWS' }),
  refused('SCR-0905', /RETIRED_LOAD/, { mapref: 'RETIRED_LOAD' }),
  refused('SCR-0906', /python/i, { mapref: 'OLD_PYTHON' }),
  {
    ...immediate('SCR-0907', 'BROKEN_LOAD', 5),
    status: 'FAILED',
    reason: /stg_stock|fact_stock/,
    run: 'FL',
  },
]
