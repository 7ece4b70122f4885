import { Env } from '@adonisjs/core/env'

export default await Env.create(new URL('../', import.meta.url), {
  NODE_ENV: Env.schema.enum(['development', 'production', 'test'] as const),
  APP_KEY: Env.schema.secret(),
  LOG_LEVEL: Env.schema.string.optional(),

  /** Folder of the two database files. */
  WAREHOUSE_DATA: Env.schema.string(),
  /** Zone of the dates in the legacy tables. */
  WAREHOUSE_ZONE: Env.schema.string(),

  ALMANAC_CONNECTION: Env.schema.string.optional(),
  ALMANAC_CONCURRENCY: Env.schema.number.optional(),
  ALMANAC_POLL: Env.schema.string.optional(),
  ALMANAC_SYNC_INTERVAL: Env.schema.string.optional(),
  ALMANAC_NODE: Env.schema.string.optional(),
})
