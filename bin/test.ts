import { assert } from '@japa/assert'
import { expectTypeOf } from '@japa/expect-type'
import { fileSystem } from '@japa/file-system'
import { configure, processCLIArgs, run } from '@japa/runner'
import { spec } from '@japa/runner/reporters'
import { declaredServices } from '../tests/helpers/services.ts'
import { runShards, shardCount, specsOf } from './shards.ts'
import { reportRun, totals } from './test_report.ts'

/**
 * npm test                         everything but tests/long, in two processes
 * npm test -- --files plan_tick    some files: their names without .spec.ts
 * npm run test:long                the long suite; in two processes where ALMANAC_LONG_SCALE makes it short
 * npm test -- --list-services      which services the specs need, and whether they are there
 *
 * Each process has specs that take about as long as those of the other: with
 * ALMANAC_TEST_SECONDS=weigh a run puts its own times into tests/seconds.json.
 */
const args = process.argv.slice(2)
const listing = args.includes('--list-services')
const shards = shardCount(args)

if (shards > 1) {
  await runShards(args, shards)
} else {
  await runSpecs()
}

async function runSpecs(): Promise<void> {
  // Japa imports every spec to list the pinned tests, and runs none: what the listing needs
  processCLIArgs(listing ? ['--list-pinned'] : args)
  configure({
    suites: [
      {
        name: 'fast',
        files: specsOf(['tests/*.spec.ts', 'tests/!(long)/**/*.spec.ts']),
        timeout: 10_000,
      },
      { name: 'long', files: specsOf(['tests/long/**/*.spec.ts']), timeout: 20 * 60_000 },
    ],
    filters: { suites: listing ? ['fast', 'long'] : ['fast'] },
    plugins: [assert(), expectTypeOf(), fileSystem()],
    reporters: { activated: ['spec', 'totals'], list: [spec(), totals] },
    importer: (file) => import(file.href),
  })
  await run()

  if (listing) {
    for (const { name, available } of await declaredServices()) {
      console.log(name, available ? 'found' : 'missing')
    }
  } else if (!args.includes('--help')) {
    await reportRun()
  }
}
