import type { Import, SourceFile } from './source_file.ts'

export type Ring = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7

/**
 * Which ring a file belongs to; the first pattern that fits decides. A file
 * that fits none breaks the test: say where it belongs.
 */
const RINGS: [Ring, RegExp][] = [
  // 0: types, errors, clock, duration: nothing of ours
  [0, /^src\/types\//],
  [0, /^stubs\/main\.ts$/],
  [
    0,
    /^src\/(errors|clock|duration|ids|keys|json|safe_emit|signal|counters|handler|histogram|lru_cache)\.ts$/,
  ],
  [0, /^src\/errors\//],
  // 3, named before ring 1 because it lies among the triggers
  [3, /^src\/triggers\/trigger_manager\.ts$/],
  // 1: pure logic
  [1, /^src\/triggers\//],
  [1, /^src\/config\//],
  [1, /^src\/input\//],
  [1, /^src\/executions\/(state|notices|error_record|progress_value)\.ts$/],
  [1, /^src\/locks\/(lock_options|run_locked)\.ts$/],
  [1, /^src\/jobs\/(retry_policy|outcome|outcome_words|place)\.ts$/],
  [1, /^src\/loop\/(plan|slot)_\w+\.ts$/],
  [1, /^src\/legacy\/frequency_codes\.ts$/],
  // 2: contracts
  [2, /^src\/storage\/contract(\.ts$|\/)/],
  [2, /^src\/storage\/sql_session\.ts$/],
  [2, /^src\/locks\/backend\.ts$/],
  [2, /^src\/telemetry\/channels\.ts$/],
  // 3: components
  [6, /^src\/locks\/host_backend\.ts$/],
  [3, /^src\/(events|loop|jobs|executions|housekeeping|locks)\//],
  // 4: implementations
  [4, /^src\/(storage|telemetry)\//],
  // 5: the facade
  [5, /^src\/scheduler(\.ts$|\/)/],
  // 6: adapters
  [6, /^src\/(web|legacy|handlers|isolation|engines)\//],
  [6, /^commands\//],
  // 7: composition
  [7, /^src\/(configure|define_config|index|store_client)\.ts$/],
  [7, /^providers\//],
  [7, /^src\/(services|testing)\//],
  [7, /^(configure|index)\.ts$/],
]

/** Which rings a ring may import; `types` only in imports that vanish with the types. */
const INWARD: Record<Ring, { values: Ring[]; types: Ring[] }> = {
  0: { values: [0], types: [2] },
  1: { values: [0, 1], types: [2] },
  2: { values: [0, 2], types: [] },
  3: { values: [0, 1, 2, 3], types: [] },
  4: { values: [0, 2, 4], types: [] },
  5: { values: [0, 1, 2, 3, 5], types: [] },
  6: { values: [0, 1, 5, 6], types: [2] },
  7: { values: [0, 1, 2, 3, 4, 5, 6, 7], types: [] },
}

/** The ports of ring 2 that adapters may use; of the others only the types. */
const PORTS = /^src\/(storage\/sql_session|telemetry\/channels)\.ts$/

/** The components that a component may know; itself always. */
const SIDEWAYS: Record<string, string[]> = {
  loop: ['events', 'triggers', 'jobs'],
  jobs: ['executions', 'locks'],
  locks: [],
  events: ['triggers'],
  triggers: [],
  executions: [],
  housekeeping: [],
}

const MAX_LINES = 300
/** Zones, and where the legacy tables are read and written. */
const LUXON = /^src\/(triggers\/wall_clock|legacy\/wall_clock|legacy\/tables\/\w+)\.ts$/
/** They find the host app's handlers, here and in an isolated process: nobody else imports what it does not know. */
const COMPUTED_IMPORTS = /^src\/(scheduler\/discover|isolation\/host_app)\.ts$/
/** Where ring 6 may hold the host's database library: the legacy connection. */
const LEGACY_LUCID = /^src\/legacy\/(tables\/|connection\.ts$)/

export function ringOf(path: string): Ring | null {
  return RINGS.find(([, pattern]) => pattern.test(path))?.[0] ?? null
}

/** Everything in which a file breaks the rules, in words; [] when it keeps them. */
export function breachesOf(file: SourceFile): string[] {
  const ring = ringOf(file.path)
  const tell = (breach: string) => `${file.path}: ${breach}`
  if (ring === null) {
    return [tell('belongs to no ring; give it one in tests/architecture/rings.ts')]
  }
  const breaches = file.imports.flatMap((each) =>
    each.target === null
      ? packageBreaches(file.path, ring, each)
      : importBreaches(file.path, ring, each, each.target)
  )
  if (file.lines > MAX_LINES) {
    breaches.push(`has ${file.lines} lines, more than ${MAX_LINES}`)
  }
  if (file.path !== 'src/clock.ts') {
    breaches.push(...file.clockReads.map((read) => `reads the machine's time by ${read}`))
  }
  return breaches.map(tell)
}

function importBreaches(path: string, ring: Ring, each: Import, target: string): string[] {
  const to = ringOf(target)
  if (to === null) {
    return [`imports ${target}, which belongs to no ring`]
  }
  const { values, types } = INWARD[ring]
  const isPort = ring === 6 && PORTS.test(target)
  if (!isPort && !values.includes(to) && !(each.typeOnly && types.includes(to))) {
    return [`of ring ${ring} imports ${target} of ring ${to}`]
  }
  return ring === 3 && to === 3 ? sidewaysBreaches(path, target) : []
}

function sidewaysBreaches(path: string, target: string): string[] {
  const from = componentOf(path)
  const to = componentOf(target)
  const known = from === to || SIDEWAYS[from]?.includes(to)
  return known ? [] : [`of ${from} imports ${target} of ${to}`]
}

function componentOf(path: string): string {
  return path.split('/')[1]
}

function packageBreaches(path: string, ring: Ring, { specifier }: Import): string[] {
  const breaches: string[] = []
  const isHost = specifier.startsWith('@adonisjs/')
  if (isHost && ring <= 3) {
    breaches.push(`of ring ${ring} imports ${specifier}: rings 0 to 3 run under any host`)
  }
  const isLucid = specifier.startsWith('@adonisjs/lucid')
  if (isLucid && ring === 6 && !LEGACY_LUCID.test(path)) {
    breaches.push(`imports ${specifier}: of the adapters only the legacy connection may`)
  }
  if (specifier === 'luxon' && !LUXON.test(path)) {
    breaches.push('imports luxon: zones belong to triggers/wall_clock')
  }
  if (specifier.startsWith('(') && !COMPUTED_IMPORTS.test(path)) {
    breaches.push(`imports the computed ${specifier}: it cannot be judged`)
  }
  return breaches
}
