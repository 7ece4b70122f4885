import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const LOADER = /^--(import|loader|experimental-loader|require)\b/
/** They belong to this process: a debugger's port is taken, and a script is not to be run again. */
const OWN = /^(--inspect|--max-old-space-size|--eval|--print|-e$|-p$|--watch|--test)/

/**
 * The options of Node.js that an isolated handler is started with: those of
 * this process, what its TypeScript needs, and the cap of its heap.
 */
export function nodeArguments(
  execArgv: readonly string[],
  { root, memory }: { root: string; memory: number | null }
): string[] {
  const kept = execArgv.filter((argument) => !OWN.test(argument))
  return [
    ...kept,
    ...(kept.some((argument) => LOADER.test(argument)) ? [] : loaderOf(root)),
    ...(memory === null ? [] : [`--max-old-space-size=${memory}`]),
  ]
}

/**
 * The options of Node.js that a thread is started with; undefined hands down
 * those of this process, loaders and all. Given ones may not say anything
 * about the process as a whole.
 */
export function threadArguments(execArgv: readonly string[], root: string): string[] | undefined {
  const loader = execArgv.some((argument) => LOADER.test(argument)) ? [] : loaderOf(root)
  return loader.length === 0 ? undefined : ['--enable-source-maps', ...loader]
}

/** An app that runs from its sources (`node ace.js`) has its loader set up by that file alone. */
function loaderOf(root: string): string[] {
  const hasSources = existsSync(new URL('adonisrc.ts', root))
  if (!hasSources || existsSync(new URL('adonisrc.js', root))) {
    return []
  }
  try {
    const path = createRequire(new URL('adonisrc.ts', root)).resolve('@poppinss/ts-exec')
    return [`--import=${pathToFileURL(path).href}`]
  } catch {
    return []
  }
}
