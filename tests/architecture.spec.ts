import { glob, readFile } from 'node:fs/promises'
import { test } from '@japa/runner'
import { breachesOf, ringOf } from './architecture/rings.ts'
import { parseSource } from './architecture/source_file.ts'

const ROOT = new URL('../', import.meta.url)

async function sourceFiles() {
  const files = []
  const patterns = [
    'src/**/*.ts',
    'commands/**/*.ts',
    'providers/**/*.ts',
    'stubs/**/*.ts',
    'configure.ts',
    'index.ts',
  ]
  for await (const found of glob(patterns, { cwd: ROOT })) {
    const path = found.replaceAll('\\', '/')
    files.push(parseSource(path, await readFile(new URL(path, ROOT), 'utf8')))
  }
  return files
}

test.group('Architecture', () => {
  test('every file keeps to its ring, to its length and to the clock', async ({ assert }) => {
    const files = await sourceFiles()

    assert.isAbove(files.length, 100, 'the files were not found')
    assert.deepEqual(files.flatMap(breachesOf), [])
  })

  test('every relative import ends in .ts and leads to a file', async ({ assert }) => {
    const files = await sourceFiles()
    const paths = new Set(files.map(({ path }) => path))
    const dangling = files.flatMap(({ path, imports }) =>
      imports
        .filter(({ target }) => target !== null && !paths.has(target))
        .map(({ specifier }) => `${path}: ${specifier}`)
    )

    assert.deepEqual(dangling, [])
  })
})

/** The breaches of a file with this text. */
function breaches(path: string, text: string): string[] {
  return breachesOf(parseSource(path, text)).map((breach) => breach.replace(`${path}: `, ''))
}

