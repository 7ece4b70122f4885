import { BaseSchema } from '@adonisjs/lucid/schema'
import { storeClient } from 'adonisjs-almanac'
import { dropSchema, migrateSchema } from 'adonisjs-almanac/schema'

/**
 * Almanac's own tables, on the connection that config/almanac.ts names.
 */
export default class extends BaseSchema {
  static override disableTransactions = true

  override async up() {
    this.defer(async () => {
      await migrateSchema(await storeClient(), { to: 1 })
    })
  }

  override async down() {
    this.defer(async () => {
      await dropSchema(await storeClient())
    })
  }
}
