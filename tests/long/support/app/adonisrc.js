import { defineConfig } from '@adonisjs/core/app'

/** What isolated handlers of the long tests boot. */
export default defineConfig({ providers: [] })
