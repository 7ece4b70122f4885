import { constants } from 'node:fs'
import { access, readdir } from 'node:fs/promises'
import { delimiter, join } from 'node:path'

/** Debian keeps the programs of PostgreSQL in a folder for each version, out of PATH. */
const POSTGRES = '/usr/lib/postgresql'

/** The path of a program of a database server. @throws when it is not installed */
export async function findProgram(name: string): Promise<string> {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin']
  const versions = await readdir(POSTGRES).catch(() => [])
  const newest = versions.sort((a, b) => Number(b) - Number(a))
  folders.push(...newest.map((version) => join(POSTGRES, version, 'bin')))
  for (const folder of folders) {
    const path = join(folder, name)
    const found = await access(path, constants.X_OK).then(
      () => true,
      () => false
    )
    if (found) {
      return path
    }
  }
  throw new Error(`no program ${name}`)
}
