import app from '@adonisjs/core/services/app'
import type { LegacySources } from '../legacy/sources.ts'

let legacy: LegacySources

/** The legacy sources of the app, once it has booted. */
await app.booted(async () => {
  legacy = await app.container.make('almanac.legacy')
})

export { legacy as default }
