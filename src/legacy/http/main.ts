import type { HttpContext } from '@adonisjs/core/http'
import type { HttpRouterService } from '@adonisjs/core/types'
import type { MiddlewareFn, ParsedNamedMiddleware } from '@adonisjs/core/types/http'
import { Problems } from '../../input/problems.ts'
import type { LegacyAdapter } from '../adapter.ts'
import { answerOf, FORBIDDEN, type Answer } from './answers.ts'
import { readBody } from './body.ts'
import { OPERATIONS, queueSummary, type Operation } from './operations.ts'

export { reportRoutes, type ReportRoutesOptions } from './reports.ts'

export interface LegacyRoutesOptions {
  /** Before each path, such as `/api`. Default: none. */
  prefix?: string
  /**
   * Whether the caller may do what it asks for. Without one, and when it
   * throws or returns anything but true, the answer is 403.
   */
  authorize?: (ctx: HttpContext) => boolean | Promise<boolean>
  /** Middleware of the host, such as its authentication. */
  middleware?: MiddlewareFn | ParsedNamedMiddleware | (MiddlewareFn | ParsedNamedMiddleware)[]
  /** The legacy source; may be left out where there is only one. */
  source?: string
}

/**
 * Mounts the HTTP contract of the old scheduler, so that its screens go on
 * working: the same paths, field names and answers.
 */
export function legacyRoutes(router: HttpRouterService, options: LegacyRoutesOptions = {}): void {
  const { prefix, middleware = [] } = options
  const group = router.group(() => {
    for (const operation of OPERATIONS) {
      router.post(operation.path, (ctx) => post(ctx, options, operation))
    }
    router.get('/check_scheduler_queue', (ctx) => summary(ctx, options))
  })
  if (prefix) {
    group.prefix(prefix)
  }
  group.use(middleware)
}

async function post(
  ctx: HttpContext,
  options: LegacyRoutesOptions,
  { schema, names, run }: Operation
): Promise<void> {
  if (!(await isAllowed(ctx, options))) {
    return send(ctx, FORBIDDEN)
  }
  const { fields, shape } = await readBody(schema, ctx.request.body())
  try {
    const source = await sourceOf(ctx, options)
    const answer = await run(source, fields, new Problems(shape))
    ctx.response.status(200).send({ success: true, ...answer })
  } catch (error) {
    fail(ctx, error, answerOf(error, { names, shape }))
  }
}

async function summary(ctx: HttpContext, options: LegacyRoutesOptions): Promise<void> {
  if (!(await isAllowed(ctx, options))) {
    return send(ctx, FORBIDDEN)
  }
  try {
    ctx.response.status(200).send(await queueSummary(await sourceOf(ctx, options)))
  } catch (error) {
    fail(ctx, error, answerOf(error, { names: {}, shape: [] }))
  }
}

async function isAllowed(ctx: HttpContext, { authorize }: LegacyRoutesOptions): Promise<boolean> {
  try {
    return authorize !== undefined && (await authorize(ctx)) === true
  } catch (error) {
    ctx.logger.warn({ err: error }, 'A legacy route was refused: its authorizer failed')
    return false
  }
}

async function sourceOf(ctx: HttpContext, { source }: LegacyRoutesOptions): Promise<LegacyAdapter> {
  const legacy = await ctx.containerResolver.make('almanac.legacy')
  return legacy.source(source)
}

function fail(ctx: HttpContext, error: unknown, answer: Answer): void {
  if (answer.unexpected) {
    ctx.logger.error({ err: error }, 'A legacy route failed')
  }
  send(ctx, answer)
}

function send({ response }: HttpContext, { status, body }: Answer): void {
  response.status(status).send(body)
}
