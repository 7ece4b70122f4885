import { E_DEPENDENCY_LOOP } from '../../errors.ts'
import { MAX_TEXT, object, oneOf, refuseOthers, text, type Report } from '../../input/fields.ts'
import { Problems } from '../../input/problems.ts'
import { orderOf } from '../../loop/plan_order.ts'
import { PARENT_CONDITIONS, type ParentCondition } from '../../types/workflows.ts'

/** More steps than this belong into several workflows. */
export const MAX_STEPS = 1_000

/** A step that another one runs after. */
export type StepInput = string | { step: string; on?: ParentCondition }

export interface Step {
  name: string
  after: { step: string; on: ParentCondition }[]
}

/** A step as it was added. */
export interface GivenStep {
  name: unknown
  options: unknown
}

/** Of the options of a step, those that speak of one execution by itself. */
const NOT_OF_STEPS: Record<string, string> = {
  dedupeKey: 'a step has no key; leave it out',
  dedupe: 'a step has no key; leave it out',
  client: 'give the transaction to enqueue(), for all steps',
}
const NOT_WHILE_WAITING: Record<string, string> = {
  availableAt: 'a step that runs after others begins when they end; give a delay instead',
  expiresIn: 'a step that runs after others does not expire; leave it out',
}

const LINKS = 'give a list such as [{ handler: Extract }, { handler: Load }]'

/**
 * The links of a chain, whose handlers, payloads and options are read later.
 *
 * @throws E_INVALID_INPUT with every problem at once
 */
export function readLinks<Link>(links: Link[]): Link[] {
  const problems = new Problems()
  const { report } = problems
  if (!Array.isArray(links)) {
    report('links', links, LINKS)
  } else {
    links.forEach((link, index) => {
      const given = object(`links[${index}]`, link, LINKS, report)
      const known = ['name', 'handler', 'payload', 'options']
      refuseOthers(`links[${index}].`, given, known, report)
    })
  }
  problems.throwAny('The chain')
  return links
}

/**
 * The steps, parents before their children.
 *
 * @param enqueue the options with which they are queued
 * @throws E_INVALID_INPUT with every problem at once
 * @throws E_DEPENDENCY_LOOP
 */
export function readSteps(given: GivenStep[], enqueue: unknown): Step[] {
  const problems = new Problems()
  const { report } = problems
  const remedy = 'give an object such as { client: trx }, or leave it out'
  refuseOthers('', object('options', enqueue, remedy, report), ['client'], report)
  if (given.length === 0 || given.length > MAX_STEPS) {
    report('steps', given.length, `give 1 to ${MAX_STEPS} steps`)
  }
  const steps = new Map<string, Step>()
  given.forEach(({ name, options }, index) => {
    const read = text(`steps[${index}].name`, name, MAX_TEXT, report)
    if (read !== undefined && steps.has(read)) {
      report(`steps[${index}].name`, read, 'another step has this name; give each its own')
    }
    const after = readOptions(`steps[${index}].`, options, report)
    steps.set(read ?? `#${index}`, { name: read ?? '', after })
  })
  ;[...steps.values()].forEach((step, index) =>
    step.after.forEach(({ step: parent }, place) => {
      if (step.after.findIndex((each) => each.step === parent) < place) {
        const message = 'it is named before; name each step once, with one condition'
        report(`steps[${index}].after`, parent, message)
      }
      if (!steps.has(parent)) {
        const known = [...steps.keys()].slice(0, 10).join(', ')
        report(`steps[${index}].after`, parent, `no step has this name; the steps are ${known}`)
      }
    })
  )
  problems.throwAny('The workflow')
  return inOrder(steps)
}

function inOrder(steps: Map<string, Step>): Step[] {
  const parents = [...steps].map(([name, { after }]): [string, string[]] => [
    name,
    after.map(({ step }) => step),
  ])
  const { ordered, loop } = orderOf(new Map(parents))
  if (loop) {
    throw new E_DEPENDENCY_LOOP([loop.join(' -> ')])
  }
  return ordered.map((name) => steps.get(name)!)
}

function readOptions(prefix: string, options: unknown, report: Report): Step['after'] {
  const remedy = 'give an object of options, or leave it out'
  const given = object(`${prefix}options`, options ?? {}, remedy, report)
  const after = readAfter(`${prefix}after`, given.after ?? [], report)
  const refused = after.length === 0 ? NOT_OF_STEPS : { ...NOT_OF_STEPS, ...NOT_WHILE_WAITING }
  for (const [name, message] of Object.entries(refused)) {
    if (given[name] !== undefined && given[name] !== null) {
      report(`${prefix}${name}`, given[name], message)
    }
  }
  return after
}

function readAfter(field: string, value: unknown, report: Report): Step['after'] {
  return (Array.isArray(value) ? value : [value]).flatMap((item: unknown) => {
    const remedy = 'give the name of a step, or an object { step, on }'
    const given = object(field, typeof item === 'string' ? { step: item } : item, remedy, report)
    refuseOthers(`${field}.`, given, ['step', 'on'], report)
    const step = text(`${field}.step`, given.step, MAX_TEXT, report)
    const on = oneOf(`${field}.on`, given.on ?? 'success', PARENT_CONDITIONS, report)
    return step === undefined || on === undefined ? [] : [{ step, on }]
  })
}
