import { readdir, readFile } from 'node:fs/promises'

/** Whether a process runs; one that nobody has taken note of yet does not. */
export async function isAlive(pid: number): Promise<boolean> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    return !/^\d+ \(.*\) [ZX] /s.test(stat)
  } catch {
    return false
  }
}

/** Ids of the processes whose environment has an entry that fits, by the process table. */
export async function processesWith(fits: (entry: string) => boolean): Promise<number[]> {
  const names = await readdir('/proc')
  const pids = names.filter((name) => /^\d+$/.test(name)).map(Number)
  const found = await Promise.all(
    pids.map(async (pid) => {
      const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')
      return environment.split('\0').some(fits) && (await isAlive(pid)) ? [pid] : []
    })
  )
  return found.flat()
}
