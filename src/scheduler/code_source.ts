import { E_EVENT_EXISTS } from '../errors.ts'
import { toJson } from '../json.ts'
import { hashKey } from '../keys.ts'
import type { EventInput } from '../types/events.ts'
import type { HandlerReference } from '../types/handlers.ts'

/** The source of the events that start/almanac.ts defines. */
export const CODE_SOURCE = 'code'

export type CodeDefinition = EventInput & { key: string; hash: string }

/**
 * The events defined in code, collected until a working process brings the
 * store in step with them.
 */
export class CodeSource {
  readonly #definitions = new Map<string, CodeDefinition>()

  /**
   * @throws E_EVENT_EXISTS when the name is defined twice
   * @throws E_PAYLOAD_NOT_JSON when the definition cannot be stored
   */
  add(definition: EventInput, nameOf: (handler: HandlerReference) => string): void {
    const { name } = definition
    if (this.#definitions.has(name)) {
      throw new E_EVENT_EXISTS([name, CODE_SOURCE])
    }
    const handler = nameOf(definition.handler)
    const hash = hashKey(toJson({ ...definition, handler }, { field: `event "${name}"` }))
    this.#definitions.set(name, { ...definition, handler, key: name, hash })
  }

  list(): CodeDefinition[] {
    return [...this.#definitions.values()]
  }
}
