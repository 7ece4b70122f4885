import { E_INVALID_HANDLER } from './errors.ts'
import type { EventInput } from './types/events.ts'
import type { JsonValue } from './types/json.ts'
import type {
  HandlerClass,
  HandlerContext,
  HandlerContract,
  HandlerOptions,
} from './types/handlers.ts'

/**
 * Base class of handlers: the code that does the work.
 *
 * ```ts
 * export default class SendReport extends Handler<{ to: string }> {
 *   static options: HandlerOptions = { queue: 'mail', timeout: '2m' }
 *   async handle({ payload, signal }: HandlerContext<{ to: string }>) {}
 * }
 * ```
 */
export abstract class Handler<Payload = JsonValue, Result = unknown> implements HandlerContract<
  Payload,
  Result
> {
  static 'options'?: HandlerOptions

  /** Only a type: what the class is given, also where its `handle` takes no parameter. */
  declare readonly '~payload'?: Payload

  /**
   * Does the work. What it returns is the result (JSON). A throw is a failed
   * attempt; to stop early when `context.signal` aborts, throw as well
   * (`context.signal.throwIfAborted()`).
   */
  abstract 'handle'(context: HandlerContext<Payload>): Promise<Result> | Result
}

/** A class that was decorated with its name. */
export interface DecoratedHandler {
  name: string
  Class: HandlerClass
}

const decorated = new Map<HandlerClass, string>()

/**
 * Class decorator that names a handler and registers it when the app boots,
 * once its module was imported by then (by a preload file, say).
 * Works as a standard decorator and with `experimentalDecorators`.
 *
 * @throws E_INVALID_HANDLER on an empty name
 */
export function handler(name: string) {
  if (typeof name !== 'string' || name === '') {
    throw new E_INVALID_HANDLER([String(name), 'the decorator needs a name'])
  }
  return function <Class extends HandlerClass>(
    target: Class,
    _context?: ClassDecoratorContext<Class>
  ): void {
    decorated.set(target, name)
  }
}

/** Every decorated class that was imported so far, in the order of import. */
export function decoratedHandlers(): DecoratedHandler[] {
  return [...decorated].map(([Class, name]) => ({ name, Class }))
}

/** An event of the handler that it stands on. */
export type ScheduleOptions = Omit<EventInput, 'name' | 'handler'> & {
  /** Unique among the events of the code. Default: the name of the handler, where it has one schedule only. */
  name?: string
}

const schedules = new Map<HandlerClass, ScheduleOptions[]>()

/**
 * Class decorator that defines an event of a handler beside the handler
 * itself; several may stand on one class. Working processes that know the
 * handler bring the store in step when they start, as with `almanac.schedule`.
 * Works as a standard decorator and with `experimentalDecorators`.
 */
export function schedule(options: ScheduleOptions) {
  return function <Class extends HandlerClass>(
    target: Class,
    _context?: ClassDecoratorContext<Class>
  ): void {
    // Decorators apply from the last to the first
    schedules.set(target, [options, ...schedulesOf(target)])
  }
}

/** What `@schedule` says of a class itself, in the order of the source. */
export function schedulesOf(Class: HandlerClass): readonly ScheduleOptions[] {
  return schedules.get(Class) ?? []
}

/**
 * The name that a handler class goes by: its decorator, then its own
 * `options.name`, then the class name in snake case without the suffix
 * Handler. A subclass never takes its parent's name.
 *
 * @throws E_INVALID_HANDLER when the class has no name at all
 */
export function handlerName(Class: HandlerClass): string {
  const own = Object.hasOwn(Class, 'options') ? Class.options?.name : undefined
  const name = decorated.get(Class) ?? own ?? snakeCase(Class.name.replace(/Handler$/, ''))
  if (name === '') {
    throw new E_INVALID_HANDLER([Class.name || '(anonymous class)', 'it has no name'])
  }
  return name
}

/** A class whose prototype can handle; a plain function is not. */
export function isHandlerClass(target: unknown): target is HandlerClass {
  return typeof target === 'function' && typeof target.prototype?.handle === 'function'
}

function snakeCase(text: string): string {
  return text
    .replace(/([a-z\d])([A-Z])/g, '$1_$2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1_$2')
    .toLowerCase()
}
