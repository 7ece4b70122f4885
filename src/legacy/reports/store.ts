import type { Readable, Writable } from 'node:stream'

/** A file on its way: nobody sees it before it is whole. */
export interface ReportFile {
  readonly stream: Writable
  /** Moves the whole file to its name. The stream must have ended. @returns where it is */
  commit(): Promise<{ path: string | null; url: string | null; bytes: number }>
  /** Leaves nothing of it. */
  discard(): Promise<void>
}

export interface StoredReport {
  stream: Readable
  bytes: number
}

/** Where the files of reports are. */
export interface ReportStore {
  create(name: string): Promise<ReportFile>
  /** null when there is no such file. */
  open(name: string): Promise<StoredReport | null>
  /** Deletes what was written before an instant (epoch ms). @returns how many */
  expire(before: number): Promise<number>
}

/** Ends the name of a file that is not whole yet. */
export const PART = '.part'
/** Names of reports: nothing else of a place is ever read or deleted. */
export const REPORT_NAME = /^[\w-]{1,80}_[0-9a-f]{16}(?:_\d{1,3})?\.(?:csv|xlsx|jsonl)$/

/** Whether a file is a report, or was to become one. */
export function isReport(name: string): boolean {
  return REPORT_NAME.test(name.endsWith(PART) ? name.slice(0, -PART.length) : name)
}
