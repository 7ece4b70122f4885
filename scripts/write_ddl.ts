import { writeFile } from 'node:fs/promises'
import { AppFactory } from '@adonisjs/core/factories/app'
import { EmitterFactory } from '@adonisjs/core/factories/events'
import { LoggerFactory } from '@adonisjs/core/factories/logger'
import { Database } from '@adonisjs/lucid/database'
import { schemaDdl } from '../src/storage/database/schema/ddl.ts'

/**
 * Writes database/ddl/*.sql from the steps of the schema; no server is asked.
 *
 *   node --import=@poppinss/ts-exec scripts/write_ddl.ts
 */
const app = new AppFactory().create(new URL('../', import.meta.url))
const lucid = new Database(
  {
    connection: 'sqlite',
    connections: {
      sqlite: {
        client: 'better-sqlite3',
        connection: { filename: ':memory:' },
        useNullAsDefault: true,
      },
      postgresql: { client: 'pg', connection: {} },
      mysql: { client: 'mysql2', connection: {} },
    },
  },
  new LoggerFactory().create(),
  new EmitterFactory().create(app)
)
for (const name of ['sqlite', 'postgresql', 'mysql']) {
  const file = new URL(`../database/ddl/${name}.sql`, import.meta.url)
  await writeFile(file, schemaDdl(lucid.connection(name)))
}
await lucid.manager.closeAll()
