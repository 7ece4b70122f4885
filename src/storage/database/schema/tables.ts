/** Every table of the package, in the order in which they may be dropped. */
export const TABLES = [
  'almanac_execution_logs',
  'almanac_execution_parents',
  'almanac_executions',
  'almanac_event_tags',
  'almanac_dependencies',
  'almanac_events',
  'almanac_controls',
  'almanac_leases',
  'almanac_nodes',
  'almanac_stats',
  'almanac_journal',
  'almanac_meta',
] as const
