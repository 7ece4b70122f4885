import { existsSync } from 'node:fs'
import { Ignitor } from '@adonisjs/core'
import { E_NOT_ISOLATED } from '../errors.ts'
import { handlerName, isHandlerClass } from '../handler.ts'
import { Failed } from '../jobs/outcome.ts'
import { ISOLATED } from './binding.ts'
import type { ApplicationService } from '@adonisjs/core/types'
import type { HandlerClass, HandlerContract, HandlerFunction } from '../types/handlers.ts'

/**
 * Boots the app as its console does, so that the handler finds its database,
 * its mailer and the `almanac` service.
 *
 * @param root URL of the app's root
 */
export async function bootApp(root: string): Promise<ApplicationService> {
  const base = new URL(root)
  const importer = (path: string) => import(path.startsWith('.') ? new URL(path, base).href : path)
  const app = new Ignitor(base, { importer }).createApp('console')
  app.booting(async () => {
    // As the entry files of an app do, before its config is used
    if (['js', 'ts'].some((type) => existsSync(new URL(`start/env.${type}`, base)))) {
      await importer('./start/env.js')
    }
  })
  await app.init()
  app.container.bindValue(ISOLATED, true)
  await app.boot()
  await app.start(() => {})
  return app
}

/**
 * The handler of this name in a module: its default export, or the export
 * that goes by the name.
 *
 * @throws Failed, with E_NOT_ISOLATED as its cause: another attempt would find no more
 */
export async function loadHandler(
  app: ApplicationService,
  { module, name }: { module: string; name: string }
): Promise<HandlerFunction> {
  const exported = (await import(module)) as Record<string, unknown>
  const target = [exported[name], ...named(exported, name), exported.default].find(isFunction)
  if (!target) {
    const reason = `${module} exports neither a default handler nor one of this name`
    const cause = new E_NOT_ISOLATED([name, reason])
    throw new Failed(cause.message, { cause })
  }
  if (!isHandlerClass(target)) {
    return target as HandlerFunction
  }
  return async (context) => {
    const instance = (await app.container.make(target)) as HandlerContract
    return instance.handle(context)
  }
}

/** The exported classes that go by the name. */
function named(exported: Record<string, unknown>, name: string): HandlerClass[] {
  return Object.values(exported)
    .filter(isHandlerClass)
    .filter((Class) => handlerName(Class) === name)
}

function isFunction(value: unknown): value is HandlerClass | HandlerFunction {
  return typeof value === 'function'
}
