import { readdir, readFile } from 'node:fs/promises'

/** The variable that every descendant of a child inherits. */
export const MARK = 'ALMANAC_EXECUTION'

/** A stray may fork while it is looked for. */
const ROUNDS = 5

/**
 * Kills descendants that left the group of their child (setsid). They are
 * found by the mark in their environment, where the system shows it (/proc);
 * elsewhere nothing is done.
 */
export async function killStrays(mark: string): Promise<void> {
  if (process.platform !== 'linux') {
    return
  }
  for (let round = 0; round < ROUNDS; round++) {
    const found = await marked(`${MARK}=${mark}`)
    if (found.length === 0) {
      return
    }
    found.forEach(kill)
  }
}

async function marked(entry: string): Promise<number[]> {
  const names = await readdir('/proc')
  const pids = names.filter((name) => /^\d+$/.test(name)).map(Number)
  const hits = await Promise.all(pids.map((pid) => carries(pid, entry)))
  return pids.filter((pid, index) => hits[index] && pid !== process.pid)
}

/** Processes of others, and those that ended meanwhile, cannot be read. */
async function carries(pid: number, entry: string): Promise<boolean> {
  try {
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8')
    return environment.split('\0').includes(entry)
  } catch {
    return false
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended by itself
  }
}
