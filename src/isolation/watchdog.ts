import { workerData } from 'node:worker_threads'
import { SystemClock } from '../clock.ts'

/*
 * Kills this process once the one that started it is gone. It has a thread of
 * its own, because a handler that loops for ever would never hear of it.
 */

const INTERVAL = 1_000
const clock = new SystemClock()

function look(): void {
  if (process.ppid === workerData) {
    clock.timer(INTERVAL, look)
  } else {
    process.kill(process.pid, 'SIGKILL')
  }
}
look()
