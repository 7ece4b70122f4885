import { integer, json, RowMapper, text } from './row_mapper.ts'
import type { NodeRecord, NodeStore } from '../contract.ts'
import { Conditions } from './conditions.ts'
import type { StoreConnection } from './connection.ts'
import { instant } from './work.ts'

type Params<K extends keyof NodeStore> = Parameters<NodeStore[K]>[0]

const mapper = new RowMapper<NodeRecord>('almanac_nodes', {
  id: text('id'),
  name: text('name'),
  host: text('host'),
  pid: integer('pid'),
  startedAt: integer('started_at'),
  seenAt: integer('seen_at'),
  info: json('info'),
})

export class DatabaseNodeStore implements NodeStore {
  readonly #connection: StoreConnection

  constructor(connection: StoreConnection) {
    this.#connection = connection
  }

  beat({ now, node }: Params<'beat'>): Promise<boolean> {
    return this.#connection.write('nodes.beat', async (work) => {
      const seenAt = await instant(work, now)
      const { id, ...columns } = node
      const update = mapper.update(mapper.toRow({ ...columns, seenAt }))
      if ((await work.run(`${update.sql} where id = ?`, [...update.bindings, id])) > 0) {
        return false
      }
      const insert = mapper.insert(mapper.toRow({ ...node, startedAt: seenAt, seenAt }))
      return (await work.run(work.dialect.insertOrSkip(insert.sql), insert.bindings)) > 0
    })
  }

  list(): Promise<NodeRecord[]> {
    return this.#connection.read('nodes.list', async (work) => {
      const rows = await work.all('select * from almanac_nodes order by id')
      return rows.map((row) => mapper.toRecord(row))
    })
  }

  remove({ id, seenAt }: Params<'remove'>): Promise<boolean> {
    const conditions = new Conditions().add('id = ?', id).add('seen_at = ?', seenAt)
    return this.#connection.write('nodes.remove', async (work) => {
      const sql = `delete from almanac_nodes ${conditions.sql}`
      return (await work.run(sql, conditions.bindings)) > 0
    })
  }
}
