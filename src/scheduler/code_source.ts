import { E_EVENT_EXISTS } from '../errors.ts'
import { schedulesOf, type ScheduleOptions } from '../handler.ts'
import { toJson } from '../json.ts'
import { hashKey } from '../keys.ts'
import type { EventInput, SourceProblem } from '../types/events.ts'
import type { HandlerClass, HandlerReference } from '../types/handlers.ts'

/** The source of the events that the code defines. */
export const CODE_SOURCE = 'code'

export type CodeDefinition = EventInput & { key: string; hash: string }

type NameOf = (handler: HandlerReference) => string

/**
 * The events defined in code, collected until a working process brings the
 * store in step with them: those of start/almanac.ts, and those that stand on
 * handler classes.
 */
export class CodeSource {
  readonly #definitions = new Map<string, CodeDefinition>()

  /**
   * @throws E_EVENT_EXISTS when the name is defined twice
   * @throws E_PAYLOAD_NOT_JSON when the definition cannot be stored
   */
  add(definition: EventInput, nameOf: NameOf): void {
    const { name } = definition
    if (this.#definitions.has(name)) {
      throw new E_EVENT_EXISTS([name, CODE_SOURCE])
    }
    this.#definitions.set(name, withHash(definition, nameOf))
  }

  /** All definitions, with those that `@schedule` gives to these classes; a bad one is a problem alone. */
  all(
    classes: HandlerClass[],
    nameOf: NameOf
  ): { definitions: CodeDefinition[]; problems: SourceProblem[] } {
    const all = new Map(this.#definitions)
    const problems: SourceProblem[] = []
    for (const Class of classes) {
      for (const options of schedulesOf(Class)) {
        const name = options.name ?? defaultName(Class, nameOf)
        const problem = name === null ? nameless(Class, nameOf) : taken(name, all)
        if (problem) {
          problems.push(problem)
        } else {
          define(all, { ...options, name: name!, handler: Class }, { nameOf, problems })
        }
      }
    }
    return { definitions: [...all.values()], problems }
  }

  /** Where an event is defined, for people. */
  placeOf(key: string): string {
    return this.#definitions.has(key) ? 'start/almanac.ts' : '@schedule'
  }
}

function withHash(definition: EventInput, nameOf: NameOf): CodeDefinition {
  const { name } = definition
  const handler = nameOf(definition.handler)
  const hash = hashKey(toJson({ ...definition, handler }, { field: `event "${name}"` }))
  return { ...definition, handler, key: name, hash }
}

function define(
  all: Map<string, CodeDefinition>,
  definition: ScheduleOptions & { name: string; handler: HandlerClass },
  { nameOf, problems }: { nameOf: NameOf; problems: SourceProblem[] }
): void {
  const { name } = definition
  try {
    all.set(name, withHash(definition, nameOf))
  } catch (error) {
    problems.push({ key: name, message: (error as Error).message })
  }
}

/** Of several schedules none may go by the handler's name: which one, would hang on their order. */
function defaultName(Class: HandlerClass, nameOf: NameOf): string | null {
  return schedulesOf(Class).length === 1 ? nameOf(Class) : null
}

function nameless(Class: HandlerClass, nameOf: NameOf): SourceProblem {
  const key = nameOf(Class)
  return { key, message: `several @schedule stand on handler "${key}": give each of them a name` }
}

function taken(name: string, all: Map<string, CodeDefinition>): SourceProblem | null {
  const message = `the code defines an event "${name}" already; choose another name`
  return all.has(name) ? { key: name, message } : null
}
