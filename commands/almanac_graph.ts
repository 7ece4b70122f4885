import { args } from '@adonisjs/core/ace'
import type { CommandOptions } from '@adonisjs/core/types/ace'
import type { DependencyGraph, GraphNode } from '../src/scheduler/workflows/graph.ts'
import type { Scheduler } from '../src/scheduler.ts'
import { AlmanacCommand, utc } from './_base.ts'

export default class AlmanacGraph extends AlmanacCommand {
  static override commandName = 'almanac:graph'
  static override description = 'Show which events run after which, with their newest executions'
  static override help = [
    'An event that runs after several others stands below each of them, and what',
    'runs after it is shown at its first place.',
    '',
    'Exit codes:',
    '  0  shown, even when there are none',
    '  1  could not be shown (event, schema, database), or events wait for each other in a loop',
  ]
  static override options: CommandOptions = { startApp: true }

  @args.string({
    description: 'Id of an event, or its name: only what is around it',
    required: false,
  })
  declare event?: string

  protected async perform(almanac: Scheduler): Promise<void> {
    const event = this.event === undefined ? null : await this.findEvent(almanac, this.event)
    const graph = await almanac.graph(event?.id)
    this.exitCode = graph.loop === null ? 0 : 1
    this.print(graph, () => {
      treeOf(graph).forEach((line) => this.logger.log(line))
      if (graph.nodes.length === 0) {
        this.logger.log('No event runs after another one')
      }
      if (graph.loop) {
        const path = graph.loop.join(' -> ')
        this.logger.log(`These wait for each other and never run so: ${path}`)
      }
    })
  }
}

/** The graph as lines: children indented below their parents. */
function treeOf({ nodes, edges, loop }: DependencyGraph): string[] {
  const children = Map.groupBy(edges, ({ parentId }) => parentId)
  const isChild = new Set(edges.map(({ childId }) => childId))
  const byId = new Map(nodes.map((node) => [node.event.id, node]))
  const shown = new Set<string>()
  const lines: string[] = []
  const show = (node: GraphNode, depth: number, on: string) => {
    const { id } = node.event
    const again = shown.has(id) && children.has(id)
    lines.push(`${'  '.repeat(depth)}${on}${wordsOf(node)}${again ? ' (see above)' : ''}`)
    if (!shown.has(id)) {
      shown.add(id)
      for (const edge of children.get(id) ?? []) {
        const child = byId.get(edge.childId)
        if (child) {
          show(child, depth + 1, `on ${edge.on}: `)
        }
      }
    }
  }
  nodes.filter(({ event }) => !isChild.has(event.id)).forEach((node) => show(node, 0, ''))
  // Those of a loop hang below nobody
  const left = loop ? nodes.filter(({ event }) => !shown.has(event.id)) : []
  left.forEach((node) => !shown.has(node.event.id) && show(node, 0, ''))
  return lines
}

function wordsOf({ event, last }: GraphNode): string {
  const status = event.status === 'active' ? '' : ` [${event.status}]`
  return `${event.name}${status}, ${last ? wordsOfLast(last) : 'never ran'}`
}

function wordsOfLast({
  state,
  waitingFor,
  finishedAt,
  createdAt,
  reason,
}: NonNullable<GraphNode['last']>): string {
  const waits = waitingFor === null ? '' : `, waits for ${waitingFor}`
  const why = reason === null ? '' : ` (${reason})`
  return `${state}${waits} ${utc(finishedAt ?? createdAt)}${why}`
}
