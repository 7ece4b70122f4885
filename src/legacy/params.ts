/** Columns PARAM1..PARAM10 of a run, by lower-case name. */
export const PARAM_NAMES = [
  'param1',
  'param2',
  'param3',
  'param4',
  'param5',
  'param6',
  'param7',
  'param8',
  'param9',
  'param10',
] as const

export type ParamName = (typeof PARAM_NAMES)[number]

/** The parameters of a run; null for what was not given. */
export type RunParams = Record<ParamName, string | null>

const EMPTY = Object.fromEntries(PARAM_NAMES.map((name) => [name, null])) as RunParams

/** No parameter given. */
export function emptyParams(): RunParams {
  return { ...EMPTY }
}
