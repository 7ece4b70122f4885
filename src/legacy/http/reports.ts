import type { HttpContext } from '@adonisjs/core/http'
import type { HttpRouterService } from '@adonisjs/core/types'
import type { MadeReport } from '../reports/desk.ts'
import { FORBIDDEN } from './answers.ts'
import type { LegacyRoutesOptions } from './main.ts'

export interface ReportRoutesOptions extends Omit<LegacyRoutesOptions, 'authorize'> {
  /**
   * Whether the caller may have this report. Without one, and when it throws
   * or returns anything but true, the answer is 403.
   */
  authorize?: (ctx: HttpContext, report: MadeReport) => boolean | Promise<boolean>
}

const NOT_FOUND = { success: false, message: 'There is no such report, or it has expired' }

/**
 * Mounts the download of reports: `GET /reports/:requestId`, of a report with
 * several files `GET /reports/:requestId/:index` (from 0).
 */
export function reportRoutes(router: HttpRouterService, options: ReportRoutesOptions = {}): void {
  const { prefix, middleware = [] } = options
  const group = router.group(() => {
    router.get('/reports/:requestId', (ctx) => download(ctx, options))
    router
      .get('/reports/:requestId/:index', (ctx) => download(ctx, options))
      .where('index', /^\d{1,3}$/)
  })
  if (prefix) {
    group.prefix(prefix)
  }
  group.use(middleware)
}

async function download(ctx: HttpContext, options: ReportRoutesOptions): Promise<void> {
  const { response, params } = ctx
  // Nobody without permission learns which requests there are
  if (!options.authorize) {
    return response.status(403).send(FORBIDDEN.body)
  }
  const legacy = await ctx.containerResolver.make('almanac.legacy')
  const { reports } = legacy.source(options.source)
  const made = await reports.find(String(params.requestId))
  if (!made || !(await isAllowed(ctx, options, made))) {
    return response.status(403).send(FORBIDDEN.body)
  }
  const file = await reports.open(made, Number(params.index ?? 0))
  if (!file) {
    return response.status(404).send(NOT_FOUND)
  }
  response.header('content-type', file.type)
  response.header('content-length', String(file.bytes))
  response.header('content-disposition', `attachment; filename="${file.name}"`)
  response.header('x-content-type-options', 'nosniff')
  response.header('cache-control', 'private, no-store')
  response.stream(file.stream)
}

async function isAllowed(
  ctx: HttpContext,
  { authorize }: ReportRoutesOptions,
  made: MadeReport
): Promise<boolean> {
  try {
    return authorize !== undefined && (await authorize(ctx, made)) === true
  } catch (error) {
    ctx.logger.warn({ err: error }, 'A report was refused: its authorizer failed')
    return false
  }
}
