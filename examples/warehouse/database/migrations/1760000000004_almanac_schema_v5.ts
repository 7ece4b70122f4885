import { BaseSchema } from '@adonisjs/lucid/schema'
import { storeClient } from 'adonisjs-almanac'
import { migrateSchema } from 'adonisjs-almanac/schema'

/** A further version of Almanac's own tables: dependencies and workflows. */
export default class extends BaseSchema {
  static override disableTransactions = true

  override async up() {
    this.defer(async () => {
      await migrateSchema(await storeClient(), { to: 5 })
    })
  }

  /** The schema goes forwards only: the migration of version 1 drops it as a whole. */
  override async down() {}
}
