import app from '@adonisjs/core/services/app'
import type { Scheduler } from '../scheduler.ts'

let almanac: Scheduler

/** The app's Almanac, once the app has booted. */
await app.booted(async () => {
  almanac = await app.container.make('almanac')
})

export { almanac as default }
