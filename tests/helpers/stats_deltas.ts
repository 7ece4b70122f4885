export const DELTA_DAY = '2027-01-15'

/** A row of totals that an end brought along: of three runs, one of which never began. */
export function delta(n: number) {
  return {
    stat_key: `delta:018f0000-0000-7000-8000-000000000000:${n}`,
    stat_day: DELTA_DAY,
    handler: 'noop',
    event_id: null,
    outcome: 'succeeded',
    subject: n % 2 === 0 ? 'even' : null,
    node: 'alpha',
    run_count: 3,
    duration_total: n + 100,
    duration_max: 100,
    lateness_total: 20,
    lateness_max: 20,
    durations: JSON.stringify([n, 100]),
    latenesses: '[0,20]',
  }
}
