import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { HandlerContext, HandlerOptions } from 'adonisjs-almanac'

/** Writes one database into one file. It knows the credentials; nobody else does. */
export interface BackupClient {
  /** The end of the file's name, such as `.dump`. */
  readonly extension: string
  dump(file: string, signal: AbortSignal): Promise<void>
}

export interface BackupTarget {
  client: BackupClient
  folder: string
  /** The newest so many are kept. */
  keep: number
}

interface Payload {
  /** Its name in config: nothing else of it is in the payload. */
  database: string
}

/**
 * Backs up one of the databases that config names. A backup appears under its
 * name only when it is whole, so that one that was cut off is never taken for
 * one; the same slot run twice writes the same file.
 */
export default class BackupDatabase {
  static options: HandlerOptions = {
    name: 'backup_database',
    queue: 'backups',
    timeout: '2h',
    idempotent: true,
    retry: { retries: 2, delay: '5m' },
  }

  readonly #targets: Record<string, BackupTarget>

  constructor(targets: Record<string, BackupTarget>) {
    for (const [name, { keep }] of Object.entries(targets)) {
      if (!Number.isInteger(keep) || keep < 1) {
        throw new Error(`keep of database "${name}" is ${keep}; give a whole number of at least 1`)
      }
    }
    this.#targets = targets
  }

  async handle({ payload, slot, execution, signal, logger }: HandlerContext<Payload>) {
    const { database } = payload
    if (!Object.hasOwn(this.#targets, database)) {
      const known = Object.keys(this.#targets).join(', ')
      throw new Error(`database "${database}" has no backup in config; there are ${known}`)
    }
    const { client, folder, keep } = this.#targets[database]
    await mkdir(folder, { recursive: true })
    const name = `${database}-${stamp(slot ?? execution.createdAt)}${client.extension}`
    const part = join(folder, `.${name}.part`)
    try {
      await client.dump(part, signal)
      signal.throwIfAborted()
      const { size } = await stat(part)
      if (size === 0) {
        throw new Error(`the backup of "${database}" is empty`)
      }
      await rename(part, join(folder, name))
      logger.info(`wrote ${name}`, { bytes: size })
      const names = await this.#backupsIn(folder, `${database}-`, client.extension)
      // Also one of an old slot stays, that was made up for just now
      const old = names.slice(0, -keep).filter((each) => each !== name)
      await Promise.all(old.map((each) => rm(join(folder, each))))
      const removed = old.length
      return { file: name, bytes: size, removed }
    } finally {
      await rm(part, { force: true })
    }
  }

  /** Oldest first: names sort by their instant. */
  async #backupsIn(folder: string, start: string, end: string): Promise<string[]> {
    const isBackup = (name: string) =>
      name.startsWith(start) &&
      name.endsWith(end) &&
      /^[\dTZ]+$/.test(name.slice(start.length, -end.length))
    const names = await readdir(folder)
    return names.filter(isBackup).sort()
  }
}

/** 20260301T060000Z */
function stamp(instant: number): string {
  return new Date(instant).toISOString().replace(/[-:]|\.\d+/g, '')
}
