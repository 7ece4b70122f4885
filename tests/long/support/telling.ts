import { writeSync } from 'node:fs'
import type { Report } from './protocol.ts'

const PAUSE = 5
const pause = new Int32Array(new SharedArrayBuffer(4))

/** Tells the parent; it is written when this returns, however slowly the parent reads. */
export function tell(report: Report): void {
  let rest = Buffer.from(`${JSON.stringify(report)}\n`)
  while (rest.length > 0) {
    rest = rest.subarray(writtenOf(rest))
  }
}

function writtenOf(bytes: Buffer): number {
  try {
    return writeSync(1, bytes)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') {
      throw error
    }
    Atomics.wait(pause, 0, 0, PAUSE)
    return 0
  }
}
