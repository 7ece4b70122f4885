import { E_INVALID_INPUT } from '../errors.ts'
import { MAX_TEXT, object, oneOf, refuseOthers, text, type Report } from '../input/fields.ts'
import type { NewDependency, Storage } from '../storage/contract.ts'
import type { Problem } from '../types/triggers.ts'
import { PARENT_CONDITIONS, type ParentCondition } from '../types/workflows.ts'

/** A parent as a definition names it. */
export interface ParentReference {
  /** Name in the source, or id. */
  event: string
  source: string | null
  on: ParentCondition
}

const TWICE = 'it is named before; name each parent once, with one condition'

/** Reads what a definition says that it runs after. */
export function readAfter(value: unknown, report: Report): ParentReference[] {
  const list = Array.isArray(value) ? value : [value]
  return list.flatMap((item: unknown, index) => readParent(item, `after[${index}]`, report))
}

function readParent(value: unknown, field: string, report: Report): ParentReference[] {
  const remedy = 'give the name of an event, or an object { event, on }'
  const given = object(field, typeof value === 'string' ? { event: value } : value, remedy, report)
  refuseOthers(`${field}.`, given, ['event', 'source', 'on'], report)
  const event = text(`${field}.event`, given.event, MAX_TEXT, report)
  const source =
    given.source === undefined ? null : text(`${field}.source`, given.source, MAX_TEXT, report)
  const on = readCondition(`${field}.on`, given.on, report)
  return event === undefined || source === undefined || on === undefined
    ? []
    : [{ event, source, on }]
}

export function readCondition(
  field: string,
  value: unknown,
  report: Report
): ParentCondition | undefined {
  return oneOf(field, value ?? 'success', PARENT_CONDITIONS, report)
}

/**
 * The parents that a definition of a source means.
 *
 * @throws E_INVALID_INPUT naming those that are not there, or there twice
 */
export async function resolveAfter(
  storage: Storage,
  subject: string,
  source: string,
  parents: ParentReference[]
): Promise<NewDependency[]> {
  const problems: Problem[] = []
  const found: NewDependency[] = []
  for (const [index, { event: name, source: named, on }] of parents.entries()) {
    const event =
      (await storage.events.findBy({ source: named ?? source, name })) ??
      (named === null ? await storage.events.find(name) : null)
    if (event && found.some(({ parentId }) => parentId === event.id)) {
      problems.push({ field: `after[${index}].event`, value: name, message: TWICE })
    } else if (event) {
      found.push({ parentId: event.id, on })
    } else {
      const message = `no event of source "${named ?? source}" has this name; create it first, or name its source`
      problems.push({ field: `after[${index}].event`, value: name, message })
    }
  }
  if (problems.length > 0) {
    throw new E_INVALID_INPUT(subject, problems)
  }
  return found
}
