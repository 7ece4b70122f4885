import type { Database } from 'better-sqlite3'

const BY_MAPREF = `
select l.MAPREF as mapref,
       count(*) as runs,
       sum(l.STATUS = 'PC') as complete,
       sum(l.STATUS = 'FL') as failed,
       sum(l.STATUS = 'IP') as running,
       (select coalesce(sum(j.TRGROWS), 0) from DWJOBLOG j where j.MAPREF = l.MAPREF) as rows_written
from DWPRCLOG l group by l.MAPREF order by l.MAPREF`

const BY_STATUS = `select REQUEST_TYPE as type, STATUS as status, count(*) as amount
from DWPRCREQ group by 1, 2 order by 1, 2`

/** What the tables of the old scheduler hold at the end. */
export function summarize(database: Database): string {
  const runs = database.prepare(BY_MAPREF).all() as Record<string, string | number>[]
  const requests = database.prepare(BY_STATUS).all() as Record<string, string | number>[]
  return [
    table(['MAPREF', 'runs', 'complete', 'failed', 'running', 'rows written'], runs),
    table(['REQUEST_TYPE', 'STATUS', 'rows'], requests),
  ].join('\n\n')
}

/** Plain columns: readable in a terminal and in a log alike. */
function table(head: string[], rows: Record<string, string | number>[]): string {
  const lines = [head, ...rows.map((row) => Object.values(row).map(String))]
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column].length)))
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column]))
        .join('   ')
        .trimEnd()
    )
    .join('\n')
}
