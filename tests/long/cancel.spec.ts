import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { getActiveTest, test } from '@japa/runner'
import { isAlive, processesWith } from '../helpers/processes.ts'
import { written } from '../isolation/world.ts'
import { execution } from '../storage/support.ts'
import { until } from './support/cluster.ts'
import { PATIENCE } from './support/cluster_setup.ts'
import { createStore, type DatabaseKind, type TestStore } from './support/databases.ts'
import { eachKind, KINDS } from './support/kinds.ts'
import { printFigures } from './support/scale.ts'

const WORKER = fileURLToPath(new URL('../isolation/worker.ts', import.meta.url))
/** Between two beats of the node that works, ms. */
const BEAT = 1_000
/** After a cancel that is ignored, ms. */
const DEAF_AFTER = 10_000
/** Of the handler in a process of its own, ms. */
const GRACE = 300
/** What a busy machine may add to each, ms. */
const SLACK = 1_500

interface Node {
  child: ChildProcess
  /** Where the handlers leave their marks. */
  folder: string
  /** What tells its processes from all others in the process table. */
  mark: string
}

/** A node that works in a process of its own; this one cancels. */
async function startNode({ target }: TestStore): Promise<Node> {
  const store = target.url.startsWith('file:') ? fileURLToPath(target.url) : target.url
  const folder = await mkdtemp(join(tmpdir(), 'almanac-cancel-'))
  const child = fork(WORKER, {
    execArgv: ['--import=@poppinss/ts-exec'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, ISOLATED_STORE: store, ISOLATED_RENEW: `${BEAT}ms` },
  })
  getActiveTest()?.cleanup(async () => {
    child.kill('SIGKILL')
    await rm(folder, { recursive: true, force: true })
  })
  await heard(child, (message) => message === 'working')
  return { child, folder, mark: `ISOLATED_STORE=${store}` }
}

/** The first message of this kind; the app tells its parent other things, too. */
async function heard<T>(child: ChildProcess, fits: (message: T) => boolean): Promise<T> {
  for (;;) {
    const [message] = (await once(child, 'message')) as [T]
    if (fits(message)) {
      return message
    }
  }
}

interface Told {
  counters?: Record<string, number>
}

async function stuckOn({ child }: Node): Promise<number> {
  const answer = heard<Told>(child, ({ counters }) => counters !== undefined)
  child.send('counters')
  const { counters } = await answer
  return counters!['executions.stuck'] ?? 0
}

/** The node's, its own among them. */
function processesOf({ mark }: Node): Promise<number[]> {
  return processesWith((entry) => entry === mark)
}

/** Lets a handler begin on the node, and asks from here that it stops. */
async function cancelled({ storage }: TestStore, node: Node, handler: string) {
  const mark = join(node.folder, handler)
  const begun = execution({ handler, payload: { mark } })
  await storage.executions.enqueue({ now: null, executions: [begun] })
  const pid = Number(await written(mark))
  const { id } = begun
  const result = await storage.executions.requestCancel({ now: null, id, reason: 'by anna' })
  const asked = performance.now()
  return { id, pid, done: result?.done, since: () => Math.round(performance.now() - asked) }
}

/** How long after the request the execution had ended, ms by the store's clock. */
async function endedAfter({ storage }: TestStore, id: string): Promise<number> {
  const find = () => storage.executions.find(id)
  let found = await find()
  const isOver = async () => {
    found = await find()
    return found!.finishedAt !== null
  }
  await until(isOver, { patience: PATIENCE, every: 20, describe: find })
  const { state, reason, finishedAt, cancelRequestedAt } = found!
  if (state !== 'cancelled' || reason !== 'by anna') {
    throw new Error(`It ended as ${state}: ${reason}`)
  }
  return finishedAt! - cancelRequestedAt!
}

const TWO = KINDS.filter(({ kind }) => kind !== 'mariadb')

eachKind('Cancel | from another process', TWO, (kind: DatabaseKind) => {
  test('a handler that looks ends within a beat, one in a process within its grace, a deaf one is told', async ({
    assert,
  }) => {
    const store = await createStore(kind)
    getActiveTest()?.cleanup(() => store.close())
    const node = await startNode(store)

    const obedient = await cancelled(store, node, 'obedient')
    const cooperative = await endedAfter(store, obedient.id)

    const stubborn = await cancelled(store, node, 'stubborn')
    const isolated = await endedAfter(store, stubborn.id)
    const isolatedLeft = await isAlive(stubborn.pid)

    const deaf = await cancelled(store, node, 'deaf')
    const isTold = async () => (await stuckOn(node)) > 0
    await until(isTold, { patience: PATIENCE, every: 50, describe: () => stuckOn(node) })
    const told = deaf.since()
    const stuck = await store.storage.executions.find(deaf.id)

    const before = await processesOf(node)
    const stopping = performance.now()
    node.child.kill('SIGTERM')
    await once(node.child, 'exit')
    const stopped = Math.round(performance.now() - stopping)
    const left = await processesOf(node)
    printFigures('cancelled by another process', {
      'cooperative: ended after, ms': `${cooperative}, a beat is ${BEAT}`,
      'isolated and stuck: ended after, ms': `${isolated}, a beat and its grace are ${BEAT + GRACE}`,
      'deaf: told after, ms': `${told}, a beat and the wait are ${BEAT + DEAF_AFTER}`,
      'node stopped after, ms': stopped,
      'processes before and after': `${before.length}, ${left.length}`,
    })
    assert.deepEqual([obedient.done, stubborn.done, deaf.done], Array(3).fill('requested'))
    assert.isBelow(cooperative, BEAT + SLACK)
    assert.isBelow(isolated, BEAT + GRACE + SLACK)
    assert.isFalse(isolatedLeft)
    assert.isAtLeast(told, DEAF_AFTER)
    assert.isBelow(told, BEAT + DEAF_AFTER + SLACK)
    assert.equal(stuck?.state, 'running')
    assert.include(before, node.child.pid!)
    assert.isEmpty(left)
  })
})
