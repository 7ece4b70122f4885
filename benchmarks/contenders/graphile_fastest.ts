import type { OpenContender } from '../lib/contender.ts'
import { openWith } from './graphile.ts'

/** A local queue of 500, ends written in batches. */
export const open: OpenContender = (options) =>
  openWith(options, {
    localQueue: { size: 500 },
    completeJobBatchDelay: 0,
    failJobBatchDelay: 0,
  })
