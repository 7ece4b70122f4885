import { getActiveTest } from '@japa/runner'
import { ConfigReader } from '../../src/config/reader.ts'
import { readBuiltIn, type BuiltInConfig, type BuiltInKeys } from '../../src/handlers/config.ts'
import { runHandler, type RunHandlerOptions } from '../../src/testing/main.ts'
import type { HandlerContext, HandlerFunction, LogLevel } from '../../src/types/handlers.ts'
import { isAlive } from '../helpers/processes.ts'

export const ROOT = '/srv/app'

/** `builtIn` and `cleanup` as config/almanac.ts gives them, read. */
export function read(keys: BuiltInKeys | object, root = ROOT): BuiltInConfig {
  return readBuiltIn(new ConfigReader(keys), root)
}

interface Line {
  level: LogLevel
  message: string
}

/** One attempt of a handler, whose log can be waited for. */
export class Attempt {
  readonly controller = new AbortController()
  readonly lines: Line[] = []
  readonly done: Promise<{ result: any; error: any }>
  readonly #waiting = new Set<() => void>()

  constructor(handler: HandlerFunction, payload: unknown, options: RunHandlerOptions = {}) {
    const at = (level: LogLevel) => (message: string) => this.#add({ level, message })
    const logger = {
      trace: at('trace'),
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
    }
    const { signal } = this.controller
    const wrapped = (context: HandlerContext) => handler({ ...context, logger })
    getActiveTest()?.cleanup(() => this.controller.abort('cancelled'))
    this.done = runHandler(wrapped, payload as never, { signal, ...options }).then(
      ({ result }) => ({ result, error: null }),
      (error) => ({ result: null, error })
    )
  }

  get result(): Promise<any> {
    return this.done.then(({ result }) => result)
  }

  get error(): Promise<any> {
    return this.done.then(({ error }) => error)
  }

  /** The messages of one level. */
  messages(level: LogLevel): string[] {
    return this.lines.filter((line) => line.level === level).map(({ message }) => message)
  }

  /** The part of the first line that matches; once there is one. */
  async line(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = this.lines.map(({ message }) => pattern.exec(message)).find((hit) => hit)
      if (found) {
        return found[1] ?? found[0]
      }
      await new Promise<void>((resolve) => this.#waiting.add(resolve))
    }
  }

  #add(line: Line): void {
    this.lines.push(line)
    this.#waiting.forEach((wake) => wake())
    this.#waiting.clear()
  }
}

/** Resolves once a process is gone; one that only waits to be reaped is. */
export async function gone(pid: number): Promise<void> {
  let over = false
  getActiveTest()?.cleanup(() => {
    over = true
  })
  while (!over && (await isAlive(pid))) {
    await new Promise((resolve) => setImmediate(resolve))
  }
}
