/** What a legacy column holds, and with it how it is written. */
export type ColumnType =
  | 'number'
  /** Cut to its length on writing. */
  | 'text'
  /** A long text. */
  | 'clob'
  /** Wall clock to the second. */
  | 'date'
  /** Wall clock to the millisecond. */
  | 'timestamp'

export interface ColumnSpec {
  readonly name: string
  readonly type: ColumnType
  /** Length of a text where the database does not tell it. */
  readonly length?: number
  /** Used where it exists; nothing is missed without it. */
  readonly optional?: boolean
  /** Some installations keep the text as a number. */
  readonly numeric?: boolean
  /** Characters without which what Almanac writes would be cut to something else. */
  readonly atLeast?: number
  /** What some installations call it, where config does not say. */
  readonly also?: readonly string[]
  /** Key of the column that some installations have in its place. */
  readonly standIn?: string
}

export interface TableSpec {
  readonly name: string
  readonly columns: Readonly<Record<string, ColumnSpec>>
}

export type TableKey =
  | 'jobSchedules'
  | 'requests'
  | 'jobFlows'
  | 'processLogs'
  | 'jobLogs'
  | 'jobErrors'
  | 'idPool'
  | 'parameters'
  | 'mappings'
  | 'jobs'
  | 'storedSelects'

/** What ids are made for. */
export type IdEntity = 'jobSchedule' | 'processLog' | 'jobLog' | 'jobError'

export const ID_ENTITIES: readonly IdEntity[] = ['jobSchedule', 'processLog', 'jobLog', 'jobError']

/** The names of one generation of the legacy schema. */
export interface Preset {
  readonly name: string
  readonly tables: Readonly<Record<TableKey, TableSpec>>
  /** Sequences, and rows of the id pool, per entity. */
  readonly sequences: Readonly<Record<IdEntity, string>>
}

const number = (name: string): ColumnSpec => ({ name, type: 'number' })
const text = (name: string, length: number): ColumnSpec => ({ name, type: 'text', length })
const clob = (name: string): ColumnSpec => ({ name, type: 'clob' })
const date = (name: string): ColumnSpec => ({ name, type: 'date' })
const timestamp = (name: string): ColumnSpec => ({ name, type: 'timestamp' })
const code = (name: string, length: number): ColumnSpec => ({
  ...text(name, length),
  numeric: true,
})
const key = (name: string, length: number, atLeast: number): ColumnSpec => ({
  ...text(name, length),
  atLeast,
})
const optional = (column: ColumnSpec): ColumnSpec => ({ ...column, optional: true })

/**
 * The original names. The keys are what the adapter calls a column; another
 * generation maps the same keys to its own names.
 */
