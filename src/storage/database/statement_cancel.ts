import type { Clock, ClockTimer } from '../../clock.ts'
import type { Dialect } from './dialect.ts'
import type { KnexClient } from './sqlite_handle.ts'

/** A request that came before the statement had reached the server is lost: it is sent again, ms. */
const AGAIN = 500

/** A connection of the Oracle driver, which can be interrupted by itself. */
interface Breakable {
  break(): Promise<void>
}

/** Ends the statement that runs on a connection, where the database can. */
export async function interrupt(
  { cancels }: Dialect,
  knex: KnexClient,
  connection: object
): Promise<void> {
  if (cancels === 'from beside') {
    await knex.cancelQuery(connection)
  } else if (cancels === 'by itself') {
    await (connection as Breakable).break()
  }
}

interface Deps {
  dialect: Dialect
  knex: KnexClient
  /** On which the statement runs. */
  connection: object
  clock: Clock
}

/**
 * Ends one statement when its signal aborts, asking again until it has
 * answered. `settled` is waited for before the connection is lent again: a
 * request still under way would end the next statement on it.
 */
export class StatementCancel {
  readonly #deps: Deps
  readonly #signal: AbortSignal | undefined
  readonly #onAbort = () => this.#ask()
  #asking: Promise<void> = Promise.resolve()
  #timer: ClockTimer | null = null
  #over = false

  constructor(deps: Deps, signal: AbortSignal | undefined) {
    this.#deps = deps
    this.#signal = signal
    signal?.addEventListener('abort', this.#onAbort, { once: true })
  }

  async settled(): Promise<void> {
    this.#over = true
    this.#signal?.removeEventListener('abort', this.#onAbort)
    this.#timer?.cancel()
    await this.#asking
  }

  #ask(): void {
    const { dialect, knex, connection, clock } = this.#deps
    // The statement itself reports how it ended, cancelled or not
    this.#asking = interrupt(dialect, knex, connection).catch(() => undefined)
    void this.#asking.then(() => {
      if (!this.#over && dialect.cancels !== null) {
        this.#timer = clock.timer(AGAIN, () => this.#ask())
      }
    })
  }
}
