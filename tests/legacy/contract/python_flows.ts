import { fileURLToPath } from 'node:url'
import type { LegacySourceInput } from '../../../src/legacy/config.ts'
import { requires } from '../../helpers/services.ts'

export const python = await requires('python3')

/** A source that runs flows in Python. */
export function pythonSource(more: Partial<LegacySourceInput> = {}): Partial<LegacySourceInput> {
  const path = [fileURLToPath(new URL('../../fixtures/python', import.meta.url))]
  return {
    runners: {
      python: {
        interpreter: python.location,
        connections: 'almanac_test_connections',
        path,
        env: { FLOW_DATABASE: ':memory:' },
      },
    },
    ...more,
  }
}

/** A flow of two parameters with this body. */
export function flowWith(...lines: string[]): string {
  const body = lines.map((line) => `    ${line}`).join('\n')
  return `import sqlite3, time\ndef execute_job(connection, session_params):\n${body}\n`
}
