/** What a comparison found, for the table and for the JSON. */
export interface Result {
  comparison: string
  unit: string
  repetitions: number
  /** Median of each contender. */
  figures: Record<string, number>
  ratios: Ratio[]
  /** Processor time a job, µs, median of each contender; of the drains alone. */
  cpu: Record<string, JobCpu>
}

export interface JobCpu {
  node: number
  /** Null where the server is not on this machine. */
  server: number | null
}

export interface Ratio {
  of: string
  against: string
  /** Median of the ratios within one repetition. */
  ratio: number
  floor: number | null
  aim: number | null
  /** Whether a smaller ratio is the better one. */
  lowerIsBetter?: boolean
}

export function verdict({ ratio, floor, aim, lowerIsBetter = false }: Ratio): string {
  const reaches = (goal: number | null) =>
    goal !== null && (lowerIsBetter ? ratio <= goal : ratio >= goal)
  if (reaches(aim)) {
    return 'aim'
  }
  return floor === null ? '' : reaches(floor) ? 'floor' : 'below'
}
