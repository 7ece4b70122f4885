import type { Readable } from 'node:stream'
import type { JsonObject } from '../../types/json.ts'
import { Refusal, shorten } from '../request_fields.ts'
import type { MailConfig } from './config.ts'
import type { Produced } from './production.ts'
import type { ReportStore } from './store.ts'

/** A mail with the files of a report. */
export interface ReportMail {
  to: string[]
  from: string | null
  subject: string
  text: string
  attachments: { name: string; content: Buffer }[]
}

export type SendMail = (mail: ReportMail) => Promise<void>

/** @throws Refusal when config does not let them have reports */
export function checkAddresses(addresses: string[], mail: MailConfig | null, key: string): void {
  const refused = addresses.find((address) => !mail?.allows(address))
  if (refused !== undefined) {
    throw new Refusal(
      `PAYLOAD.mail_to "${shorten(refused)}" may not get reports: ${key}.mail.allow has no such address`
    )
  }
}

interface Deps {
  mail: MailConfig
  send: SendMail
  store: ReportStore
}

/**
 * Sends a report that is made. Files that are together larger than config
 * lets them be are named and not attached. The report stays good when the
 * mail fails: the result tells both.
 */
export async function sendReport(
  { mail, send, store }: Deps,
  to: string[],
  reportId: string,
  produced: Produced
): Promise<JsonObject> {
  const attached = produced.bytes <= mail.attach
  try {
    const attachments = attached ? await contents(store, produced) : []
    await send({
      to,
      from: mail.from,
      subject: `Report ${reportId}`,
      text: textOf(reportId, produced, attached),
      attachments,
    })
    return { to, attached }
  } catch (error) {
    return { to, error: (error as Error).message }
  }
}

function textOf(reportId: string, { files, rows, limited }: Produced, attached: boolean): string {
  const lines = files.map(({ name, path, url, bytes }) =>
    attached ? `${name} (${bytes} bytes)` : `${url ?? path ?? name} (${bytes} bytes)`
  )
  const cut = limited ? ', cut at the limit of rows' : ''
  return [`Report ${reportId}: ${rows} rows${cut}.`, '', ...lines, ''].join('\n')
}

async function contents(store: ReportStore, { files }: Produced) {
  const attachments: ReportMail['attachments'] = []
  for (const { name } of files) {
    const stored = await store.open(name)
    if (stored) {
      attachments.push({ name, content: await bufferOf(stored.stream) })
    }
  }
  return attachments
}

async function bufferOf(stream: Readable): Promise<Buffer> {
  return Buffer.concat((await stream.toArray()) as Buffer[])
}
