import { E_LEGACY_TABLE } from '../../errors.ts'
import type { LegacyConnection, LegacySession } from '../connection.ts'
import type { ColumnKey, IdEntity } from '../preset.ts'
import type { Sequences, TableDialect } from './dialect.ts'
import type { TableLayout } from './layout.ts'
import { affectedRows, toNumber } from './values.ts'

/**
 * Ids for the legacy tables. They come from the database alone, never from
 * the clock: a second program on the same tables takes from the same place.
 */
export interface IdSource {
  /**
   * @throws E_NESTED_TRANSACTION inside a transaction: take ids before it
   * @throws E_LEGACY_TABLE when the sequence or the row of the pool is missing
   */
  next(entity: IdEntity): Promise<number>
  take(entity: IdEntity, count: number): Promise<number[]>
  /** @throws E_LEGACY_TABLE when ids of one of these entities cannot be had */
  check(entities: readonly IdEntity[]): Promise<void>
}

interface Deps {
  connection: LegacyConnection
  /** Name of the sequence, or of the row in the pool. */
  entities: Readonly<Record<IdEntity, string>>
}

interface Block {
  next: number
  last: number
}

/** Ids of a block that this process has reserved and hands out by itself. */
abstract class BlockIds implements IdSource {
  protected readonly connection: LegacyConnection
  protected readonly entities: Readonly<Record<IdEntity, string>>
  readonly #reserved = new Map<IdEntity, number[]>()
  /** One reservation at a time per entity: late comers take from its block. */
  readonly #reserving = new Map<IdEntity, Promise<void>>()

  constructor(deps: Deps) {
    this.connection = deps.connection
    this.entities = deps.entities
  }

  async next(entity: IdEntity): Promise<number> {
    const [id] = await this.take(entity, 1)
    return id
  }

  async take(entity: IdEntity, count: number): Promise<number[]> {
    this.connection.assertOutside()
    const ids: number[] = []
    for (;;) {
      const reserved = this.#reserved.get(entity) ?? []
      ids.push(...reserved.splice(0, count - ids.length))
      if (ids.length >= count) {
        return ids
      }
      await this.#refill(entity, count - ids.length)
    }
  }

  abstract check(entities: readonly IdEntity[]): Promise<void>

  /** Reserves at least one id, in the database. */
  protected abstract reserve(entity: IdEntity, wanted: number): Promise<number[]>

  #refill(entity: IdEntity, wanted: number): Promise<void> {
    const running = this.#reserving.get(entity)
    if (running) {
      return running
    }
    const refill = this.reserve(entity, wanted)
      .then((ids) => {
        this.#reserved.set(entity, [...(this.#reserved.get(entity) ?? []), ...ids])
      })
      .finally(() => this.#reserving.delete(entity))
    this.#reserving.set(entity, refill)
    return refill
  }
}

/** Block size where the pool names none. */
const DEFAULT_BLOCK = 500
const POOL_TRIES = 20

/**
 * Blocks of the pool table: CURRENT_VALUE is the last id that was given out.
 */
export class PoolIds extends BlockIds {
  readonly #table: TableLayout<ColumnKey<'idPool'>>

  constructor(deps: Deps & { table: TableLayout<ColumnKey<'idPool'>> }) {
    super(deps)
    this.#table = deps.table
  }

  async check(entities: readonly IdEntity[]): Promise<void> {
    for (const entity of entities) {
      await this.#read(this.connection.session, entity)
    }
  }

  protected async reserve(entity: IdEntity, wanted: number): Promise<number[]> {
    for (let tried = 1; tried <= POOL_TRIES; tried++) {
      const block = await this.connection.transaction((session) =>
        this.#advance(session, entity, wanted)
      )
      if (block) {
        return Array.from({ length: block.last - block.next + 1 }, (_, index) => block.next + index)
      }
    }
    throw new E_LEGACY_TABLE([
      this.connection.source,
      this.#table.name,
      `kept changing ${this.#table.column('current')} of "${this.entities[entity]}" under ${POOL_TRIES} tries to reserve a block`,
    ])
  }

  /** @returns null when another took a block between the read and the guarded update */
  async #advance(session: LegacySession, entity: IdEntity, wanted: number): Promise<Block | null> {
    const table = this.#table
    const { current, block } = await this.#read(session, entity)
    const last = current + Math.max(block, wanted)
    const result: unknown = await session.run(() =>
      session.client
        .from(table.name)
        .where(table.column('entity'), this.entities[entity])
        .where(table.column('current'), current)
        .update(table.row({ current: last }))
    )
    return affectedRows(result) === 1 ? { next: current + 1, last } : null
  }

  async #read(
    session: LegacySession,
    entity: IdEntity
  ): Promise<{ current: number; block: number }> {
    const table = this.#table
    const name = this.entities[entity]
    const rows: Record<string, unknown>[] = await session.run(() =>
      session.client
        .from(table.name)
        .select(table.select(['current', 'block']))
        .where(table.column('entity'), name)
    )
    const current = toNumber(rows[0]?.current)
    if (current === null || !Number.isSafeInteger(current)) {
      const what = rows.length === 0 ? 'has no row' : 'has no whole number in CURRENT_VALUE'
      throw new E_LEGACY_TABLE([
        this.connection.source,
        table.name,
        `${what} for ${table.column('entity')} = "${name}"; the owner sets it to the highest id in use`,
      ])
    }
    const block = toNumber(rows[0].block)
    return { current, block: block && block > 0 ? Math.floor(block) : DEFAULT_BLOCK }
  }
}

/** Numbers read from a sequence at once. */
const SEQUENCE_BLOCK = 50

/** Numbers of the legacy sequences. */
export class SequenceIds extends BlockIds {
  readonly #dialect: Pick<TableDialect, 'name' | 'sequences'>
  /** Names as the database spells them. */
  readonly #found = new Map<IdEntity, string>()

  constructor(deps: Deps & { dialect: Pick<TableDialect, 'name' | 'sequences'> }) {
    super(deps)
    this.#dialect = deps.dialect
  }

  /** Only whether there is one: looking at its number would use it. */
  async check(entities: readonly IdEntity[]): Promise<void> {
    for (const entity of entities) {
      await this.#find(entity)
    }
  }

  protected async reserve(entity: IdEntity, wanted: number): Promise<number[]> {
    const name = await this.#find(entity)
    const sql = this.#sequences(entity).next(name, Math.max(SEQUENCE_BLOCK, wanted))
    const { session } = this.connection
    const { rows } = await session.run(() => session.sql.query(sql))
    return rows.map((row) => Number(row.id))
  }

  async #find(entity: IdEntity): Promise<string> {
    const { session } = this.connection
    const sequences = this.#sequences(entity)
    const name =
      this.#found.get(entity) ??
      (await session.run(() => sequences.find(session.client, this.entities[entity])))
    if (name === null) {
      throw this.#refusal(entity, 'does not exist as a sequence (ids.kind is "sequence")')
    }
    this.#found.set(entity, name)
    return name
  }

  #sequences(entity: IdEntity): Sequences {
    const { sequences, name } = this.#dialect
    if (sequences === null) {
      throw this.#refusal(entity, `cannot be a sequence: ${name} has none; set ids.kind to "pool"`)
    }
    return sequences
  }

  #refusal(entity: IdEntity, what: string): Error {
    return new E_LEGACY_TABLE([this.connection.source, this.entities[entity], what])
  }
}
