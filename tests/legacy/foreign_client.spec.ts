import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { getActiveTest, test } from '@japa/runner'
import { requires } from '../helpers/services.ts'
import { createStore, createWarehouse, type Warehouse } from '../long/support/databases.ts'

const postgres = await requires('postgresql')
const python = await requires('python_psycopg2')

const WORKER = fileURLToPath(new URL('../helpers/legacy_worker.ts', import.meta.url))
const CLIENT = fileURLToPath(new URL('foreign_client/client.py', import.meta.url))

/** Starts a program, which ends with the test. */
function start(command: string, args: string[]): ChildProcess {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  getActiveTest()?.cleanup(() => void child.kill('SIGKILL'))
  return child
}

async function prepare(warehouse: Warehouse): Promise<void> {
  const logic = 'insert into LEDGER (PRCID, MAPREF, REQUEST) values (:prcid, :mapref, :param1)'
  for (const MAPREF of ['PARENT', 'CHILD', 'HISTORIC']) {
    await warehouse.insertFlow({ MAPREF, DWLOGIC: logic })
  }
  await warehouse.insertFlow({ MAPREF: 'SLEEPER', DWLOGIC: 'select pg_sleep(300)' })
  const report = 'select MAPREF, REQUEST from LEDGER where MAPREF = :mapref order by PRCID'
  await warehouse.execute(
    `insert into DWMAPRSQL (DWMAPRSQLCD, DWMAPRSQL, CURFLG) values ('LEDGER', '${report}', 'Y')`
  )
}

/** Runs the client to its end. @returns what it saw, by step */
async function clientOf(url: string): Promise<Record<string, Record<string, unknown>>> {
  const client = start(python.location, [CLIENT, url])
  const seen: Record<string, Record<string, unknown>> = {}
  createInterface({ input: client.stdout! }).on('line', (line) => {
    const { step, ...rest } = JSON.parse(line) as { step: string }
    seen[step] = rest
  })
  const [code] = (await once(client, 'close')) as [number]
  if (code !== 0) {
    throw new Error(`the client ended with ${code} after ${JSON.stringify(seen)}`)
  }
  return seen
}

test.group('A program in Python with nothing but SQL', (group) => {
  group.tap((t) => {
    const missing = [postgres, python].find(({ available }) => !available)
    t.skip(missing !== undefined, missing?.reason ?? '').timeout(120_000)
  })

  test('schedules, queues each type of request, stops a run and reads the results', async ({
    assert,
    fs,
  }) => {
    const store = await createStore('postgresql')
    getActiveTest()?.cleanup(() => store.close())
    const warehouse = await createWarehouse('postgresql')
    getActiveTest()?.cleanup(() => warehouse.close())
    await prepare(warehouse)
    const source = {
      reports: { folder: fs.basePath, stored: true },
      requestTypes: { FILE_UPLOAD: 'upload' },
    }
    const { url } = warehouse.target
    const worker = start(process.execPath, [
      '--import=@poppinss/ts-exec',
      ...[WORKER, store.target.url, url, JSON.stringify(source)],
    ])
    await once(createInterface({ input: worker.stdout! }), 'line')

    const seen = await clientOf(url)
    assert.containSubset(seen.schedules, { status: 'DONE', next: '03:30', distinct: true })
    assert.containSubset(seen.immediate, {
      ...{ status: 'DONE', run: 'PC', params: ['blue', '7'], ended: true },
      ...{ ledger: 1, child: 'PC' },
    })
    const days = ['27-Feb-2026', '28-Feb-2026', '01-Mar-2026', '02-Mar-2026']
    assert.containSubset(seen.history, { status: 'DONE', days })
    assert.equal(seen.report.status, 'DONE')
    assert.sameDeepMembers(seen.report.lines as string[][], [
      ['mapref', 'request'],
      ...days.map((day) => ['HISTORIC', day]),
    ])
    assert.containSubset(seen.stop, { stop: 'DONE', stopped: 'FAILED', run: 'ST', again: 'DONE' })
    assert.isBelow(seen.stop.seconds as number, 10)
    assert.containSubset(seen.upload, {
      status: 'DONE',
      result: { result: { mapref: 'UPLOADS', rows: 3 } },
    })
    const { broken, unknown, nobody, good } = seen.refusals as Record<string, { status: string }>
    assert.deepEqual(
      [broken, unknown, nobody, good].map(({ status }) => status),
      ['FAILED', 'FAILED', 'FAILED', 'DONE']
    )
    assert.match(JSON.stringify(broken), /PAYLOAD is not JSON/)
    assert.match(JSON.stringify(unknown), /REQUEST_TYPE \\"DANCE\\" is unknown/)
    assert.match(JSON.stringify(nobody), /NO_SUCH_MAPREF/)
  })
})
