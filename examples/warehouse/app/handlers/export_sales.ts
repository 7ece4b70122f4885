import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { once } from 'node:events'
import { Handler, type HandlerContext } from 'adonisjs-almanac'
import db from '@adonisjs/lucid/services/db'
import env from '../../start/env.ts'

interface Payload {
  mapref: string
  prcid: number
  params: Record<string, string | null>
}

const PAGE = 500

/**
 * A flow that is not SQL: it writes the sales of a month to a file, page by
 * page, and says how far it is. Writing the same file twice does no harm.
 */
export default class ExportSales extends Handler<Payload> {
  static override options = { name: 'export_sales', idempotent: true, timeout: '2m' }

  override async handle({ payload, signal, logger, progress }: HandlerContext<Payload>) {
    const month = payload.params.param1 ?? '2026'
    const sales = () =>
      db.connection('warehouse').from('stg_sales').whereLike('sale_date', `${month}%`)
    const [{ total }] = await sales().count('* as total')

    const file = createWriteStream(join(env.get('WAREHOUSE_DATA'), `sales-${month}.csv`))
    file.write('sale_no,sale_date,amount_cents\n')
    let done = 0
    while (done < total) {
      signal.throwIfAborted()
      const rows = await sales().orderBy('sale_no').offset(done).limit(PAGE)
      for (const row of rows) {
        file.write(`${row.sale_no},${row.sale_date},${row.amount_cents}\n`)
      }
      done += rows.length
      progress({ done, total, percent: Math.round((100 * done) / total) })
    }
    file.end()
    await once(file, 'finish')
    logger.info('exported', { rows: done })
    return { sourceRows: done, targetRows: done, errorRows: 0 }
  }
}
