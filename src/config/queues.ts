import type { ConfigReader } from './reader.ts'
import type { QueueSettings } from '../types/config.ts'

/** Handed over and not begun, of one queue and one node. */
const AHEAD = 500

interface Queues {
  /** null: all. */
  queues: string[] | null
  queueSettings: Record<string, QueueSettings>
}

/**
 * `queues` is a list of those that this node works on, or says by name how
 * each is run; the others are worked on as ever then.
 */
export function readQueues(reader: ConfigReader): Queues {
  const value = reader.take('queues')
  if (value !== null && typeof value === 'object' && !Array.isArray(value)) {
    return { queues: null, queueSettings: readSettings(reader.section('queues')) }
  }
  return { queues: readNames(reader), queueSettings: {} }
}

function readNames(reader: ConfigReader): string[] | null {
  const remedy = 'give a list of queue names, settings by name, or null for all'
  const queues = reader.texts('queues', remedy, (name) => name !== '')
  return queues?.length === 0 ? reader.refuse('queues', remedy) : (queues ?? null)
}

function readSettings(reader: ConfigReader): Record<string, QueueSettings> {
  const read = reader.keys().map((name): [string, QueueSettings] => {
    if (name === '') {
      reader.refuse(name, 'give the queue a name')
    }
    const section = reader.section(name)
    const settings: QueueSettings = {
      executor: section.oneOf('executor', 'node', ['node', 'queue']),
      ahead: section.number('ahead', AHEAD, { min: 1, max: 10_000 }),
    }
    section.end()
    return [name, settings]
  })
  return Object.fromEntries(read)
}
