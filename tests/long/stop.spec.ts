import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { getActiveTest, test } from '@japa/runner'
import type { PythonInput } from '../../src/legacy/engine/runners/python/config.ts'
import { isAlive } from '../helpers/processes.ts'
import { requires } from '../helpers/services.ts'
import { until } from './support/cluster.ts'
import { config, countOf, PATIENCE, setup as setupStore } from './support/cluster_setup.ts'
import { createWarehouse, type DatabaseKind, type Warehouse } from './support/databases.ts'
import { eachKind, KINDS } from './support/kinds.ts'
import { printFigures } from './support/scale.ts'

const python = await requires('python3')
const FIXTURES = fileURLToPath(new URL('../fixtures/python', import.meta.url))
/** From the claim of a STOP row to the end of its run, ms. */
const LIMIT = 3_000
/** Between SIGTERM and SIGKILL of a flow in Python, ms. */
const GRACE = 1_000
/** What is left to a forced stop after that, ms. */
const AFTER_GRACE = 1_000

/** As production has it: renewals are far too rare to tell of a stop in time. */
const LEASE = { ttl: 30_000, renew: 10_000 }
const SLOTS = 4

interface Kind {
  sleep: string
  /** Counts the statements that sleep. */
  sleeping: string
}

const STATEMENTS: Record<Exclude<DatabaseKind, 'sqlite'>, Kind> = {
  postgresql: {
    sleep: 'select pg_sleep(600)',
    sleeping: `select count(*) as "N" from pg_stat_activity where state = 'active' and datname = current_database() and query like 'select pg_sleep%'`,
  },
  mariadb: {
    sleep: 'select sleep(600)',
    sleeping: `select count(*) as N from information_schema.processlist where db = database() and info like 'select sleep%'`,
  },
}

/** Notes its process id in the file that its first parameter names; then goes on for ever. */
const ENDLESS = `
import os, signal, time

def execute_job(connection, session_params):
    def refuse(*ignored):
        with open(session_params['param2'], 'w') as file:
            file.write(str(time.time() * 1000))
    if session_params['param2']:
        signal.signal(signal.SIGTERM, refuse)
    with open(session_params['param1'], 'w') as file:
        file.write(str(os.getpid()))
    while True:
        pass
`

interface Run {
  STATUS: string
  MSG: string | null
  ENDDT: string | null
}

async function setup(kind: DatabaseKind) {
  const folder = await mkdtemp(join(tmpdir(), 'almanac-stop-'))
  const warehouse = await createWarehouse(kind)
  getActiveTest()?.cleanup(async () => {
    await warehouse.close()
    await rm(folder, { recursive: true, force: true })
  })
  return { ...(await setupStore(kind)), warehouse, folder }
}

/** The processes of flows, and what they note. */
function filesIn(folder: string) {
  const path = (name: string) => join(folder, name)
  return {
    path,
    number: async (name: string) => Number(await readFile(path(name), 'utf8').catch(() => '')),
  }
}

const instant = (wall: string | null) => Date.parse(`${wall}Z`)

async function runOf(warehouse: Warehouse, mapref: string): Promise<Run> {
  const [run] = await warehouse.rows<Run>(`select * from DWPRCLOG where MAPREF = '${mapref}'`)
  return run
}

/** When a STOP row was claimed, and by whom. */
async function claimOf(warehouse: Warehouse, mapref: string) {
  const sql = `select * from DWPRCREQ where REQUEST_ID = 'STOP-${mapref}'`
  const [row] = await warehouse.rows<{ CLAIMED_AT: string; CLAIMED_BY: string; STATUS: string }>(
    sql
  )
  return row
}

/** The servers; a statement on SQLite ends before its process can hear of anything. */
const SERVERS = KINDS.filter(({ kind }) => kind !== 'sqlite').map((each) => ({
  ...each,
  needs: [...each.needs, python],
}))

