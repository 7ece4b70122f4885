import { writeFile } from 'node:fs/promises'
import { relative } from 'node:path'
import type { NamedReporterContract } from '@japa/runner/types'
import { declaredServices } from '../tests/helpers/services.ts'
import { writeSeconds, type Seconds } from './shares.ts'

const counts = { passed: 0, failed: 0, leftOut: 0 }
const seconds: Seconds = {}
let leaked = ''
let lastEnd = performance.now()

/** Keeps the run's figures for the checks below and for the CI. */
export const totals: NamedReporterContract = {
  name: 'totals',
  handler(runner, emitter) {
    emitter.on('runner:start', () => {
      lastEnd = performance.now()
    })
    emitter.on('test:end', ({ title, meta }) => {
      noteTime(relative(process.cwd(), meta.fileName))
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

/** A test took the time since the one before it, hooks and all. */
function noteTime(file: string) {
  const now = performance.now()
  seconds[file] = (seconds[file] ?? 0) + (now - lastEnd) / 1_000
  lastEnd = now
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

  await noteSeconds(seconds)
  if (process.env.ALMANAC_TEST_TOTALS) {
    const failed = counts.failed || (process.exitCode ? 1 : 0)
    await writeFile(process.env.ALMANAC_TEST_TOTALS, `${counts.passed} ${failed}\n`)
  }
}

/** Where it is asked for: `weigh` the table of all specs, else a file for whoever adds up. */
export async function noteSeconds(measured: Seconds) {
  const place = process.env.ALMANAC_TEST_SECONDS
  if (place === 'weigh') {
    await writeSeconds(measured)
  } else if (place) {
    await writeFile(place, JSON.stringify(measured))
  }
}

function fail(reason: string) {
  console.error(reason)
  process.exitCode = 1
}
