import { E_INVALID_CONFIG } from '../../errors.ts'
import type { LegacySourceConfig } from '../config.ts'
import type { ReportsConfig } from './config.ts'
import { DiskStore, type Disk } from './disk_store.ts'
import { FolderStore } from './folder_store.ts'
import type { SendMail } from './mail.ts'
import type { ReportOutlets } from './reports.ts'
import type { ReportStore } from './store.ts'

/** What reports want of the host; each is null where the app does not have it. */
export interface ReportHost {
  /** A disk of @adonisjs/drive, by its name in config/drive.ts. */
  disk(name: string): Promise<Disk | null>
  /** Sends by @adonisjs/mail: a mailer of config/mail.ts, or its default. */
  sender(mailer: string | null): Promise<SendMail | null>
}

/**
 * Where the files of a source go, and how they are sent.
 *
 * @returns null when config allows no reports
 * @throws E_INVALID_CONFIG for a disk that the app does not have
 */
export async function openOutlets(
  { name, reports }: Pick<LegacySourceConfig, 'name' | 'reports'>,
  { host }: { host?: ReportHost }
): Promise<ReportOutlets | null> {
  if (!reports) {
    return null
  }
  const store = await storeOf(name, reports, host)
  const send = reports.mail ? await host?.sender(reports.mail.mailer) : null
  return { store, send: send ?? null }
}

async function storeOf(
  source: string,
  { place, url, keep }: ReportsConfig,
  host: ReportHost | undefined
): Promise<ReportStore> {
  if ('folder' in place) {
    return new FolderStore(place.folder)
  }
  const disk = await host?.disk(place.disk)
  if (!disk) {
    const remedy = 'install and configure @adonisjs/drive, or give a folder'
    throw new E_INVALID_CONFIG([`legacy.sources.${source}.reports.disk`, `"${place.disk}"`, remedy])
  }
  return new DiskStore(disk, place.prefix, { signedFor: url.from === 'disk' ? keep : null })
}
