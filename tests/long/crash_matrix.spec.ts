import { getActiveTest, test } from '@japa/runner'
import { requires } from '../helpers/services.ts'
import { Cluster, until } from './support/cluster.ts'
import {
  createStore,
  createWarehouse,
  type DatabaseKind,
  type TestStore,
  type Warehouse,
} from './support/databases.ts'
import { Matrix } from './support/matrix.ts'
import { readAll, Verdict } from './support/matrix_verdict.ts'
import { MatrixWork, type MatrixSize } from './support/matrix_work.ts'
import { POINTS } from './support/protocol.ts'
import { printFigures, scaled } from './support/scale.ts'

/** Longest wait for the end of everything, ms. */
const PATIENCE = 300_000

interface Places {
  title: string
  store: DatabaseKind
  /** null: in the store's database, on one connection with it. */
  warehouse: DatabaseKind | null
  size: MatrixSize
}

const FULL = { maprefs: scaled(200, 20), requests: scaled(2_000, 200), rounds: scaled(3, 1) }
const SMALLER = { maprefs: scaled(100, 20), requests: scaled(500, 200), rounds: scaled(2, 1) }

/** The two sides commit apart in all but those on one connection: their crash windows differ. */
const PLACES: Places[] = [
  { title: 'SQLite, two files', store: 'sqlite', warehouse: 'sqlite', size: FULL },
  { title: 'PostgreSQL, one connection', store: 'postgresql', warehouse: null, size: FULL },
  { title: 'MariaDB, one connection', store: 'mariadb', warehouse: null, size: FULL },
  {
    title: 'PostgreSQL, two databases',
    store: 'postgresql',
    warehouse: 'postgresql',
    size: SMALLER,
  },
  { title: 'MariaDB, two databases', store: 'mariadb', warehouse: 'mariadb', size: SMALLER },
  { title: 'SQLite and PostgreSQL', store: 'sqlite', warehouse: 'postgresql', size: SMALLER },
  { title: 'SQLite and MariaDB', store: 'sqlite', warehouse: 'mariadb', size: SMALLER },
  { title: 'PostgreSQL and MariaDB', store: 'postgresql', warehouse: 'mariadb', size: SMALLER },
  { title: 'MariaDB and PostgreSQL', store: 'mariadb', warehouse: 'postgresql', size: SMALLER },
]

const services = [await requires('postgresql'), await requires('mariadb')]

for (const places of PLACES) {
  const { title, size } = places
  const missing = services.find(
    ({ name, available }) => !available && [places.store, places.warehouse].includes(name as never)
  )
  test.group(`Crash matrix | ${title}`, (group) => {
    group.tap((each) => each.skip(missing !== undefined, missing?.reason))

    const slots = MatrixWork.slotsOf(size)
    test(`${size.requests} requests and ${slots} slots outlive kill -9 at every point`, async ({
      assert,
    }) => {
      const { store, warehouse, cluster } = await setup(places)
      const deaths = POINTS.length * size.rounds
      const work = new MatrixWork(size, deaths, store, warehouse)
      await work.prepare()
      await work.feed(0)
      const databases = { store: store.target, warehouse: warehouse.target }
      const matrix = new Matrix({ cluster, rounds: size.rounds, databases })
      matrix.start('n1')
      matrix.start('n2')
      while (!matrix.finished) {
        const died = await matrix.next()
        await (died ? work.feed(matrix.deaths) : work.more(matrix.deaths))
      }
      await work.feed(deaths)
      await untilEnded(store, warehouse, work.requests + work.slots.length)
      const exits = await matrix.end()

      const verdict = new Verdict(await readAll(store, warehouse), work)
      printFigures('deaths by kill -9', Object.fromEntries(matrix.hits))
      printFigures('results', verdict.figures)
      assert.isEmpty([...matrix.hits].filter(([, count]) => count === 0))
      // A matrix in which something did not happen at all has shown nothing of it
      assert.isEmpty(Object.entries(verdict.figures).filter(([, count]) => count === 0))
      assert.deepEqual(exits, [0, 0])
      assert.isAtLeast(work.requests, size.requests)
      assert.isAtLeast(work.slots.length, slots)
      assert.equal(verdict.figures['slots in the own store'], work.slots.length)
      assert.isEmpty(verdict.faults.slice(0, 20))
    })
  })
}

/** Processes and databases that go with the test. */
async function setup(places: Places) {
  const store = await createStore(places.store)
  const warehouse = await createWarehouse(places.warehouse ?? store)
  const cluster = new Cluster()
  getActiveTest()?.cleanup(async () => {
    await cluster.close()
    await warehouse.close()
    await store.close()
  })
  return { store, warehouse, cluster }
}

async function untilEnded(store: TestStore, warehouse: Warehouse, wanted: number): Promise<void> {
  const count = () =>
    warehouse.rows<{ STATUS: string; N: number }>(
      'select STATUS, count(*) as N from DWPRCREQ group by STATUS'
    )
  await until(
    async () => {
      const rows = await count()
      const ended = rows.filter(({ STATUS }) => STATUS === 'DONE' || STATUS === 'FAILED')
      const { queued = 0, running = 0 } = await store.storage.executions.countByState()
      return ended.reduce((sum, { N }) => sum + N, 0) >= wanted && queued + running === 0
    },
    {
      patience: PATIENCE,
      every: 100,
      describe: async () => [await count(), await store.storage.executions.countByState()],
    }
  )
}
