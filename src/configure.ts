import { readFile, readdir } from 'node:fs/promises'
import type Configure from '@adonisjs/core/commands/configure'
import { SystemClock } from './clock.ts'
import { stubsRoot } from '../stubs/main.ts'
import { SCHEMA_VERSION } from './storage/contract.ts'

type Codemods = Awaited<ReturnType<Configure['createCodemods']>>

const PACKAGE = 'adonisjs-almanac'
const MIGRATIONS = 'database/migrations'

/** What goes into .env. An empty value is the default: the app's own connection, the host name. */
const VARIABLES: Record<string, string | number> = {
  ALMANAC_CONNECTION: '',
  ALMANAC_CONCURRENCY: 10,
  ALMANAC_POLL: '1s',
  ALMANAC_SYNC_INTERVAL: '1m',
  ALMANAC_NODE: '',
}

const VALIDATIONS = {
  ALMANAC_CONNECTION: 'Env.schema.string.optional()',
  ALMANAC_CONCURRENCY: 'Env.schema.number.optional()',
  ALMANAC_POLL: 'Env.schema.string.optional()',
  ALMANAC_SYNC_INTERVAL: 'Env.schema.string.optional()',
  ALMANAC_NODE: 'Env.schema.string.optional()',
}

/**
 * Configures the package in an app: `node ace configure adonisjs-almanac`.
 * Run again it keeps what is there and publishes the migrations that are missing.
 */
export async function configure(command: Configure): Promise<void> {
  const codemods = await command.createCodemods()
  await codemods.updateRcFile((rcFile) => {
    rcFile
      .addProvider(`${PACKAGE}/scheduler_provider`)
      .addCommand(`${PACKAGE}/commands`)
      .addPreloadFile('#start/almanac')
  })
  await defineVariables(command, codemods)
  await codemods.makeUsingStub(stubsRoot, 'config/almanac.stub', {})
  await codemods.makeUsingStub(stubsRoot, 'start/almanac.stub', {})
  await publishMigrations(command, codemods)
}

/** A variable that .env has already keeps its value. */
async function defineVariables(command: Configure, codemods: Codemods): Promise<void> {
  const present = await unlessMissing(readFile(command.app.makePath('.env'), 'utf8'), '')
  const missing = Object.entries(VARIABLES).filter(
    ([name]) => !new RegExp(`^\\s*${name}\\s*=`, 'm').test(present)
  )
  await codemods.defineEnvVariables(Object.fromEntries(missing))
  await codemods.defineEnvValidations({
    variables: VALIDATIONS,
    leadingComment: `Variables for configuring ${PACKAGE}`,
  })
}

/** One migration per schema version, each published once. */
async function publishMigrations(command: Configure, codemods: Codemods): Promise<void> {
  const published = await unlessMissing(readdir(command.app.makePath(MIGRATIONS)), [])
  const now = new SystemClock().now()
  for (let version = 1; version <= SCHEMA_VERSION; version++) {
    const name = `almanac_schema_v${version}.ts`
    const existing = published.find((file) => file.endsWith(name))
    if (existing) {
      command.logger.action(`create ${MIGRATIONS}/${existing}`).skipped('File already exists')
    } else {
      const migration = { folder: MIGRATIONS, fileName: `${now + version}_${name}` }
      const stub = version === 1 ? 'almanac_schema' : 'almanac_step'
      await codemods.makeUsingStub(stubsRoot, `migration/${stub}.stub`, { version, migration })
    }
  }
}

async function unlessMissing<T>(reading: Promise<T>, otherwise: T): Promise<T> {
  try {
    return await reading
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return otherwise
    }
    throw error
  }
}
