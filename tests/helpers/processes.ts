/** The process ids that a program has printed in its first line. */
export function pidFrom(lines: string[]): number[] {
  return (lines[0] ?? '').split(' ').map(Number)
}

/** Whether a process is in the process table. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
