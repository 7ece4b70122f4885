/** Longest silence of a process within a transaction that writes, s: far above what one takes. */
export const IDLE_LIMIT = 10

/**
 * Lets the server end a transaction whose process says nothing for so many
 * seconds: one that is frozen, or gone with its machine, keeps its locks no
 * longer. Nothing outside the transaction changes.
 */
export interface IdleLimit {
  /** The statement that begins with it. */
  set(seconds: number): string
  /** Gives the connection its own limit back, where the end of the transaction does not. */
  restore: string | null
}

export const postgresIdle: IdleLimit = {
  set: (seconds) => `set local idle_in_transaction_session_timeout = '${seconds}s'`,
  restore: null,
}

/** Only MariaDB limits transactions as such; how long a connection may be silent, MySQL does too. */
export const mysqlIdle: IdleLimit = {
  set: (seconds) => `set @almanac_wait = @@session.wait_timeout, session wait_timeout = ${seconds}`,
  restore: 'set session wait_timeout = @almanac_wait',
}
