import type { SqlDialect } from '../storage/sql_session.ts'

/**
 * What a database's error means for whoever would try again.
 *
 * - `busy`: another session holds what the statement needs; nothing was done, repeat it
 * - `lost`: the connection broke off
 * - `away`: no connection can be had
 * - `unusable`: the database is there and cannot be written, which no repetition changes soon
 * - `duplicate`: a row with this key exists
 */
export type DatabaseFailure = 'busy' | 'lost' | 'away' | 'unusable' | 'duplicate'

type Codes = Record<DatabaseFailure, RegExp>

/** Matches nothing. */
const NONE = /(?!)/

/**
 * The codes of each database, the only list of them: for the store, for the
 * legacy tables, and for what flows report. MySQL's come by name from Node's
 * driver and by number from others.
 */
const CODES: Record<SqlDialect, Codes> = {
  sqlite: {
    busy: /^SQLITE_(BUSY|LOCKED)/,
    lost: NONE,
    away: /^SQLITE_(IOERR|CANTOPEN)/,
    unusable: /^SQLITE_(FULL|READONLY|NOTADB|CORRUPT|PROTOCOL)/,
    duplicate: /^SQLITE_CONSTRAINT_(PRIMARYKEY|UNIQUE)$/,
  },
  postgres: {
    // Serialization, deadlock, lock not available
    busy: /^(40001|40P01|55P03)$/,
    // Connection exceptions, shutdown, starting up, silent for too long
    lost: /^(08...|57P0[1-35]|25P03)$/,
    // Too many clients
    away: /^53300$/,
    unusable: /^(53...|57P04)$/,
    duplicate: /^23505$/,
  },
  mysql: {
    // MariaDB with innodb_snapshot_isolation says CHECKREAD
    busy: /^(ER_(LOCK_DEADLOCK|LOCK_WAIT_TIMEOUT|CHECKREAD)|1213|1205|1020)$/,
    // Connection was killed, 1927, is known to Node's driver by number alone
    lost: /^(PROTOCOL_CONNECTION_LOST|ER_(SERVER_SHUTDOWN|CONNECTION_KILLED|NEW_ABORTING_CONNECTION|CLIENT_INTERACTION_TIMEOUT)|1053|1184|1927|2006|2013|4031)$/,
    away: /^(ER_(CON_COUNT_ERROR|TOO_MANY_USER_CONNECTIONS)|1040|1203|200[235])$/,
    unusable: /^PROTOCOL_/,
    duplicate: /^(ER_DUP_ENTRY(_WITH_KEY_NAME)?|1062)$/,
  },
  oracle: {
    busy: /^ORA-(00054|00060|08177)$/,
    lost: /^(NJS-50[013]|ORA-(01012|03113|03114|03135)|DPY-(1001|4011)|DPI-(1010|1080))$/,
    away: /^(NJS-(5(?!0[013])\d\d|040)|ORA-(01033|01034|01089|12\d{3})|DPY-6\d{3})$/,
    unusable: NONE,
    duplicate: /^ORA-00001$/,
  },
}

/** Of any server, from the network. */
const NETWORK: Partial<Codes> = {
  lost: /^(ECONNRESET|EPIPE)$/,
  away: /^(E(CONNREFUSED|CONNABORTED|TIMEDOUT|HOSTUNREACH|NETUNREACH|NOTFOUND|AI_AGAIN)|KnexTimeoutError)$/,
  // Whatever else the system says about a socket; of a flow it may be about a file
  unusable: /^E[A-Z]+$/,
}

/** What drivers say without a code; knex puts the statement before it. */
const WORDS: Partial<Codes> = {
  busy: /^database (table )?is locked/,
  lost: /(^| - )(Connection terminated|Client (has encountered a connection error|was closed)|Can't (add new command when|write in) (connection is in )?closed state)|^(server closed the connection|SSL connection has been closed|terminating connection)/,
  away: /(^| - )timeout expired|^(Unable to acquire a connection|aborted$|The database connection is not open|Cannot open database because the directory|could not connect to server|connection to server .* failed)/,
}

const SERVERS: readonly SqlDialect[] = ['postgres', 'mysql', 'oracle']
const ALL: readonly SqlDialect[] = ['sqlite', ...SERVERS]
const ORACLE_WORDS = /^(?:ORA|NJS|DPY|DPI)-\d+/

/**
 * Whether an error, by itself and not by its causes, means one of these.
 *
 * @param dialects whose codes count; default all
 */
export function failsAs(
  error: unknown,
  kinds: readonly DatabaseFailure[],
  dialects: readonly SqlDialect[] = ALL
): boolean {
  if (!(error instanceof Error)) {
    return false
  }
  const names = namesOf(error)
  const isServer = dialects.some((dialect) => SERVERS.includes(dialect))
  return kinds.some((kind) => {
    const lists = dialects.map((dialect) => CODES[dialect][kind])
    const network = isServer || kind === 'away' ? NETWORK[kind] : undefined
    const codes = network ? [...lists, network] : lists
    return (
      codes.some((list) => names.some((name) => list.test(name))) ||
      WORDS[kind]?.test(error.message) === true
    )
  })
}

/** Every name that an error goes by. */
function namesOf(error: Error): string[] {
  const { code, errno } = error as { code?: unknown; errno?: unknown }
  const names = [error.name]
  if (typeof code === 'string') {
    names.push(code)
  } else if (typeof errno === 'number') {
    names.push(String(errno))
  }
  const oracle = ORACLE_WORDS.exec(error.message)
  return oracle ? [...names, oracle[0]] : names
}
