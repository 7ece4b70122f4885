import { test } from '@japa/runner'
import { emptyParams } from '../../src/legacy/params.ts'
import { PRESETS, type PresetName } from '../../src/legacy/presets.ts'
import type { LegacySourceInput } from '../../src/legacy/config.ts'
import { openLegacyTables } from '../../src/legacy/tables/main.ts'
import type { LegacyDatabase } from '../helpers/legacy_database.ts'
import { activeSetting, kinds, settingGroup } from '../helpers/legacy_group.ts'
import type { LegacyKindName } from '../helpers/legacy_places.ts'
import { legacyDatabase, legacySource, NOW, RecordingLogger } from './support.ts'

const RUN = { jobid: 1, jobflwid: 1, mapref: 'A', sessionid: 5, params: emptyParams(), now: NOW }
const MARKS: Record<LegacyKindName, string> = { sqlite: '"', postgres: '"', mysql: '`' }

/** The tables with every name of table and column quoted, and spelled as `to` says. */
async function renamedTables(preset: PresetName, to: (name: string) => string) {
  const { kind } = activeSetting()
  const database = await legacyDatabase({ generation: preset, schema: false })
  const mark = MARKS[kind.name]
  const tables = Object.values(PRESETS[preset].tables)
  const names = tables.flatMap(({ name, columns }) => [
    name,
    ...Object.values(columns).map((column) => column.name),
  ])
  const ddl = await database.names.schema(kind.name)
  const renamed = ddl.replace(/\b[A-Z][A-Z_0-9]+\b/g, (word) =>
    names.includes(word) ? `${mark}${to(word)}${mark}` : word
  )
  database.place.execute(renamed, [])
  return database
}

/** A request, its run and their ends, through all tables that a run needs. */
async function exercise(database: LegacyDatabase, input: Partial<LegacySourceInput>) {
  const connection = database.connection()
  const config = legacySource({ preset: database.names.preset, ...input })
  const tables = await openLegacyTables({ connection, config, logger: new RecordingLogger() })
  const { session } = connection
  const requests = tables.requests!
  const request = { requestId: 'R1', mapref: 'A', type: 'IMMEDIATE', payload: {}, now: NOW }
  await requests.insert(session, request)
  const claimedBy = 'n.00000000.1'
  const [row] = await requests.claimBatch(session, { claimedBy, limit: 5, now: NOW })
  const prcid = await tables.ids.next('processLog')
  await tables.processLogs.insertInProgress(session, { ...RUN, prcid })
  const closed = await tables.processLogs.close(session, { prcid, status: 'PC', now: NOW })
  const end = { claimedBy, requestId: 'R1', status: 'DONE', result: {}, now: NOW } as const
  const finished = await requests.finish(session, end)
  const schedules = await tables.schedules.listCurrent(session)
  const found = await tables.processLogs.find(session, prcid)
  const together = {
    flows: await tables.flows.activeOf(session, ['A']),
    family: await tables.schedules.familyOf(session, ['A']),
  }
  return { row, closed, finished, schedules, found, together, notes: tables.notes }
}

for (const preset of Object.keys(PRESETS) as PresetName[]) {
  for (const kind of kinds) {
    settingGroup(
      `Names of preset ${preset} | on ${kind.title}`,
      { kind, generation: preset },
      () => {
        const cases: [title: string, to: (name: string) => string][] = [
          ['quoted upper case', (name) => name.toUpperCase()],
          ['quoted lower case', (name) => name.toLowerCase()],
        ]
        for (const [title, to] of cases) {
          test(`${title} is found by looking`, async ({ assert }) => {
            const ran = await exercise(await renamedTables(preset, to), {})
            assert.containSubset(ran, { closed: true, finished: true, notes: [], schedules: [] })
            assert.containSubset(ran.row, { requestId: 'R1', mapref: 'A' })
            assert.containSubset(ran.found, { status: 'PC' })
          })
        }

        test('any other name of any table and any column is taken from config', async ({
          assert,
        }) => {
          // Where a name is filled in by a pattern, dollars in it would mean something
          const other = (name: string) => `Old_${name.toLowerCase()}$$`
          const tables = Object.fromEntries(
            Object.values(PRESETS[preset].tables).map(({ name, columns }) => [
              name,
              {
                name: other(name),
                columns: Object.fromEntries(
                  Object.values(columns).map((column) => [column.name, other(column.name)])
                ),
              },
            ])
          )
          const ran = await exercise(await renamedTables(preset, other), { tables })
          assert.containSubset(ran, { closed: true, finished: true, notes: [] })
        })

        test('a schema stands before them all', async ({ assert }) => {
          const database = await legacyDatabase({ generation: preset })
          const { kind: name, name: own } = database.place
          const ran = await exercise(database, { schema: name === 'sqlite' ? 'MAIN' : own })
          assert.containSubset(ran, { closed: true, finished: true })
        })
      }
    )
  }
}