export const DW_PRESET = {
  name: 'dw',
  tables: {
    jobSchedules: {
      name: 'DWJOBSCH',
      columns: {
        jobschid: number('JOBSCHID'),
        jobflwid: number('JOBFLWID'),
        jobid: optional(number('JOBID')),
        mapref: text('MAPREF', 100),
        frqcd: text('FRQCD', 3),
        frqdd: code('FRQDD', 3),
        frqhh: code('FRQHH', 2),
        frqmi: code('FRQMI', 2),
        strtdt: date('STRTDT'),
        enddt: date('ENDDT'),
        stflg: optional(text('STFLG', 1)),
        curflg: text('CURFLG', 1),
        dpndJobschid: number('DPND_JOBSCHID'),
        reccrdt: optional(date('RECCRDT')),
        recupdt: optional(date('RECUPDT')),
        schflg: text('SCHFLG', 1),
        lastRun: optional(timestamp('LST_RUN_DT')),
        nextRun: optional(timestamp('NXT_RUN_DT')),
      },
    },
    requests: {
      name: 'DWPRCREQ',
      columns: {
        requestId: key('REQUEST_ID', 64, 38),
        mapref: text('MAPREF', 100),
        type: key('REQUEST_TYPE', 30, 16),
        payload: clob('PAYLOAD'),
        status: key('STATUS', 20, 7),
        requestedAt: timestamp('REQUESTED_AT'),
        claimedAt: timestamp('CLAIMED_AT'),
        claimedBy: key('CLAIMED_BY', 64, 64),
        completedAt: timestamp('COMPLETED_AT'),
        result: clob('RESULT_PAYLOAD'),
      },
    },
    jobFlows: {
      name: 'DWJOBFLW',
      columns: {
        jobflwid: number('JOBFLWID'),
        jobid: number('JOBID'),
        mapref: text('MAPREF', 100),
        trgschm: optional(text('TRGSCHM', 30)),
        trgtbtyp: optional(text('TRGTBTYP', 10)),
        trgtbnm: optional(text('TRGTBNM', 30)),
        dwlogic: clob('DWLOGIC'),
        stflg: text('STFLG', 1),
        curflg: text('CURFLG', 1),
      },
    },
    processLogs: {
      name: 'DWPRCLOG',
      columns: {
        prcid: number('PRCID'),
        jobid: number('JOBID'),
        jobflwid: number('JOBFLWID'),
        strtdt: timestamp('STRTDT'),
        enddt: timestamp('ENDDT'),
        status: key('STATUS', 2, 2),
        reccrdt: optional(date('RECCRDT')),
        recupdt: optional(date('RECUPDT')),
        message: text('MSG', 400),
        log: text('PRCLOG', 4000),
        sessionid: number('SESSIONID'),
        mapref: text('MAPREF', 100),
        param1: text('PARAM1', 250),
        param2: text('PARAM2', 250),
        param3: text('PARAM3', 250),
        param4: text('PARAM4', 250),
        param5: text('PARAM5', 250),
        param6: text('PARAM6', 250),
        param7: text('PARAM7', 250),
        param8: text('PARAM8', 250),
        param9: text('PARAM9', 250),
        param10: text('PARAM10', 250),
        sourceRows: optional(number('SRCROWS')),
        targetRows: optional(number('TRGROWS')),
      },
    },
    jobLogs: {
      name: 'DWJOBLOG',
      columns: {
        jobLogId: number('JOBLOGID'),
        prcdt: date('PRCDT'),
        jobid: number('JOBID'),
        mapref: text('MAPREF', 100),
        sourceRows: number('SRCROWS'),
        targetRows: number('TRGROWS'),
        errorRows: number('ERRROWS'),
        reccrdt: optional(date('RECCRDT')),
        prcid: number('PRCID'),
        sessionid: number('SESSIONID'),
      },
    },
    jobErrors: {
      name: 'DWJOBERR',
      columns: {
        jobLogId: number('JOBLOGID'),
        errorId: number('ERRID'),
        prcdt: date('PRCDT'),
        jobid: number('JOBID'),
        mapref: text('MAPREF', 100),
        type: text('ERRTYP', 10),
        dbMessage: text('DBERRMSG', 4000),
        message: text('ERRMSG', 400),
        keyValue: optional(text('KEYVALUE', 400)),
        reccrdt: optional(date('RECCRDT')),
        prcid: number('PRCID'),
        sessionid: number('SESSIONID'),
      },
    },
    idPool: {
      name: 'DMS_IDPOOL',
      columns: {
        entity: text('ENTITY_NAME', 30),
        current: number('CURRENT_VALUE'),
        block: optional(number('BLOCK_SIZE')),
      },
    },
    parameters: {
      name: 'DWPARAMS',
      columns: {
        type: text('PRTYP', 30),
        code: text('PRCD', 30),
        value: text('PRVAL', 1000),
      },
    },
    mappings: {
      name: 'DWMAPR',
      columns: {
        mapref: text('MAPREF', 100),
        trgschm: optional(text('TRGSCHM', 30)),
        trgtbnm: optional(text('TRGTBNM', 30)),
        curflg: optional(text('CURFLG', 1)),
        checkpointStrategy: optional(text('CHKPNTSTRTGY', 10)),
        checkpointColumn: optional(text('CHKPNTCLNM', 250)),
        checkpointEnabled: optional(text('CHKPNTENBLD', 1)),
      },
    },
    jobs: {
      name: 'DWJOB',
      columns: {
        mapref: text('MAPREF', 100),
        trgschm: optional(text('TRGSCHM', 30)),
        trgtbnm: optional(text('TRGTBNM', 30)),
        curflg: optional(text('CURFLG', 1)),
      },
    },
    storedSelects: {
      name: 'DWMAPRSQL',
      columns: {
        code: text('DWMAPRSQLCD', 100),
        sql: clob('DWMAPRSQL'),
        curflg: text('CURFLG', 1),
      },
    },
  },
  sequences: {
    jobSchedule: 'DWJOBSCHSEQ',
    processLog: 'DWPRCLOGSEQ',
    jobLog: 'DWJOBLOGSEQ',
    jobError: 'DWJOBERRSEQ',
  },
} as const satisfies Preset

type Tables = (typeof DW_PRESET)['tables']

/** The keys of the columns of one table, the same in every preset. */
export type ColumnKey<T extends TableKey> = keyof Tables[T]['columns'] & string
