import { writeFile } from 'node:fs/promises'
import type { NamedReporterContract } from '@japa/runner/types'
import { declaredServices } from '../tests/helpers/services.ts'

const counts = { passed: 0, failed: 0, leftOut: 0 }
let leaked = ''

/** Keeps the run's figures for the checks below and for the CI. */
export const totals: NamedReporterContract = {
  name: 'totals',
  handler(runner, emitter) {
    emitter.on('test:end', ({ title, meta }) => {
      if (process.exitCode && !leaked) {
        leaked = `${title.expanded} (${meta.fileName})`
      }
    })
    emitter.on('runner:end', () => {
      const { aggregates } = runner.getSummary()
      counts.passed = aggregates.passed
      counts.failed = aggregates.failed
      counts.leftOut = aggregates.skipped + aggregates.todo
    })
  },
}

/** Says what was left out, and fails a run that proves less than it seems to. */
export async function reportRun() {
  if (leaked) {
    fail(`A test set the exit code of the whole run: ${leaked}`)
  }

  const declared = await declaredServices()
  const missing = declared.filter((service) => !service.available)
  for (const service of missing) {
    console.log(`Left out: ${service.reason}`)
  }

  if (process.env.ALMANAC_REQUIRE === 'all' && (missing.length || counts.leftOut)) {
    fail(
      `ALMANAC_REQUIRE=all: ${missing.length} services missing, ${counts.leftOut} tests left out`
    )
  }
  if (counts.passed + counts.failed === 0) {
    fail('No test was executed')
  }

  if (process.env.ALMANAC_TEST_TOTALS) {
    const failed = counts.failed || (process.exitCode ? 1 : 0)
    await writeFile(process.env.ALMANAC_TEST_TOTALS, `${counts.passed} ${failed}\n`)
  }
}

function fail(reason: string) {
  console.error(reason)
  process.exitCode = 1
}
