import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getActiveTest } from '@japa/runner'
import type { FileSystem } from '@japa/file-system'
import type { ApplicationService } from '@adonisjs/core/types'
import type { LegacySourceInput } from '../../src/legacy/config.ts'
import {
  legacyRoutes,
  reportRoutes,
  type LegacyRoutesOptions,
  type ReportRoutesOptions,
} from '../../src/legacy/http/main.ts'
import { createLegacyDatabase } from '../helpers/legacy_database.ts'
import { activeKind } from '../helpers/legacy_group.ts'
import type { Generation } from '../helpers/legacy_names.ts'
import { bootApp } from '../provider/app.ts'

export interface Reply {
  status: number
  body: Record<string, unknown> & { success: boolean; message: string }
  text: string
}

/** A body of POST /save_job_schedule. */
export const SCHEDULE = {
  MAPREF: 'LOAD_SALES',
  FRQCD: 'WK',
  FRQDD: 'MON',
  FRQHH: '06',
  FRQMI: 30,
  STRTDT: '2998-01-01',
  ENDDT: '',
}

/** The server of an app, on a port of its own. @returns where it is */
export async function listen(app: ApplicationService): Promise<string> {
  const server = await app.container.make('server')
  await server.boot()
  const http = createServer(server.handle.bind(server))
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  getActiveTest()?.cleanup(() => void http.close())
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}`
}

/** A web process that does not work, with the old routes mounted, behind a real server. */
export async function startServer(
  fs: FileSystem,
  options: LegacyRoutesOptions = { authorize: () => true },
  more: {
    source?: Partial<LegacySourceInput>
    reports?: ReportRoutesOptions
    generation?: Generation
  } = {}
) {
  const warehouse = await createLegacyDatabase({
    kind: activeKind(),
    generation: more.generation ?? 'dw',
  })
  getActiveTest()?.cleanup(() => warehouse.cleanup())
  warehouse.insertFlow({ MAPREF: 'LOAD_SALES', JOBFLWID: 70 })
  const { app, almanac, start } = await bootApp(fs, {
    environment: 'web',
    servers: { warehouse: warehouse.place.config() },
    almanac: {
      roles: [],
      legacy: {
        sources: {
          dw: {
            connection: 'warehouse',
            timezone: 'UTC',
            preset: warehouse.names.preset,
            ...more.source,
          },
        },
      },
    },
  })
  await start()
  const router = await app.container.make('router')
  const server = await app.container.make('server')
  server.use([() => import('@adonisjs/core/bodyparser_middleware')])
  legacyRoutes(router, options)
  reportRoutes(router, more.reports)
  const origin = await listen(app)

  async function send(method: string, path: string, body?: unknown): Promise<Reply> {
    const answer = await fetch(`${origin}${path}`, {
      method,
      headers: { 'Content-Type': 'application/json', 'Accept': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    return { status: answer.status, text, body: JSON.parse(text) as Reply['body'] }
  }
  return {
    ...{ app, almanac, warehouse, origin },
    post: (path: string, body?: unknown) => send('POST', path, body),
    get: (path: string) => send('GET', path),
  }
}
