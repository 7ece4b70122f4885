import { test } from '@japa/runner'
import { mysql } from '../../src/legacy/tables/dialects/mysql.ts'
import { postgres } from '../../src/legacy/tables/dialects/postgres.ts'
import { sqlite } from '../../src/legacy/tables/dialects/sqlite.ts'
import type { TableSpec } from '../../src/legacy/preset.ts'
import { PRESETS, type PresetName } from '../../src/legacy/presets.ts'
import { fits } from '../../src/legacy/tables/column_fit.ts'
import type { TableDialect } from '../../src/legacy/tables/dialect.ts'
import { spellings } from '../../src/legacy/tables/values.ts'
import { legacyGroup } from '../helpers/legacy_group.ts'
import { legacyDatabase } from './support.ts'

test.group('Lengths of declared types', () => {
  test('on SQLite are bytes, and unknown where nothing is declared', ({ assert }) => {
    assert.deepEqual(sqlite.textLimit('VARCHAR2(40)'), { length: 40, unit: 'bytes' })
    for (const type of ['CLOB', 'TEXT', 'LONGTEXT', 'NCLOB']) {
      assert.isNull(sqlite.textLimit(type), type)
    }
    assert.isUndefined(sqlite.textLimit(''))
    assert.isUndefined(sqlite.textLimit('VARCHAR'))
  })

  test('on PostgreSQL are characters', ({ assert }) => {
    const { textLimit } = postgres
    assert.deepEqual(textLimit('CHARACTER VARYING(40)'), { length: 40, unit: 'characters' })
    assert.deepEqual(textLimit('CHARACTER(1)'), { length: 1, unit: 'characters' })
    for (const type of ['TEXT', 'CHARACTER VARYING', 'JSONB', 'NUMERIC(12,0)']) {
      assert.isNull(textLimit(type), type)
    }
  })

  test('on MySQL are characters, of long texts bytes', ({ assert }) => {
    const { textLimit } = mysql
    assert.deepEqual(textLimit('VARCHAR(40)'), { length: 40, unit: 'characters' })
    assert.deepEqual(textLimit('CHAR(1)'), { length: 1, unit: 'characters' })
    assert.deepEqual(textLimit('TINYTEXT'), { length: 255, unit: 'bytes' })
    assert.deepEqual(textLimit('TEXT'), { length: 65_535, unit: 'bytes' })
    assert.isNull(textLimit('LONGTEXT'))
    assert.isNull(textLimit('JSON'))
  })
})

test.group('Types of columns that groups are written by', () => {
  test('on PostgreSQL are all that need no quotes', ({ assert }) => {
    const { takes } = postgres.groups!
    const plain = ['BIGINT', 'NUMERIC(12,0)', 'CHARACTER VARYING(64)', 'JSONB', 'FLAG_2']
    for (const type of [...plain, 'TIMESTAMP(0) WITHOUT TIME ZONE', 'DOUBLE PRECISION']) {
      assert.isTrue(takes(type), type)
    }
    for (const type of ['"MYTYPE"', 'DW.FLAG', 'TEXT[]', 'INT); DROP TABLE X --', '']) {
      assert.isFalse(takes(type), type)
    }
  })
})

test.group('Columns with dates', () => {
  test('are read as texts', ({ assert }) => {
    assert.deepEqual(sqlite.dateForm('TIMESTAMP'), { read: null, instant: false })
    assert.match(String(postgres.dateForm('TIMESTAMP(0) WITHOUT TIME ZONE').read), /^to_char/)
    assert.match(String(postgres.dateForm('DATE').read), /'YYYY-MM-DD'/)
    assert.isTrue(postgres.dateForm('TIMESTAMP WITH TIME ZONE').instant)
    for (const type of ['DATETIME(3)', 'TIMESTAMP', 'DATE']) {
      assert.deepEqual(mysql.dateForm(type), { read: 'cast(?? as char)', instant: false })
    }
  })

  test('that are texts come as they are', ({ assert }) => {
    const plain = { read: null, instant: false }
    assert.deepEqual(postgres.dateForm('CHARACTER VARYING(40)'), plain)
    assert.deepEqual(mysql.dateForm('VARCHAR(40)'), plain)
  })
})

