import { E_HANDLER_EXISTS, E_INVALID_HANDLER, E_UNKNOWN_HANDLER } from '../errors.ts'
import { handlerName, isHandlerClass } from '../handler.ts'
import { MAX_TEXT, text } from '../input/fields.ts'
import { shown } from '../triggers/field_reader.ts'
import { resolveOptions, type HandlerDefaults } from './handler_options.ts'
import { TAKES_PLACE } from './place.ts'
import type {
  HandlerClass,
  HandlerContract,
  HandlerDefinition,
  HandlerFunction,
  HandlerOptions,
  HandlerReference,
  Isolator,
} from '../types/handlers.ts'

interface Deps {
  /** Defaults of retry and timeout. */
  defaults: HandlerDefaults
  /** Makes an instance, through the host's container. */
  make: (Class: HandlerClass) => Promise<HandlerContract> | HandlerContract
  /** Runs isolated handlers; without it none may be. */
  isolator?: Isolator
}

interface Entry {
  definition: HandlerDefinition
  target: HandlerClass | HandlerFunction
}

/**
 * The handlers that this process can run, by name.
 */
export class HandlerRegistry {
  readonly #deps: Deps
  readonly #entries = new Map<string, Entry>()
  readonly #names = new Map<HandlerClass, string>()
  #sorted: string[] | null = null

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /**
   * Registers a class or a function. The same one under the same name again
   * changes nothing.
   *
   * @param options for a function; a class carries its own in `static options`
   * @throws E_HANDLER_EXISTS when the name is taken by another
   * @throws E_INVALID_HANDLER when it cannot be run
   */
  register(name: string, target: HandlerClass | HandlerFunction, options?: HandlerOptions): void {
    checkName(name)
    const taken = this.#entries.get(name)
    if (taken?.target === target) {
      return
    }
    if (taken) {
      throw new E_HANDLER_EXISTS([name, describe(taken.target), describe(target)])
    }
    const definition = this.#define(name, target, options)
    this.#entries.set(name, { definition, target })
    this.#sorted = null
    if (isHandlerClass(target)) {
      this.#names.set(target, name)
    }
  }

  /**
   * Registers a class under its own name.
   *
   * @param module URL of the module that exports it by default, where it is known
   * @returns the name
   */
  registerClass(Class: HandlerClass, module?: string): string {
    if (!isHandlerClass(Class)) {
      throw new E_INVALID_HANDLER([describe(Class), 'it is not a class with a handle() method'])
    }
    const name = handlerName(Class)
    this.register(name, Class, module === undefined ? undefined : { module })
    return name
  }

  has(name: string): boolean {
    return this.#entries.has(name)
  }

  /** @throws E_UNKNOWN_HANDLER */
  get(name: string): HandlerDefinition {
    const entry = this.#entries.get(name)
    if (!entry) {
      throw new E_UNKNOWN_HANDLER([name])
    }
    return entry.definition
  }

  /** All names, sorted. The array is the registry's own: do not change it. */
  names(): string[] {
    return (this.#sorted ??= [...this.#entries.keys()].sort())
  }

  /** The handlers that are classes, in the order in which they were registered. */
  classes(): HandlerClass[] {
    return [...this.#names.keys()]
  }

  /**
   * The name of a handler given by name or class.
   *
   * @throws E_INVALID_HANDLER when it is neither
   */
  nameOf(reference: HandlerReference): string {
    if (typeof reference === 'string') {
      return reference
    }
    if (typeof reference !== 'function') {
      const remedy = 'give the name or the class of a handler (is its module imported in a circle?)'
      throw new E_INVALID_HANDLER([shown(reference), remedy])
    }
    return this.#names.get(reference) ?? handlerName(reference)
  }

  #define(
    name: string,
    target: HandlerClass | HandlerFunction,
    options?: HandlerOptions
  ): HandlerDefinition {
    if (isHandlerClass(target)) {
      const whole = this.#whole(name, { ...target.options, ...options }, async (context) => {
        const instance = await this.#deps.make(target)
        return instance.handle(context)
      })
      return TAKES_PLACE in target ? { ...whole, takesPlace: target[TAKES_PLACE] === true } : whole
    }
    if (typeof target !== 'function') {
      throw new E_INVALID_HANDLER([
        name,
        `it is ${target === null ? 'null' : `a ${typeof target}`}`,
      ])
    }
    if (isClassSyntax(target)) {
      throw new E_INVALID_HANDLER([name, 'its class has no handle(context) method'])
    }
    return this.#whole(name, options ?? {}, async (context) => target(context))
  }

  #whole(name: string, options: HandlerOptions, run: HandlerDefinition['run']): HandlerDefinition {
    const read = resolveOptions(name, options, this.#deps.defaults)
    const { isolate } = read
    if (isolate === null) {
      return { ...read, run }
    }
    const { isolator } = this.#deps
    if (!isolator) {
      throw new E_INVALID_HANDLER([name, 'options.isolate is given; here is nothing to isolate it'])
    }
    return { ...read, run: (context) => isolator.run(name, isolate, context) }
  }
}

/** What the store cannot hold as a name would fail every claim of the process. */
function checkName(name: unknown): void {
  if (typeof name !== 'string' || name === '') {
    throw new E_INVALID_HANDLER([String(name), 'it has no name'])
  }
  text('name', name, MAX_TEXT, (_field, _value, remedy) => {
    throw new E_INVALID_HANDLER([shown(name), `as a name: ${remedy}`])
  })
}

function isClassSyntax(target: HandlerFunction): boolean {
  return /^class\b/.test(Function.prototype.toString.call(target))
}

function describe(target: unknown): string {
  if (typeof target !== 'function') {
    return String(target)
  }
  const kind = isHandlerClass(target) ? 'class' : 'function'
  return target.name === '' ? `an anonymous ${kind}` : `${kind} ${target.name}`
}
