import 'reflect-metadata'
import { Ignitor, prettyPrintError } from '@adonisjs/core'

/** The console of the app, as a process of its own: `console.ts queue:work --queue=heavy`. */
const ROOT = new URL('./', import.meta.url)
const importer = (path: string) => import(path.startsWith('.') ? new URL(path, ROOT).href : path)

new Ignitor(ROOT, { importer })
  .tap((app) => app.listen('SIGTERM', () => app.terminate()))
  .ace()
  .handle(process.argv.slice(2))
  .catch((error) => {
    process.exitCode = 1
    void prettyPrintError(error)
  })
