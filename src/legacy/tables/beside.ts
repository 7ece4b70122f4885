import type { LegacySession } from '../connection.ts'
import type { LegacyClient, LegacyDriver } from './client.ts'

/**
 * A transaction on the request table's own connection, beside the one on the
 * other tables. It begins when it is first needed, and commits after the
 * other: what a crash between the two commits leaves is a request that is
 * still CLAIMED while DWPRCLOG says how its run ended, which the recovery
 * puts right.
 */
export class BesideTransaction {
  readonly #driver: LegacyDriver
  readonly #client: LegacyClient
  readonly #end = Promise.withResolvers<void>()
  #begun: Promise<LegacySession> | null = null
  #done: Promise<void> | null = null

  constructor(driver: LegacyDriver, client: LegacyClient) {
    this.#driver = driver
    this.#client = client
  }

  session(): Promise<LegacySession> {
    this.#begun ??= this.#begin()
    return this.#begun
  }

  async commit(): Promise<void> {
    this.#end.resolve()
    await this.#done
  }

  async rollback(): Promise<void> {
    if (this.#done) {
      this.#end.reject(new Error('undone with the transaction beside it'))
      await this.#done.catch(() => {})
    }
  }

  #begin(): Promise<LegacySession> {
    const { promise, resolve, reject } = Promise.withResolvers<LegacySession>()
    this.#done = this.#driver.transaction(this.#client, async (client) => {
      const sql = this.#driver.sessionOf(client)
      resolve({ client, sql, inTransaction: true, run: async (statement) => statement() })
      await this.#end.promise
    })
    this.#done.catch(reject)
    return promise
  }
}

/** Methods of a table, whose first argument is the session. */
type Method = (session: LegacySession, ...rest: unknown[]) => unknown

/** Lends the methods of a table the session of the connection that the request table is on. */
export function onRequestConnection<T extends object>(table: T): T {
  return new Proxy(table, {
    get(target, key) {
      const member: unknown = Reflect.get(target, key, target)
      if (typeof member === 'function') {
        return async (session: LegacySession, ...rest: unknown[]) =>
          (member as Method).call(target, (await session.requests?.()) ?? session, ...rest)
      }
      return typeof member === 'object' && member !== null ? onRequestConnection(member) : member
    },
  })
}