eachKind('Stop | on another node', SERVERS, (kind) => {
  const { sleep, sleeping } = STATEMENTS[kind as keyof typeof STATEMENTS]

  test('a handler, a statement that sleeps and flows in an endless loop end as ST in time', async ({
    assert,
  }) => {
    const { store, warehouse, cluster, folder } = await setup(kind)
    const files = filesIn(folder)
    const flows: PythonInput = {
      interpreter: python.location,
      connections: 'almanac_test_connections',
      path: [FIXTURES],
      env: { FLOW_DATABASE: ':memory:' },
      grace: GRACE,
    }
    const logics = { W0: null, SLEEP: sleep, LOOP: ENDLESS, DEAF: ENDLESS }
    for (const [MAPREF, DWLOGIC] of Object.entries(logics)) {
      await warehouse.insertFlow({ MAPREF, DWLOGIC })
    }
    const payload = {
      LOOP: { param1: files.path('loop') },
      DEAF: { param1: files.path('deaf'), param2: files.path('term') },
    }
    await warehouse.insertRequests(
      Object.keys(logics).map((MAPREF) => ({
        REQUEST_ID: `R-${MAPREF}`,
        MAPREF,
        PAYLOAD: JSON.stringify(payload[MAPREF as keyof typeof payload] ?? {}),
      }))
    )

    // The first node takes these four, and looks at the table no more
    const common = { store: store.target, warehouse: warehouse.target, python: flows }
    const options = (name: string) =>
      config(name, { concurrency: SLOTS, prefetch: 0, lease: LEASE })
    await cluster.startAll([{ ...common, config: options('works'), pollInterval: 600_000 }])
    const count = async () => {
      const [{ N }] = await warehouse.rows<{ N: number | string }>(sleeping)
      return Number(N)
    }
    await until(
      async () =>
        (await files.number('loop')) > 0 &&
        (await files.number('deaf')) > 0 &&
        (await count()) === 1,
      { patience: PATIENCE, describe: () => cluster.all('problem') }
    )
    // The second fills its slots, and takes the STOP rows
    const others = Array.from({ length: SLOTS }, (_, index) => `W${index + 1}`)
    for (const MAPREF of others) {
      await warehouse.insertFlow({ MAPREF, DWLOGIC: null })
    }
    await warehouse.insertRequests(
      others.map((MAPREF) => ({ REQUEST_ID: `R-${MAPREF}`, MAPREF, PAYLOAD: '{}' }))
    )
    await cluster.startAll([{ ...common, config: options('stops'), pollInterval: 100 }])
    await until(async () => (await countOf(store, 'running')) === 2 * SLOTS, {
      patience: PATIENCE,
      describe: () => store.storage.executions.countByState(),
    })

    const maprefs = Object.keys(logics)
    const pids = [await files.number('loop'), await files.number('deaf')]
    assert.deepEqual(await Promise.all(pids.map(isAlive)), [true, true])
    await warehouse.insertRequests(
      maprefs.map((MAPREF) => ({
        REQUEST_ID: `STOP-${MAPREF}`,
        MAPREF,
        REQUEST_TYPE: 'STOP',
        PAYLOAD: JSON.stringify({ force: MAPREF === 'DEAF' ? 'Y' : 'N' }),
      }))
    )
    const ended = () => Promise.all(maprefs.map((mapref) => runOf(warehouse, mapref)))
    const over = async () => {
      const runs = await ended()
      return runs.every(({ STATUS }) => STATUS !== 'IP')
    }
    await until(over, { patience: PATIENCE, describe: ended })

    const figures: Record<string, number> = {}
    for (const mapref of maprefs) {
      const { STATUS, MSG, ENDDT } = await runOf(warehouse, mapref)
      const { CLAIMED_AT, CLAIMED_BY } = await claimOf(warehouse, mapref)
      assert.equal(STATUS, 'ST', mapref)
      assert.equal(MSG, `stopped by request STOP-${mapref}${mapref === 'DEAF' ? ' (force)' : ''}`)
      assert.match(CLAIMED_BY, /^stops\./)
      figures[`${mapref}, ms from claim to ENDDT`] = instant(ENDDT) - instant(CLAIMED_AT)
      if (mapref !== 'DEAF') {
        assert.isAtMost(instant(ENDDT) - instant(CLAIMED_AT), LIMIT, mapref)
      }
    }
    const deaf = await runOf(warehouse, 'DEAF')
    const late = Math.round(instant(deaf.ENDDT) - (await files.number('term')) - GRACE)
    printFigures(`STOP on ${kind}`, { ...figures, 'DEAF, ms after SIGTERM and its grace': late })
    assert.isAtMost(late, AFTER_GRACE)
    assert.equal(await count(), 0)
    assert.deepEqual(await Promise.all(pids.map(isAlive)), [false, false])
    await until(
      async () => {
        const rows = await Promise.all(maprefs.map((mapref) => claimOf(warehouse, mapref)))
        return rows.every(({ STATUS }) => STATUS === 'DONE')
      },
      { patience: PATIENCE, describe: () => cluster.all('problem') }
    )
  })

  for (const successor of [false, true]) {
    const title = successor ? 'another that starts after the kill' : 'another that works beside it'
    test(`runs whose node was killed are ended as ST by ${title}`, async ({ assert }) => {
      const { store, warehouse, cluster } = await setup(kind)
      const maprefs = ['W0', 'SLEEP']
      for (const MAPREF of maprefs) {
        await warehouse.insertFlow({ MAPREF, DWLOGIC: MAPREF === 'SLEEP' ? sleep : null })
      }
      await warehouse.insertRequests(
        maprefs.map((MAPREF) => ({ REQUEST_ID: `R-${MAPREF}`, MAPREF, PAYLOAD: '{}' }))
      )
      const common = { store: store.target, warehouse: warehouse.target, pollInterval: 100 }
      const dying = await cluster.startAll([{ ...common, config: config('dies') }])
      const ended = () => Promise.all(maprefs.map((mapref) => runOf(warehouse, mapref)))
      const all = (status: string) => async () => {
        const runs = await ended()
        return runs.every((run) => run?.STATUS === status)
      }
      const patience = { patience: PATIENCE, describe: ended }
      await until(all('IP'), patience)
      const others = () => cluster.startAll([{ ...common, config: config('stops') }])
      if (!successor) {
        await others()
      }
      dying[0].kill('SIGKILL')
      await dying[0].exited
      const stop = { REQUEST_TYPE: 'STOP', PAYLOAD: '{"force":"N"}' }
      await warehouse.insertRequests(
        maprefs.map((MAPREF) => ({ REQUEST_ID: `STOP-${MAPREF}`, MAPREF, ...stop }))
      )
      if (successor) {
        await others()
      }

      const open = () => warehouse.rows(`select * from DWPRCREQ where STATUS in ('NEW', 'CLAIMED')`)
      const answered = async () => {
        const rows = await open()
        return rows.length === 0
      }
      await until(answered, { patience: PATIENCE, describe: open })
      for (const mapref of maprefs) {
        const { STATUS, MSG, ENDDT } = await runOf(warehouse, mapref)
        assert.equal(STATUS, 'ST', `${mapref}: ${MSG}`)
        assert.match(MSG!, new RegExp(`^stopped by request STOP-${mapref}`))
        assert.isNotNull(ENDDT)
        const stopped = await claimOf(warehouse, mapref)
        assert.equal(stopped.STATUS, 'DONE')
      }
      const requests = await warehouse.rows<{ STATUS: string }>(
        `select STATUS from DWPRCREQ where REQUEST_ID like 'R-%'`
      )
      assert.deepEqual(
        requests.map(({ STATUS }) => STATUS),
        ['FAILED', 'FAILED']
      )
      assert.equal(await countOf(store, 'running'), 0)
    })
  }
})
