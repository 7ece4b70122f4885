import 'reflect-metadata'
import { Ignitor, prettyPrintError } from '@adonisjs/core'

const APP_ROOT = new URL('../', import.meta.url)

await new Ignitor(APP_ROOT, {
  importer: (path) => (path.startsWith('.') ? import(new URL(path, APP_ROOT).href) : import(path)),
})
  .tap((app) => {
    app.booting(async () => {
      await import('../start/env.ts')
    })
    app.listen('SIGTERM', () => app.terminate())
  })
  .ace()
  .handle(process.argv.splice(2))
  .catch((error) => {
    process.exitCode = 1
    return prettyPrintError(error)
  })
