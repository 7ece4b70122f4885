import type { HttpContext } from '@adonisjs/core/http'
import type { LegacyAdapter } from '../adapter.ts'
import { answerOf, type Answer } from './answers.ts'

/** What the routes of this folder have in common. */

export async function sourceOf(ctx: HttpContext, source?: string): Promise<LegacyAdapter> {
  const legacy = await ctx.containerResolver.make('almanac.legacy')
  return legacy.source(source)
}

/** Closed by default: without an authorizer, and when it throws or returns anything but true. */
export async function isAllowed<Args extends unknown[]>(
  ctx: HttpContext,
  authorize: ((ctx: HttpContext, ...args: Args) => boolean | Promise<boolean>) | undefined,
  ...args: Args
): Promise<boolean> {
  try {
    return authorize !== undefined && (await authorize(ctx, ...args)) === true
  } catch (error) {
    ctx.logger.warn({ err: error }, 'A legacy route was refused: its authorizer failed')
    return false
  }
}

/** Answers an error; what is no fault of the caller's is in the log alone. */
export function fail(
  ctx: HttpContext,
  error: unknown,
  told: Parameters<typeof answerOf>[1] = { names: {}, shape: [] }
): void {
  const answer = answerOf(error, told)
  if (answer.unexpected) {
    ctx.logger.error({ err: error }, 'A legacy route failed')
  }
  send(ctx, answer)
}

export function send({ response }: HttpContext, { status, body }: Pick<Answer, 'status' | 'body'>) {
  response.status(status).send(body)
}
