/*
 * Prints what happens, for the eyes of whoever runs the demo. An app would
 * rather write metrics or raise an alarm here.
 */
import emitter from '@adonisjs/core/services/emitter'
import almanac from 'adonisjs-almanac/services/main'
import type { AlmanacEvents } from 'adonisjs-almanac/types'

type Notice = AlmanacEvents['execution:started']

async function describe({ executionId, slot }: Notice): Promise<string> {
  const execution = await almanac.executions.find(executionId)
  const { mapref } = (execution?.payload ?? {}) as { mapref?: string }
  const why = slot ? `slot ${slot.slice(11, 16)}Z` : 'request'
  return `${(mapref ?? '?').padEnd(14)} ${why}`
}

function say(what: string, text: string): void {
  console.log(`  ${what.padEnd(10)}${text}`)
}

emitter.on('slot:fired', ({ name }) => say('fires', name))
emitter.on('execution:started', async (notice) => say('runs', await describe(notice)))
emitter.on('execution:progress', async (notice) =>
  say('at', `${await describe(notice)}  ${notice.progress.percent}%`)
)
for (const outcome of ['succeeded', 'failed', 'cancelled', 'timed_out'] as const) {
  emitter.on(`execution:${outcome}`, async (notice) => {
    const error = notice.error ? `  ${notice.error.message}` : ''
    say(outcome, `${await describe(notice)}  ${Math.round(notice.duration ?? 0)} ms${error}`)
  })
}
emitter.on('source:synced', ({ added, changed, removed, unchanged }) => {
  if (added + changed + removed > 0) {
    say('synced', `${added} added, ${changed} changed, ${removed} removed, ${unchanged} unchanged`)
  }
})
emitter.on('leader:acquired', ({ node }) => say('leads', node))
