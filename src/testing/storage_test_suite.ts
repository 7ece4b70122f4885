import { SuiteContext, type StorageCase, type StorageUnderTest } from './storage_suite/context.ts'
import { backfillCases } from './storage_suite/backfill.ts'
import { birthCases } from './storage_suite/birth.ts'
import { cancelCases } from './storage_suite/cancel.ts'
import { claimCases } from './storage_suite/claim.ts'
import { controlCases } from './storage_suite/controls.ts'
import { enqueueCases } from './storage_suite/enqueue.ts'
import { eventCases } from './storage_suite/events.ts'
import { duplicateCases, expiryCases } from './storage_suite/expiry.ts'
import { fireCases } from './storage_suite/fire.ts'
import { foreignCases } from './storage_suite/foreign.ts'
import { journalCases } from './storage_suite/journal.ts'
import { leaseCases } from './storage_suite/leases.ts'
import { keyLimitCases } from './storage_suite/key_limits.ts'
import { limitCases } from './storage_suite/limits.ts'
import { listingCases } from './storage_suite/listing.ts'
import { logCases } from './storage_suite/logs.ts'
import { missedCases } from './storage_suite/missed.ts'
import { nextInstantCases } from './storage_suite/next_instant.ts'
import { pruneCases } from './storage_suite/prune.ts'
import { readingCases } from './storage_suite/reading.ts'
import { renewCases } from './storage_suite/renew.ts'
import { takeOverCases } from './storage_suite/take_over.ts'
import { rescueCases } from './storage_suite/rescue.ts'
import { settleCases } from './storage_suite/settle.ts'
import { statsCases } from './storage_suite/stats.ts'
import { successCases } from './storage_suite/successes.ts'
import { syncCases } from './storage_suite/sync.ts'
import { totalsCases } from './storage_suite/totals.ts'
import { updateCases } from './storage_suite/update.ts'
import { dependencyCases } from './storage_suite/dependencies.ts'
import { parentEndCases } from './storage_suite/parent_ends.ts'
import { severalRootCases } from './storage_suite/several_roots.ts'
import { workflowCases } from './storage_suite/workflows.ts'

export type { StorageUnderTest } from './storage_suite/context.ts'

const TOPICS: Record<string, StorageCase[]> = {
  'events': eventCases,
  'lists of events': listingCases,
  'changes of events': updateCases,
  'rows that plain SQL changed': foreignCases,
  'sync of a source': syncCases,
  'fire': fireCases,
  'missed slots': missedCases,
  'enqueue': enqueueCases,
  'claim': claimCases,
  'pauses and declared limits': controlCases,
  'limits': limitCases,
  'limits of keys': keyLimitCases,
  'the next instant': nextInstantCases,
  'expiry': expiryCases,
  'dedupe modes': duplicateCases,
  'born running': birthCases,
  'settle': settleCases,
  'plain successes': successCases,
  'renewals and checkpoints': renewCases,
  'taking over': takeOverCases,
  'rescue': rescueCases,
  'cancel': cancelCases,
  'backfill': backfillCases,
  'executions that wait for others': workflowCases,
  'ends of parents': parentEndCases,
  'dependencies between events': dependencyCases,
  'children of several roots': severalRootCases,
  'reading': readingCases,
  'logs': logCases,
  'leases and nodes': leaseCases,
  'statistics': statsCases,
  'totals of ends together': totalsCases,
  'prune': pruneCases,
  'journal': journalCases,
}

/** The part of a test runner that the suite needs; japa's `test` fits. */
export interface TestRunner {
  (title: string, run: () => Promise<void>): unknown
  group(title: string, define: () => void): unknown
}

export interface StorageSuiteOptions {
  test: TestRunner
  /** Shown before each group. */
  name: string
  /** Called before each case: an empty store of the newest schema. */
  createStorage: () => Promise<StorageUnderTest>
}

/**
 * Registers the cases that every implementation of the storage contract has
 * to pass: they are its specification.
 */
export function registerStorageTestSuite({ test, name, createStorage }: StorageSuiteOptions): void {
  for (const [topic, list] of Object.entries(TOPICS)) {
    test.group(`storage on ${name}: ${topic}`, () => {
      for (const { title, run } of list) {
        test(title, async () => {
          const made = await createStorage()
          try {
            await run(new SuiteContext(made))
          } finally {
            await made.cleanup()
          }
        })
      }
    })
  }
}