/** Columns that only some installations have. */
const RARE: Readonly<Record<string, string[]>> = {
  jobSchedules: ['jobid'],
  mappings: ['curflg', 'checkpointStrategy', 'checkpointColumn', 'checkpointEnabled'],
}

for (const generation of Object.keys(PRESETS) as PresetName[]) {
  const preset = PRESETS[generation]
  legacyGroup(`The reference tables of preset ${generation}`, (kind) => {
    const dialect = { sqlite, postgres, mysql }[kind.name]

    test('have every column, as long as the preset says', async ({ assert }) => {
      const database = await legacyDatabase({ generation })
      const client = database.client()
      for (const [key, table] of Object.entries<TableSpec>(preset.tables)) {
        const { name } = table
        const found = await dialect.columns(
          client,
          kind.name === 'postgres' ? name.toLowerCase() : name
        )
        for (const [column, spec] of Object.entries(table.columns)) {
          const match = found.find((each) => each.name.toUpperCase() === spec.name)
          if (match === undefined) {
            assert.include(RARE[key] ?? [], column, `${name}.${spec.name}`)
            continue
          }
          assert.isTrue(fits(spec, match.type, dialect), `${name}.${spec.name} ${match.type}`)
          if (spec.type === 'text' && dialect.holds(match.type) === 'text') {
            assert.equal(dialect.textLimit(match.type)?.length, spec.length, `${name}.${spec.name}`)
          }
        }
      }
    })

    test('that do not exist have no columns', async ({ assert }) => {
      const database = await legacyDatabase({ schema: false })
      const client = database.client()
      assert.deepEqual(await dialect.columns(client, 'DWJOBSCH'), [])
      assert.deepEqual(await dialect.columns(client, 'main.DWJOBSCH'), [])
    })
  })
}

test.group('What declared types hold', () => {
  const TYPES: [dialect: TableDialect, types: Record<string, string>][] = [
    [
      postgres,
      {
        'BIGINT': 'number',
        'NUMERIC(12,0)': 'number',
        'DOUBLE PRECISION': 'number',
        'CHARACTER VARYING(40)': 'text',
        'TEXT': 'text',
        'JSONB': 'json',
        'DATE': 'day',
        'TIMESTAMP(3) WITHOUT TIME ZONE': 'moment',
        'TIMESTAMP WITH TIME ZONE': 'moment',
        'BOOLEAN': 'other',
        'UUID': 'other',
        'BYTEA': 'other',
      },
    ],
    [
      mysql,
      {
        'BIGINT(20)': 'number',
        'DECIMAL(30,0)': 'number',
        'LONGTEXT': 'text',
        'ENUM("A")': 'text',
        'DATETIME(3)': 'moment',
        'DATE': 'day',
        'TIMESTAMP': 'moment',
        'LONGBLOB': 'bytes',
        'TIME': 'other',
        'BIT(1)': 'other',
      },
    ],
    [
      sqlite,
      {
        '': 'any',
        'NUMBER(12)': 'number',
        'INTEGER': 'number',
        'VARCHAR2(40)': 'text',
        'CLOB': 'text',
        'DATE': 'moment',
        'TIMESTAMP': 'moment',
        'BLOB': 'bytes',
        'BOOLEAN': 'other',
        'THING': 'any',
      },
    ],
  ]
  for (const [dialect, types] of TYPES) {
    test(`on ${dialect.name}`, ({ assert }) => {
      for (const [type, holds] of Object.entries(types)) {
        assert.equal(dialect.holds(type), holds, type)
      }
    })
  }

  test('spellings of a name fold each part by itself', ({ assert }) => {
    assert.deepEqual(spellings('Abc'), ['Abc', 'abc', 'ABC'])
    assert.deepEqual(spellings('DW.T'), ['DW.T', 'DW.t', 'dw.T', 'dw.t'])
  })
})
