import { spawnSync } from 'node:child_process'
import { createConnection } from 'mysql2/promise'

/**
 * Runs what is special to MySQL and MariaDB against one server of your own:
 *
 *   ALMANAC_TEST_MYSQL8=mysql://root:secret@127.0.0.1:3306/test npm run test:mysql
 *
 * The user must be allowed to make and drop databases.
 */
const NAME = 'ALMANAC_TEST_MYSQL8'
const SPECS = [
  'storage/mariadb',
  'storage/servers',
  'storage/server_plans',
  'storage/migrations',
  'provider/servers',
  'legacy/servers',
  'legacy/table_dialects',
]

function refuse(why: string): never {
  console.error(`${NAME} ${why}.`)
  console.error(`Name the server to test on: ${NAME}=mysql://user:password@host:3306/test`)
  process.exit(1)
}

async function versionOf(uri: string): Promise<string> {
  const connection = await createConnection({ uri, connectTimeout: 5_000 })
  const [rows] = await connection.query('select version() as version')
  await connection.end()
  return (rows as { version: string }[])[0].version
}

const uri = process.env[NAME] || refuse('is not set')
const version = await versionOf(uri).catch((error: Error) =>
  refuse(`names a server that does not answer (${error.message})`)
)
console.log(`Testing on ${version}`)
const files = SPECS.flatMap((spec) => ['--files', spec])
const { status } = spawnSync(
  process.execPath,
  ['--enable-source-maps', '--import=@poppinss/ts-exec', 'bin/test.ts', ...files],
  { stdio: 'inherit', env: { ...process.env, ALMANAC_TEST_MYSQL: uri } }
)
process.exit(status ?? 1)
