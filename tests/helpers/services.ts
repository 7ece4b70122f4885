import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { connect } from 'node:net'
import { promisify } from 'node:util'
import { findProgram } from './programs.ts'

/**
 * The services that a spec may need beside SQLite. A spec says so at its top:
 *
 *   const postgres = await requires('postgresql')
 *   test.group('…', (group) => {
 *     group.tap((t) => t.skip(!postgres.available, postgres.reason))
 *   })
 *
 * Only what some spec asked for is looked for, and reported when it is missing.
 */
const SERVICES = {
  postgresql: {
    title: 'PostgreSQL',
    location: env('ALMANAC_TEST_PG', 'postgres://postgres@127.0.0.1:5432/test'),
    probe: probePostgres,
  },
  mariadb: {
    title: 'MariaDB',
    location: env('ALMANAC_TEST_MYSQL', 'mysql://root@127.0.0.1:3306/test'),
    probe: probeMysql,
  },
  redis: {
    title: 'Redis',
    location: env('ALMANAC_TEST_REDIS', 'redis://127.0.0.1:6379'),
    probe: probeRedis,
  },
  chromium: {
    title: 'Chromium',
    location: env('ALMANAC_TEST_CHROMIUM', '/usr/bin/chromium'),
    probe: (path: string) => access(path, constants.X_OK),
  },
  // For specs that start and break a server of their own
  postgresql_programs: {
    title: 'Programs of PostgreSQL',
    location: 'initdb postgres',
    probe: probePrograms,
  },
  mariadb_programs: {
    title: 'Programs of MariaDB',
    location: 'mariadb-install-db mariadbd',
    probe: probePrograms,
  },
  pg_dump: {
    title: 'pg_dump',
    location: 'pg_dump',
    probe: probePrograms,
  },
  python3: {
    title: 'Python 3.8 or newer',
    location: env('ALMANAC_TEST_PYTHON', '/usr/bin/python3'),
    probe: probePython,
  },
  // A program of another language that knows nothing of Almanac
  python_psycopg2: {
    title: 'psycopg2 for Python',
    location: env('ALMANAC_TEST_PYTHON', '/usr/bin/python3'),
    probe: (python: string) => promisify(execFile)(python, ['-c', 'import psycopg2']),
  },
  faketime: {
    title: 'libfaketime',
    location: env(
      'ALMANAC_TEST_FAKETIME',
      `/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu/faketime/libfaketimeMT.so.1`
    ),
    probe: (path: string) => access(path, constants.R_OK),
  },
}

export type ServiceName = keyof typeof SERVICES

export interface Service {
  name: ServiceName
  title: string
  /** URL of a server, path of a program or library, names of programs */
  location: string
  available: boolean
  /** why it is left out, for test.skip() */
  reason: string
}

const PROBE_TIMEOUT = 5_000
const declared = new Map<ServiceName, Promise<Service>>()

/** Declares that a spec needs the service, and tells whether it is there. */
export function requires(name: ServiceName): Promise<Service> {
  const known = declared.get(name)
  if (known) {
    return known
  }
  const found = look(name)
  declared.set(name, found)
  return found
}

/** All services that the imported specs declared. */
export function declaredServices(): Promise<Service[]> {
  return Promise.all(declared.values())
}

async function look(name: ServiceName): Promise<Service> {
  const { title, location, probe } = SERVICES[name]
  const service = { name, title, location, available: true, reason: '' }
  try {
    await probe(location)
    return service
  } catch (error) {
    const why = error instanceof Error ? error.message || error.name : String(error)
    return { ...service, available: false, reason: `${title} not found (${why})` }
  }
}

async function probePostgres(url: string) {
  const { default: pg } = await import('pg')
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: PROBE_TIMEOUT })
  await client.connect()
  await client.end()
}

async function probeMysql(url: string) {
  const { createConnection } = await import('mysql2/promise')
  const connection = await createConnection({ uri: url, connectTimeout: PROBE_TIMEOUT })
  await connection.end()
}

function probeRedis(location: string) {
  const url = new URL(location)
  return new Promise<void>((resolve, reject) => {
    const socket = connect(Number(url.port || 6379), url.hostname)
    socket.setTimeout(PROBE_TIMEOUT, () => socket.destroy(new Error('no answer in time')))
    socket.once('connect', () => {
      const auth = url.password ? `AUTH ${decodeURIComponent(url.password)}\r\n` : ''
      socket.write(`${auth}PING\r\n`)
    })
    socket.on('data', (data) => {
      if (data.includes('+PONG')) {
        socket.end()
        resolve()
      } else if (data.includes('-')) {
        socket.destroy(new Error(data.toString().trim()))
      }
    })
    socket.once('error', reject)
  })
}

/** What the flows of the specs import is looked for as well. */
async function probePython(program: string) {
  const check = 'import sys, sqlite3; assert sys.version_info >= (3, 8)'
  await promisify(execFile)(program, ['-c', check], { timeout: PROBE_TIMEOUT })
}

async function probePrograms(names: string) {
  await Promise.all(names.split(' ').map(findProgram))
}

function env(name: string, otherwise: string) {
  return process.env[name] || otherwise
}
