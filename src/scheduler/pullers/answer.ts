import { E_SOURCE_ANSWER } from '../../errors.ts'
import { toJson } from '../../json.ts'
import { hashKey } from '../../keys.ts'
import { shown } from '../../triggers/field_reader.ts'
import type { SourceInput, SourceProblem } from '../../types/events.ts'
import type { HandlerReference } from '../../types/handlers.ts'

export interface ReadAnswer {
  definitions: SourceInput[]
  /** Definitions that cannot be read. */
  problems: SourceProblem[]
  /** How many of them do not say which event they are of. */
  unnamed: number
}

/**
 * Reads what an API gave: each definition gets its key and hash. What is wrong
 * with its fields is told by the sync.
 *
 * @throws E_SOURCE_ANSWER when it is no list
 */
export function readAnswer(
  source: string,
  answer: unknown,
  nameOf: (handler: HandlerReference) => string
): ReadAnswer {
  if (!Array.isArray(answer)) {
    throw new E_SOURCE_ANSWER([source, shown(answer)])
  }
  const read: ReadAnswer = { definitions: [], problems: [], unnamed: 0 }
  for (const [place, item] of answer.entries()) {
    const key = keyOf(item)
    if (key === null) {
      const message = `definition ${place + 1} (${shown(item)}) has neither a key nor a name; give it one`
      read.problems.push({ key: `#${place + 1}`, message })
      read.unnamed++
      continue
    }
    try {
      read.definitions.push(definitionOf(item as SourceInput, key, nameOf))
    } catch (error) {
      read.problems.push({ key, message: (error as Error).message })
    }
  }
  return read
}

function keyOf(item: unknown): string | null {
  if (item === null || typeof item !== 'object') {
    return null
  }
  const { key, name } = item as { key?: unknown; name?: unknown }
  const found = textOf(key ?? name)
  return typeof found === 'string' && found !== '' ? found : null
}

function definitionOf(
  item: SourceInput,
  key: string,
  nameOf: (handler: HandlerReference) => string
): SourceInput {
  const handler = typeof item.handler === 'function' ? nameOf(item.handler) : item.handler
  const definition = { ...item, handler, key }
  const json = toJson(definition, { field: `definition "${key}"` })
  const hash = textOf(item.hash) ?? hashKey(JSON.stringify(inOneOrder(JSON.parse(json))))
  return { ...definition, hash: hash as string }
}

/** APIs count in numbers what is a text here: keys and versions. */
function textOf(value: unknown): unknown {
  return Number.isSafeInteger(value) ? String(value) : value
}

/** An API may give the fields of an object in another order each time. */
function inOneOrder(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(inOneOrder)
  }
  return value !== null && typeof value === 'object'
    ? Object.entries(value)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, item]) => [key, inOneOrder(item)])
    : value
}
