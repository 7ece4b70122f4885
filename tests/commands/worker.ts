/**
 * An app of its own process, for what only a process shows: signals and exit
 * codes. Run as: worker.ts <folder> <ace arguments…>; tells its parent what happens.
 */
import { pathToFileURL } from 'node:url'
import { once } from 'node:events'
import { defineConfig as defineDatabase } from '@adonisjs/lucid'
import app from '@adonisjs/core/services/app'
import { IgnitorFactory } from '@adonisjs/core/factories'
import AlmanacWork from '../../commands/almanac_work.ts'
import { defineConfig, stores } from '../../src/define_config.ts'
import type { HandlerContext } from '../../src/types/handlers.ts'

const [folder, ...argv] = process.argv.slice(2)
const tell = (message: string) => process.send?.(message)

const handlers = {
  /** Ends when the parent says so. */
  finish: async () => {
    tell('begun')
    await once(process, 'message')
    return 'finished'
  },
  /** Ends as soon as it is asked to. */
  obey: async ({ signal }: HandlerContext) => {
    tell('begun')
    await once(signal, 'abort')
    signal.throwIfAborted()
  },
  /** Never ends, and keeps the process busy. */
  ignore: () => {
    tell('begun')
    setInterval(() => {}, 1_000)
    return new Promise(() => {})
  },
  echo: ({ payload }: HandlerContext) => payload,
  /** The URL of a route, as a mail would carry it. */
  link: async () => {
    const router = await app.container.make('router')
    return router.makeUrl('orders.show', { id: 7 })
  },
}

const ignitor = new IgnitorFactory()
  .withCoreProviders()
  .withCoreConfig()
  .merge({
    config: {
      logger: { default: 'app', loggers: { app: { level: 'silent' } } },
      database: defineDatabase({
        connection: 'primary',
        connections: {
          primary: {
            client: 'better-sqlite3',
            connection: { filename: `${folder}/primary.sqlite3` },
            useNullAsDefault: true,
          },
        },
      }),
      almanac: defineConfig({ store: stores.database(), handlers, shutdown: { deadline: 300 } }),
    },
    rcFileContents: {
      providers: [
        () => import('@adonisjs/lucid/database_provider'),
        () => import('../../providers/scheduler_provider.ts'),
      ],
      preloads: [
        async () => {
          const router = await app.container.make('router')
          router.get('/orders/:id', () => {}).as('orders.show')
        },
      ],
      commands: [
        async () => ({
          getMetaData: async () => [AlmanacWork.serialize()],
          getCommand: async () => AlmanacWork,
        }),
      ],
    },
  })
  .create(pathToFileURL(`${folder}/`), { importer: (path) => import(path) })

ignitor.tap((worker) => {
  worker.listen('SIGTERM', () => worker.terminate())
  worker.terminating(() => process.disconnect?.())
})
await ignitor.ace().handle(argv)
