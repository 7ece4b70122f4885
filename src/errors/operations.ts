import { defineError } from './define.ts'

// What operators meet: backfills, imports, and definitions from elsewhere.

export const E_BACKFILL_TOO_LARGE = defineError<[event: string, most: string, at: string]>({
  code: 'E_BACKFILL_TOO_LARGE',
  status: 422,
  message: 'Event "%s" has more than %s slots in this window: that many lie before %s',
  help: 'Give a shorter window, and backfill part by part.',
})

export const E_BACKFILL_CONFLICT = defineError<[event: string]>({
  code: 'E_BACKFILL_CONFLICT',
  status: 409,
  message: 'The missed slots of event "%s" change all the time; nothing was queued',
  help: 'Try again; pause the event first when it goes on.',
})

export const E_IMPORT_FORMAT = defineError<[found: string, reason: string]>({
  code: 'E_IMPORT_FORMAT',
  status: 422,
  message: 'This is no export of Almanac (%s): %s',
  help: 'Give the lines that "node ace almanac:export" wrote, the first one included.',
})

export const E_SOURCE_EXISTS = defineError<[source: string]>({
  code: 'E_SOURCE_EXISTS',
  status: 500,
  message: 'The source "%s" is added twice',
  help: 'Give each puller a name of its own.',
})

export const E_SOURCE_TIMEOUT = defineError<[source: string, ms: string]>({
  code: 'E_SOURCE_TIMEOUT',
  status: 504,
  message: 'Source "%s" did not answer within %s ms',
  help: 'Its events stay as they are and it is asked again; raise the timeout of the puller where it needs longer.',
})

export const E_SOURCE_ANSWER = defineError<[source: string, answer: string]>({
  code: 'E_SOURCE_ANSWER',
  status: 502,
  message: 'Source "%s" answered with %s, which is no list of definitions',
  help: 'Its events stay as they are; let the fetch of the puller return an array.',
})

export const E_SOURCE_EMPTY = defineError<[source: string, count: string]>({
  code: 'E_SOURCE_EMPTY',
  status: 502,
  message: 'Source "%s" answered with no definition at all, and %s events of it are here',
  help: 'Its events stay as they are. Where an empty answer is meant, set allowEmpty on the puller.',
})
