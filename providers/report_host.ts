import type { ApplicationService } from '@adonisjs/core/types'
import type { Disk } from '../src/legacy/reports/disk_store.ts'
import type { SendMail } from '../src/legacy/reports/mail.ts'
import type { ReportHost } from '../src/legacy/reports/outlets.ts'

/** The part of a mailer that is used here. */
interface Mailer {
  send(compose: (message: Message) => void): Promise<unknown>
}

interface Message {
  to(address: string): this
  from(address: string): this
  subject(subject: string): this
  text(text: string): this
  attachData(content: Buffer, options: { filename: string }): this
}

/** Drive and Mail of the app, where it has them: nothing of either is loaded. */
export function reportHost({ container }: ApplicationService): ReportHost {
  const make = async <T>(binding: string): Promise<T | null> =>
    container.hasBinding(binding) ? ((await container.make(binding as never)) as T) : null
  return {
    async disk(name) {
      const drive = await make<{ use(name: string): Disk }>('drive.manager')
      return drive && drive.use(name)
    },
    async sender(name) {
      const mail = await make<{ use(name?: string): Mailer }>('mail.manager')
      return mail && senderOf(name === null ? mail.use() : mail.use(name))
    },
  }
}

function senderOf(mailer: Mailer): SendMail {
  return async ({ to, from, subject, text, attachments }) => {
    await mailer.send((message) => {
      message.subject(subject).text(text)
      to.forEach((address) => message.to(address))
      if (from !== null) {
        message.from(from)
      }
      attachments.forEach(({ name, content }) => message.attachData(content, { filename: name }))
    })
  }
}
