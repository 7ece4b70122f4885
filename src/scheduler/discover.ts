import { basename, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fsReadAll } from '@poppinss/utils/fs'
import { E_INVALID_HANDLER } from '../errors.ts'
import { isHandlerClass } from '../handler.ts'
import type { HandlerClass } from '../types/handlers.ts'

/** A handler class, and the URL of the module that exports it by default. */
export interface FoundHandler {
  Class: HandlerClass
  module: string
}

/**
 * Imports every module of a folder and its subfolders and returns the handler
 * classes that they export by default, in the order of their paths. A folder
 * that is not there holds none; names that begin with `_` are left out.
 *
 * @throws E_INVALID_HANDLER naming a module that exports no handler
 */
export async function discoverHandlers(folder: URL): Promise<FoundHandler[]> {
  const root = fileURLToPath(folder)
  const files = await fsReadAll(root, {
    pathType: 'url',
    ignoreMissingRoot: true,
    filter: isHandlerModule,
  })
  const found: FoundHandler[] = []
  for (const file of files) {
    const { default: exported } = (await import(file)) as { default?: unknown }
    if (!isHandlerClass(exported)) {
      const path = relative(root, fileURLToPath(file))
      throw new E_INVALID_HANDLER([path, 'the module has no default export with a handle() method'])
    }
    found.push({ Class: exported, module: file })
  }
  return found
}

function isHandlerModule(path: string): boolean {
  return (
    /\.[cm]?[jt]s$/.test(path) && !/\.d\.[cm]?ts$/.test(path) && !basename(path).startsWith('_')
  )
}
