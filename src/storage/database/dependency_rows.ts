import type { DependencyRecord } from '../../types/workflows.ts'
import { integer, RowMapper, text } from './row_mapper.ts'
import { chunks, inList, type Row, type Work } from './work.ts'

const mapper = new RowMapper<Omit<DependencyRecord, 'declared'> & { declared: number }>(
  'almanac_dependencies',
  {
    childId: text('child_id'),
    parentId: text('parent_id'),
    on: text('on_outcome'),
    declared: integer('declared'),
    createdAt: integer('created_at'),
  }
)

function toDependency(row: Row): DependencyRecord {
  const record = mapper.toRecord(row)
  return { ...record, declared: record.declared === 1 }
}

export async function allDependencies(work: Work): Promise<DependencyRecord[]> {
  const rows = await work.all('select * from almanac_dependencies order by id')
  return rows.map(toDependency)
}

/** Those that have one of these events on that side. */
export async function dependenciesOf(
  work: Work,
  side: 'child_id' | 'parent_id',
  eventIds: string[]
): Promise<DependencyRecord[]> {
  const found: DependencyRecord[] = []
  for (const chunk of chunks([...new Set(eventIds)])) {
    const list = inList(chunk)
    const rows = await work.all(
      `select * from almanac_dependencies where ${side} in ${list.sql} order by id`,
      list.bindings
    )
    found.push(...rows.map(toDependency))
  }
  return found
}

/** Stores dependencies in the place of those of the same two events. */
export async function writeDependencies(
  work: Work,
  dependencies: DependencyRecord[]
): Promise<void> {
  await deleteDependencies(work, dependencies)
  await mapper.writer.insertAll(
    work,
    dependencies.map((dependency) => ({
      id: idOf(dependency),
      ...mapper.toRow({ ...dependency, declared: dependency.declared ? 1 : 0 }),
    }))
  )
}

export async function deleteDependencies(
  work: Work,
  dependencies: Pick<DependencyRecord, 'childId' | 'parentId'>[]
): Promise<void> {
  for (const chunk of chunks(dependencies.map(idOf))) {
    const list = inList(chunk)
    await work.run(`delete from almanac_dependencies where id in ${list.sql}`, list.bindings)
  }
}

function idOf({ childId, parentId }: Pick<DependencyRecord, 'childId' | 'parentId'>): string {
  return `${childId}.${parentId}`
}
