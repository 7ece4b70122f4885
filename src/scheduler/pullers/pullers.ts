import { E_SOURCE_EXISTS } from '../../errors.ts'
import type { NodeRecord } from '../../storage/contract.ts'
import { toIso } from '../../triggers/instant.ts'
import type { StatusProblem } from '../chores.ts'
import { readPuller, type PullerOptions } from './options.ts'
import { Puller, type PullerDeps } from './puller.ts'
import type { PullerStatus } from './puller_log.ts'

/** The APIs that this process knows, asked while it works. */
export class Pullers {
  readonly #deps: PullerDeps
  readonly #pullers: Puller[] = []
  #running = false

  constructor(deps: PullerDeps) {
    this.#deps = deps
  }

  /** @throws E_INVALID_INPUT, E_SOURCE_EXISTS */
  add(options: PullerOptions): void {
    const read = readPuller(options)
    if (this.#pullers.some(({ options: { name } }) => name === read.name)) {
      throw new E_SOURCE_EXISTS([read.source])
    }
    const puller = new Puller(read, this.#deps)
    this.#pullers.push(puller)
    if (this.#running) {
      puller.start()
    }
  }

  start(): void {
    this.#running = true
    this.#pullers.forEach((puller) => puller.start())
  }

  async stop(): Promise<void> {
    this.#running = false
    await Promise.all(this.#pullers.map((puller) => puller.stop()))
  }

  /** Asks each once, unless they are asked by themselves. */
  async runAll(signal: AbortSignal): Promise<void> {
    if (!this.#running) {
      await Promise.all(this.#pullers.map((puller) => puller.pullOnce(signal)))
    }
  }

  status(): PullerStatus[] {
    return this.#pullers.map(({ status }) => status)
  }
}

/** What all nodes tell of their sources: of each the node that asks it, else this one. */
export function allPullers(
  own: PullerStatus[],
  nodes: NodeRecord[],
  nodeId: string
): PullerStatus[] {
  const others = nodes
    .filter(({ id }) => id !== nodeId)
    .flatMap(({ info }) => (info.pullers ?? []) as PullerStatus[])
    .filter(({ holds }) => holds)
  const asked = new Map(others.map((status) => [status.name, status]))
  for (const status of own) {
    if (status.holds || !asked.has(status.name)) {
      asked.set(status.name, status)
    }
  }
  return [...asked.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** What of them needs to be looked at. */
export function pullerProblems(pullers: PullerStatus[]): StatusProblem[] {
  return pullers.flatMap((puller) => {
    const { source, failures, lastError, lastErrorAt, refused, firstRefused } = puller
    const failing: StatusProblem[] =
      failures === 0
        ? []
        : [
            {
              part: `source ${source}`,
              message: String(lastError),
              at: toIso(lastErrorAt!),
              count: failures,
            },
          ]
    const bad = firstRefused && {
      part: `definitions of ${source}`,
      message: `${refused} refused, the first is "${firstRefused.key}": ${firstRefused.message}`,
    }
    return [...failing, ...(bad ? [bad] : [])]
  })
}