test.group('Architecture | a planted breach is found', () => {
  test('an import that points outward', ({ assert }) => {
    const outward: [path: string, text: string, breach: string][] = [
      [
        'src/errors.ts',
        "import { x } from './triggers/main.ts'",
        'of ring 0 imports src/triggers/main.ts of ring 1',
      ],
      [
        'src/triggers/cron.ts',
        "import { x } from '../storage/contract.ts'",
        'of ring 1 imports src/storage/contract.ts of ring 2',
      ],
      [
        'src/loop/plan_tick.ts',
        "import { x } from './tick.ts'",
        'of ring 1 imports src/loop/tick.ts of ring 3',
      ],
      [
        'src/storage/contract.ts',
        "export * from '../triggers/main.ts'",
        'of ring 2 imports src/triggers/main.ts of ring 1',
      ],
      [
        'src/events/event_manager.ts',
        "import '../storage/memory/main.ts'",
        'of ring 3 imports src/storage/memory/main.ts of ring 4',
      ],
      [
        'src/storage/memory/main.ts',
        "const x = await import('../../jobs/job_manager.ts')",
        'of ring 4 imports src/jobs/job_manager.ts of ring 3',
      ],
      [
        'src/scheduler.ts',
        "import { x } from './storage/database/main.ts'",
        'of ring 5 imports src/storage/database/main.ts of ring 4',
      ],
      [
        'commands/almanac_work.ts',
        "import { x } from '../src/loop/scheduler_loop.ts'",
        'of ring 6 imports src/loop/scheduler_loop.ts of ring 3',
      ],
      [
        'src/legacy/writeback.ts',
        "import { SCHEMA_VERSION } from '../storage/contract.ts'",
        'of ring 6 imports src/storage/contract.ts of ring 2',
      ],
      [
        'src/legacy/writeback.ts',
        "import type { DatabaseStorage } from '../storage/database/main.ts'",
        'of ring 6 imports src/storage/database/main.ts of ring 4',
      ],
    ]
    for (const [path, text, breach] of outward) {
      assert.deepEqual(breaches(path, text), [breach])
    }
  })

  test('a component that knows one it must not', ({ assert }) => {
    const imports = (path: string, target: string) =>
      breaches(path, `import type { X } from '${target}'`)

    assert.deepEqual(imports('src/events/x.ts', '../loop/scheduler_loop.ts'), [
      'of events imports src/loop/scheduler_loop.ts of loop',
    ])
    assert.lengthOf(imports('src/executions/x.ts', '../jobs/job_manager.ts'), 1)
    assert.lengthOf(imports('src/housekeeping/x.ts', '../jobs/handler_registry.ts'), 1)
    assert.lengthOf(imports('src/triggers/trigger_manager.ts', '../events/event_manager.ts'), 1)
    assert.lengthOf(imports('src/jobs/x.ts', '../loop/scheduler_loop.ts'), 1)
    assert.lengthOf(imports('src/loop/x.ts', '../executions/execution_tracker.ts'), 1)
    assert.isEmpty(imports('src/loop/x.ts', '../events/event_manager.ts'))
    assert.isEmpty(imports('src/loop/x.ts', '../jobs/job_manager.ts'))
    assert.isEmpty(imports('src/jobs/x.ts', '../executions/execution_tracker.ts'))
    assert.isEmpty(imports('src/events/x.ts', '../triggers/trigger_manager.ts'))
    assert.isEmpty(imports('src/events/x.ts', './event_manager.ts'))
  })

  test('types alone may come from the contracts, and from nowhere further', ({ assert }) => {
    const contract = "import type { Storage } from '../storage/contract.ts'"
    assert.isEmpty(breaches('src/triggers/x.ts', contract))
    assert.isEmpty(breaches('src/legacy/x.ts', contract))
    assert.isEmpty(
      breaches('src/types/x.ts', "export type { Storage } from '../storage/contract.ts'")
    )
    assert.isEmpty(
      breaches('src/types/x.ts', "export { type Storage } from '../storage/contract.ts'")
    )
    assert.isEmpty(breaches('src/triggers/x.ts', "type X = import('../storage/contract.ts').X"))
    assert.lengthOf(
      breaches('src/triggers/x.ts', "import { type A, b } from '../storage/contract.ts'"),
      1
    )
    assert.lengthOf(
      breaches('src/triggers/x.ts', "import storage, { type A } from '../storage/contract.ts'"),
      1
    )
    assert.lengthOf(breaches('src/triggers/x.ts', "import '../storage/contract.ts'"), 1)
    assert.lengthOf(
      breaches('src/triggers/x.ts', "import type { X } from '../jobs/job_manager.ts'"),
      1
    )
  })

  test('the ports of ring 2 are open to adapters', ({ assert }) => {
    assert.isEmpty(breaches('src/legacy/x.ts', "import { x } from '../storage/sql_session.ts'"))
    assert.isEmpty(breaches('src/legacy/x.ts', "import { x } from '../telemetry/channels.ts'"))
  })

  test('a package of the host in rings 0 to 3, as types too', ({ assert }) => {
    for (const path of [
      'src/errors.ts',
      'src/triggers/cron.ts',
      'src/storage/sql_session.ts',
      'src/jobs/executor.ts',
    ]) {
      assert.lengthOf(breaches(path, "import type { X } from '@adonisjs/core/types'"), 1)
    }
    assert.isEmpty(breaches('src/storage/database/main.ts', "import x from '@adonisjs/lucid'"))
    assert.isEmpty(breaches('providers/scheduler_provider.ts', "import x from '@adonisjs/core'"))
  })

  test('Lucid in an adapter beside the legacy connection', ({ assert }) => {
    const lucid = "import db from '@adonisjs/lucid/services/db'"

    assert.lengthOf(breaches('commands/almanac_work.ts', lucid), 1)
    assert.lengthOf(breaches('src/legacy/engine/flow_run.ts', lucid), 1)
    assert.isEmpty(breaches('src/legacy/tables/requests.ts', lucid))
  })

  test('luxon where no zone is computed', ({ assert }) => {
    const luxon = "import { DateTime } from 'luxon'"

    assert.lengthOf(breaches('src/triggers/cron.ts', luxon), 1)
    assert.lengthOf(breaches('src/legacy/engine/flow_run.ts', luxon), 1)
    assert.isEmpty(breaches('src/triggers/wall_clock.ts', luxon))
    assert.isEmpty(breaches('src/legacy/tables/values.ts', luxon))
  })

  test("reads of the machine's time", ({ assert }) => {
    const reads = (text: string) => breaches('src/jobs/x.ts', text)

    assert.deepEqual(reads('const now = Date.now()'), ["reads the machine's time by Date.now"])
    assert.lengthOf(reads('const clock = Date.now'), 1)
    assert.lengthOf(reads('setTimeout(() => 1, 10)'), 1)
    assert.lengthOf(reads('setInterval(() => 1, 10)'), 1)
    assert.lengthOf(reads('const now = new Date()'), 1)
    assert.lengthOf(reads('const now = performance.now()'), 1)
    assert.lengthOf(reads("import { setTimeout as wait } from 'node:timers/promises'"), 1)
    assert.isEmpty(reads('const at = new Date(0)'))
    assert.isEmpty(reads("const text = 'Date.now()' // setTimeout()"))
    assert.isEmpty(breaches('src/clock.ts', 'export const now = () => Date.now()'))
  })

  test('a file that is too long', ({ assert }) => {
    assert.isEmpty(breaches('src/jobs/x.ts', 'x\n'.repeat(300)))
    assert.deepEqual(breaches('src/jobs/x.ts', 'x\n'.repeat(301)), ['has 301 lines, more than 300'])
  })

  test('a file of no ring, an import of one, and one that is computed', ({ assert }) => {
    assert.lengthOf(breaches('src/helpers.ts', ''), 1)
    assert.lengthOf(breaches('src/jobs/x.ts', "import '../helpers.ts'"), 1)
    assert.lengthOf(breaches('src/jobs/x.ts', "import '../../tests/helpers/x.ts'"), 1)
    assert.lengthOf(breaches('src/jobs/x.ts', 'await import(name)'), 1)
    assert.isEmpty(breaches('src/scheduler/discover.ts', 'await import(name)'))
  })

  test('rings are told apart within a folder', ({ assert }) => {
    assert.equal(ringOf('src/triggers/cron.ts'), 1)
    assert.equal(ringOf('src/triggers/trigger_manager.ts'), 3)
    assert.equal(ringOf('src/loop/plan_tick.ts'), 1)
    assert.equal(ringOf('src/loop/tick.ts'), 3)
    assert.equal(ringOf('src/storage/contract/event_store.ts'), 2)
    assert.equal(ringOf('src/storage/memory/main.ts'), 4)
    assert.equal(ringOf('src/legacy/frequency_codes.ts'), 1)
    assert.equal(ringOf('src/legacy/adapter.ts'), 6)
    assert.equal(ringOf('src/index.ts'), 7)
  })
})
