import { readFile } from 'node:fs/promises'

/** Milliseconds of processor time, of this process and of the server that it works on. */
export interface Cpu {
  node: number
  /** Null where the server is not on this machine, or not to be looked at. */
  server: number | null
}

/** Reads the processor time that a server has spent so far, ms. */
export type ServerCpu = () => Promise<number | null>

/** Linux counts in hundredths of a second for all programs, whatever its own ticks. */
const TICK = 10
/** Places of user and system time after the name of the program in `/proc/<pid>/stat`. */
const USER = 11
const SYSTEM = 12

/**
 * @returns what reads the processor time since now
 */
export async function startCpu(server: ServerCpu): Promise<() => Promise<Cpu>> {
  const before = { node: process.cpuUsage(), server: await server() }
  return async () => {
    const { user, system } = process.cpuUsage(before.node)
    const now = await server()
    return {
      node: (user + system) / 1_000,
      server: now === null || before.server === null ? null : now - before.server,
    }
  }
}

/**
 * The processor time of processes of this machine, also of those that have
 * ended since they were last looked at.
 *
 * @param listPids of the processes that are alive
 * @param program that they run, so that another machine's pids are not taken for ours
 */
export function cpuOfProcesses(listPids: () => Promise<number[]>, program: string): ServerCpu {
  const spent = new Map<number, number>()
  return async () => {
    for (const pid of await listPids()) {
      const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
      if (!stat.includes(`(${program})`)) {
        continue
      }
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      spent.set(pid, (Number(fields[USER]) + Number(fields[SYSTEM])) * TICK)
    }
    return spent.size === 0 ? null : [...spent.values()].reduce((sum, ms) => sum + ms, 0)
  }
}
