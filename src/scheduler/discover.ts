import { basename, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fsReadAll } from '@poppinss/utils/fs'
import { E_INVALID_HANDLER } from '../errors.ts'
import { isHandlerClass } from '../jobs/handler_registry.ts'
import type { HandlerClass } from '../types/handlers.ts'

/**
 * Imports every module of a folder and its subfolders and returns the handler
 * classes that they export by default, in the order of their paths. A folder
 * that is not there holds none; names that begin with `_` are left out.
 *
 * @throws E_INVALID_HANDLER naming a module that exports no handler
 */
export async function discoverHandlers(folder: URL): Promise<HandlerClass[]> {
  const root = fileURLToPath(folder)
  const files = await fsReadAll(root, {
    pathType: 'url',
    ignoreMissingRoot: true,
    filter: isHandlerModule,
  })
  const found: HandlerClass[] = []
  for (const file of files) {
    const { default: exported } = (await import(file)) as { default?: unknown }
    if (!isHandlerClass(exported)) {
      const path = relative(root, fileURLToPath(file))
      throw new E_INVALID_HANDLER([path, 'the module has no default export with a handle() method'])
    }
    found.push(exported)
  }
  return found
}

function isHandlerModule(path: string): boolean {
  return (
    /\.[cm]?[jt]s$/.test(path) && !/\.d\.[cm]?ts$/.test(path) && !basename(path).startsWith('_')
  )
}
