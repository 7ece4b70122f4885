/** Cases whose errors have one code. */
export function coded<T extends unknown[]>(code: string, cases: T[]): [code: string, ...T][] {
  return cases.map((one) => [code, ...one])
}

/** What JSON cannot carry. */
export const circle: Record<string, unknown> = {}
circle.self = circle
