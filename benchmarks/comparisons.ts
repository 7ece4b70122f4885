import type { Ratio } from './lib/result.ts'

type Goal = Pick<Ratio, 'of' | 'against' | 'floor' | 'aim' | 'lowerIsBetter'>

/** One comparison: what runs side by side, and the ratios that count. */
export interface Comparison {
  script: string
  unit: string
  /** Name of a contender → what its script is told. */
  contenders: Record<string, object>
  /** From what the script answers to a figure. */
  figure: (answer: Record<string, number>, order: Record<string, number>) => number
  goals: Goal[]
}

const OWN = 'Almanac'
const LEGACY = 'Almanac, legacy tables'
/** What a legacy run writes, by itself: about as fast as a scheduler that writes it could be. */
const BARE = 'the rows of legacy runs alone'

interface Sizes {
  jobs: number
  slow: number
}

function drained(contender: string, jobs: number, concurrency: number): object {
  const warmup = Math.min(2_000, Math.ceil(jobs / 5))
  return { contender, jobs, warmup, concurrency, keys: 500 }
}

const perSecond: Comparison['figure'] = ({ ms }, { jobs }) => (jobs / ms) * 1_000

function against(peer: string, own: [number, number], legacy: [number, number]): Goal[] {
  return [
    { of: OWN, against: peer, floor: own[0], aim: own[1] },
    { of: LEGACY, against: peer, floor: legacy[0], aim: legacy[1] },
  ]
}

/** Beside the ratios of the legacy path: how far it could come at best. */
function ceilings(...peers: string[]): Goal[] {
  return peers.map((peer) => ({ of: BARE, against: peer, floor: null, aim: null }))
}

/** Filled queues worked off by one process. */
function drains({ jobs, slow }: Sizes): Record<string, Comparison> {
  return {
    'drain-50': {
      script: 'measure.ts',
      unit: 'jobs/s',
      contenders: {
        [OWN]: drained('almanac', jobs, 50),
        [LEGACY]: drained('almanac_legacy', jobs, 50),
        [BARE]: drained('legacy_bare', jobs, 50),
        'pg-boss, batches of 500': drained('pg_boss', jobs, 50),
        'BullMQ': drained('bullmq', jobs, 50),
        'graphile-worker, fastest': drained('graphile_fastest', jobs, 50),
      },
      figure: perSecond,
      goals: [
        ...against('pg-boss, batches of 500', [1, 1.5], [0.6, 1]),
        ...against('BullMQ', [1, 1.6], [0.6, 1.1]),
        ...against('graphile-worker, fastest', [0.5, 0.9], [0.35, 0.6]),
        ...ceilings('pg-boss, batches of 500', 'BullMQ', 'graphile-worker, fastest'),
      ],
    },
    'drain-10': {
      script: 'measure.ts',
      unit: 'jobs/s',
      contenders: {
        [OWN]: drained('almanac', jobs, 10),
        [LEGACY]: drained('almanac_legacy', jobs, 10),
        'graphile-worker, defaults': drained('graphile_defaults', jobs, 10),
        "@adonisjs/queue's database driver": drained('adonis_queue', slow, 10),
        "the old scheduler's statements": drained('old_scheduler', slow, 10),
      },
      figure: perSecond,
      goals: [
        ...against('graphile-worker, defaults', [5, 9], [3, 6]),
        ...against("@adonisjs/queue's database driver", [40, 80], [25, 50]),
        { of: LEGACY, against: "the old scheduler's statements", floor: 10, aim: 18 },
      ],
    },
  }
}

/** The same work with a million finished rows in the table. */
function growth({ jobs }: Sizes, finished: number): Record<string, Comparison> {
  const grown = { finished }
  return {
    growth: {
      script: 'measure.ts',
      unit: 'jobs/s',
      contenders: {
        [OWN]: drained('almanac', jobs, 50),
        [`${OWN}, grown`]: { ...drained('almanac', jobs, 50), ...grown },
        [LEGACY]: drained('almanac_legacy', jobs, 50),
        [`${LEGACY}, grown`]: { ...drained('almanac_legacy', jobs, 50), ...grown },
      },
      figure: perSecond,
      goals: [
        { of: `${OWN}, grown`, against: OWN, floor: 0.75, aim: 0.9 },
        { of: `${LEGACY}, grown`, against: LEGACY, floor: 0.75, aim: 0.9 },
      ],
    },
  }
}

/** From one insert into an idle worker to the beginning of its run. */
function latency(samples: number): Record<string, Comparison> {
  const waited = (contender: string) => ({ contender, samples, concurrency: 10, keys: 500 })
  return {
    latency: {
      script: 'pickup.ts',
      unit: 'ms, p50',
      contenders: {
        [OWN]: waited('almanac'),
        'BullMQ': waited('bullmq'),
        'graphile-worker': waited('graphile_defaults'),
        'pg-boss with notify': waited('pg_boss'),
      },
      figure: ({ p50 }) => p50,
      goals: [{ of: OWN, against: 'graphile-worker', floor: 1.2, aim: 0.8, lowerIsBetter: true }],
    },
  }
}

/** Due slots fired, of many active events. */
function ticks(events: number): Record<string, Comparison> {
  const due = (count: number, way = 'tick') => ({ way, events, due: count })
  return {
    tick: {
      script: 'tick.ts',
      unit: 'ms',
      contenders: {
        'nothing due': due(0),
        '10 due': due(10),
        '1,000 due': due(1_000),
        '10,000 due': due(10_000),
        '1,000 single updates': due(1_000, 'single'),
      },
      figure: ({ ms }) => ms,
      goals: [
        {
          of: '1,000 due',
          against: '1,000 single updates',
          floor: 1 / 8,
          aim: 1 / 12,
          lowerIsBetter: true,
        },
      ],
    },
  }
}

/** Slots computed per second, one process. */
function triggers(slots: number): Record<string, Comparison> {
  const kinds = ['cron', 'interval', 'calendar', 'frequency', 'croner']
  return {
    triggers: {
      script: 'triggers.ts',
      unit: 'slots/s',
      contenders: Object.fromEntries(kinds.map((kind) => [kind, { kind, slots }])),
      figure: ({ ms }, order) => (order.slots / ms) * 1_000,
      goals: [{ of: 'cron', against: 'croner', floor: 0.8, aim: 1 }],
    },
  }
}

/** All comparisons; `quick` shows that they work, and its figures mean nothing. */
export function comparisons({ quick = false } = {}): Record<string, Comparison> {
  const sizes = quick ? { jobs: 1_000, slow: 200 } : { jobs: 20_000, slow: 1_500 }
  return {
    ...drains(sizes),
    ...latency(quick ? 20 : 200),
    ...ticks(quick ? 20_000 : 100_000),
    ...triggers(quick ? 2_000 : 50_000),
    ...growth(sizes, quick ? 5_000 : 1_000_000),
  }
}
