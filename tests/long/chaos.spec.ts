import { getActiveTest, test } from '@japa/runner'
import { MARK } from '../../src/handlers/process/strays.ts'
import { processesWith } from '../helpers/processes.ts'
import { requires } from '../helpers/services.ts'
import { auditStore, readAudit } from './support/audit.ts'
import { Chaos, SKEWED } from './support/chaos.ts'
import { Cluster, until } from './support/cluster.ts'
import { createStore, type DatabaseKind } from './support/databases.ts'
import { forgetMessages } from './support/engine.ts'
import { reckon, replay } from './support/findings.ts'
import { OwnServer } from './support/own_server.ts'
import { Random } from './support/random.ts'
import { allExecutions } from './support/reading.ts'
import { printFigures, scaled } from './support/scale.ts'
import { eachWay, nodeWay, type Way } from './support/ways.ts'
import { Workload, type Size } from './support/workload.ts'

/** The work, and how long it comes in, ms. */
const SIZES: Record<Way, Size> = {
  node: {
    events: scaled(50, 10),
    slots: scaled(100, 50),
    enqueued: scaled(5_000, 500),
    duration: scaled(60_000, 20_000),
    backlog: 1_000,
  },
  queue: {
    events: scaled(50, 10),
    slots: scaled(50, 20),
    enqueued: scaled(2_500, 250),
    duration: scaled(60_000, 10_000),
    backlog: 500,
  },
  // A process takes half a second of a core before its handler begins
  process: {
    events: scaled(10, 2),
    slots: scaled(20, 10),
    enqueued: scaled(300, 40),
    duration: scaled(60_000, 10_000),
    backlog: 5,
  },
}
/** Longest waits: for what did not happen in that time, and for the end of the work, ms. */
const PATIENCE = { chaos: 120_000, end: 300_000 }
const SEED = Number(process.env.ALMANAC_LONG_SEED || Date.now() % 1_000_000)

const faketime = await requires('faketime')
const KINDS = [
  { kind: 'sqlite' as const, title: 'SQLite', needs: [] },
  {
    kind: 'postgresql' as const,
    title: 'PostgreSQL',
    needs: [await requires('postgresql_programs'), faketime],
  },
  {
    kind: 'mariadb' as const,
    title: 'MariaDB',
    needs: [await requires('mariadb_programs'), faketime],
  },
]

/** A store, on a server of its own where it is not a file; all of it goes with the test. */
async function setup(kind: DatabaseKind, way: Way, random: Random) {
  const server = kind === 'sqlite' ? null : await OwnServer.create(kind)
  getActiveTest()?.cleanup(() => server?.close())
  const store = await createStore(server ? new URL(server.location) : 'sqlite')
  getActiveTest()?.cleanup(() => store.close())
  await auditStore(store)
  const cluster = new Cluster(faketime.location)
  const { duration } = SIZES[way]
  const outagesAt = [duration / 3, (duration * 2) / 3]
  const told = nodeWay(way)
  const chaos = new Chaos({ cluster, store, random, way: told, server, outagesAt })
  getActiveTest()?.cleanup(async () => {
    chaos.calm()
    await cluster.close()
    await (told.engine && forgetMessages(told.engine))
  })
  return { store, cluster, chaos }
}

eachWay('Chaos', KINDS, (kind, way) => {
  const size = SIZES[way]
  const total = size.events * size.slots + size.enqueued
  const harm = kind === 'sqlite' ? '' : ', while their database is restarted'
  test(`${total} executions on three nodes that are killed and frozen${harm}`, async ({
    assert,
  }) => {
    const random = new Random(SEED)
    const { store, cluster, chaos } = await setup(kind, way, random)
    const work = new Workload(store, random)
    const running = chaos.run()
    await work.feed(size)
    await work.feedWhile(() => !chaos.everythingHappened, size, PATIENCE.chaos)
    chaos.calm()
    await running
    const states = () => store.storage.executions.countByState()
    await until(async () => isDone(await states(), work.total), {
      patience: PATIENCE.end,
      every: 200,
      describe: states,
    })
    const exits = await chaos.end()

    const executions = await allExecutions(store.storage)
    const left = await processesOf(executions)
    const succeeded = executions.filter(({ state }) => state === 'succeeded')
    const found = replay(await readAudit(store))
    const { lost, doubled } = reckon(work, succeeded, found.successes)
    const late = cluster.all('thawed').flatMap(({ holds }) => holds.filter(({ owned }) => !owned))
    const taken = late.flatMap((write) => write.taken)
    printFigures('what happened', {
      'seed': SEED,
      ...chaos.figures,
      'attempts': found.attempts,
      'taken over': found.takeovers,
      'late attempts after a freeze': late.length,
      'late writes taken': taken.length,
      'clock warnings': warnings(cluster).length,
      'problems': chaos.problems,
    })
    printFigures('results', {
      'executions': executions.length,
      'succeeded': succeeded.length,
      'two of a key at once': found.overlaps,
      'taken over before the lease ended': found.earlyTakeovers,
      'processes left': left.length,
      lost,
      doubled,
    })
    assert.isEmpty(left)
    assert.isEmpty(chaos.problems)
    assert.isTrue(chaos.everythingHappened)
    assert.isAbove(late.length, 0)
    assert.isEmpty(taken)
    assert.isEmpty(executions.filter(bearsLateWrite))
    assert.isNotEmpty(warnings(cluster))
    assert.isEmpty(warnings(cluster).filter((node) => !node.startsWith(SKEWED.node)))
    assert.deepEqual([lost, doubled, found.overlaps, found.earlyTakeovers], [0, 0, 0, 0])
    assert.lengthOf(executions, work.total)
    assert.lengthOf(succeeded, work.total)
    assert.deepEqual(
      exits.map(({ code }) => code),
      [0, 0, 0]
    )
  })
})

/** What still runs of isolated handlers. */
function processesOf(executions: { id: string }[]): Promise<number[]> {
  const marks = new Set(executions.map(({ id }) => `${MARK}=${id}`))
  return processesWith((entry) => marks.has(entry.split('.')[0]))
}

/** Whose end is not the one that its handler gave it. */
function bearsLateWrite({ checkpoint, progress }: { checkpoint: unknown; progress: unknown }) {
  return checkpoint === 'late' || JSON.stringify(progress) === '{"late":true}'
}

/** The nodes that doubt their clock, once for each warning. */
function warnings({ nodes }: Cluster): string[] {
  return nodes.flatMap((node) =>
    node
      .all('problem')
      .filter(({ message }) => /clock of this node/.test(message))
      .map(() => node.all('working')[0]?.nodeId ?? SKEWED.node)
  )
}

function isDone(states: Partial<Record<string, number>>, total: number): boolean {
  const { queued = 0, running = 0 } = states
  const all = Object.values(states).reduce<number>((sum, count) => sum + (count ?? 0), 0)
  return queued + running === 0 && all >= total
}
