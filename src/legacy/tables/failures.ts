import { E_STORAGE_UNAVAILABLE } from '../../errors.ts'

/** Another session holds what the statement needs: nothing was done, repeat it. */
const BUSY = [
  /^SQLITE_(BUSY|LOCKED)/,
  // PostgreSQL: serialization, deadlock, lock not available
  /^(40001|40P01|55P03)$/,
  // MariaDB with innodb_snapshot_isolation says CHECKREAD
  /^ER_(LOCK_DEADLOCK|LOCK_WAIT_TIMEOUT|CHECKREAD)$/,
  /^ORA-(00054|00060|08177)$/,
]

/** The database cannot be reached, or went away. */
const LOST = [
  /^SQLITE_(IOERR|CANTOPEN)/,
  /^E(CONNREFUSED|CONNRESET|CONNABORTED|PIPE|TIMEDOUT|HOSTUNREACH|NETUNREACH|NOTFOUND|AI_AGAIN)$/,
  // PostgreSQL: connection exceptions, shutdown, starting up, silent for too long, too many clients
  /^(08...|57P0[1-35]|25P03|53300)$/,
  /^(PROTOCOL_CONNECTION_LOST|ER_SERVER_SHUTDOWN|ER_CONNECTION_KILLED|ER_NEW_ABORTING_CONNECTION|ER_CLIENT_INTERACTION_TIMEOUT)$/,
  /^ER_(CON_COUNT_ERROR|TOO_MANY_USER_CONNECTIONS)$/,
  // MariaDB: connection was killed, which its driver knows by number alone
  /^1927$/,
  /^(NJS-(500|501|503|510|518|040)|ORA-(01012|01033|01034|01089|03113|03114|03135|12\d{3}))$/,
]

const DUPLICATE = [
  /^SQLITE_CONSTRAINT_(PRIMARYKEY|UNIQUE)$/,
  /^23505$/,
  /^ER_DUP_ENTRY/,
  /^ORA-00001$/,
]

const UNAVAILABLE = E_STORAGE_UNAVAILABLE.code
const DEEPEST_CAUSE = 5

/**
 * What knex and the driver say, without a code, about a connection that is
 * gone; knex puts the statement before it.
 */
const GONE = [
  /^(Unable to acquire a connection|The database connection is not open|Cannot open database because the directory)/,
  // PostgreSQL's driver
  /(^| - )(Connection terminated|Client (has encountered a connection error|was closed)|timeout expired)/,
  // MySQL's
  /(^| - )Can't (add new command when|write in) (connection is in )?closed state/,
]

/** Whether a statement may simply be repeated: another session was in the way. */
export function isBusy(error: unknown): boolean {
  return codesOf(error).some((code) => matches(code, BUSY))
}

/**
 * Whether the legacy database is away or busy: the work is handed back and
 * tried again later, and the row itself is not to blame.
 */
export function isTransient(error: unknown): boolean {
  return codesOf(error).some(
    (code) =>
      matches(code, BUSY) ||
      matches(code, LOST) ||
      code === 'KnexTimeoutError' ||
      code === UNAVAILABLE
  )
}

/** Whether an insert met a row with its key. */
export function isDuplicate(error: unknown): boolean {
  return codesOf(error).some((code) => matches(code, DUPLICATE))
}

/** Every name that the error and its causes go by. */
function codesOf(error: unknown): string[] {
  const codes: string[] = []
  let current = error
  for (let depth = 0; depth < DEEPEST_CAUSE && current instanceof Error; depth++) {
    const { code, errno } = current as { code?: unknown; errno?: unknown }
    codes.push(current.name)
    if (typeof code === 'string') {
      codes.push(code)
    } else if (typeof errno === 'number') {
      codes.push(String(errno))
    }
    const oracle = /^(?:ORA|NJS)-\d+/.exec(current.message)
    if (oracle) {
      codes.push(oracle[0])
    }
    if (matches(current.message, GONE)) {
      codes.push(UNAVAILABLE)
    }
    current = current.cause
  }
  return codes
}

function matches(code: string, patterns: RegExp[]): boolean {
  return patterns.some((pattern) => pattern.test(code))
}
