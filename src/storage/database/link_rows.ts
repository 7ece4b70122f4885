import type { ParentLink } from '../../types/workflows.ts'
import { RowMapper, text } from './row_mapper.ts'
import { chunks, inList, type Row, type Work } from './work.ts'

const mapper = new RowMapper<ParentLink>('almanac_execution_parents', {
  childId: text('child_id'),
  parentId: text('parent_id'),
  parentEventId: text('parent_event_id'),
  name: text('name'),
  on: text('on_outcome'),
  endedAs: text('ended_as'),
})

/** The links of executions, by the execution that waits, in the order they were given. */
export async function linksOf(work: Work, childIds: string[]): Promise<Map<string, ParentLink[]>> {
  const links = await linksWhere(work, 'child_id', childIds)
  return Map.groupBy(links, ({ childId }) => childId)
}

/** The links that lead to these executions. */
export function linksTo(work: Work, parentIds: string[]): Promise<ParentLink[]> {
  return linksWhere(work, 'parent_id', parentIds)
}

async function linksWhere(
  work: Work,
  column: 'child_id' | 'parent_id',
  values: string[]
): Promise<ParentLink[]> {
  const links: ParentLink[] = []
  for (const chunk of chunks(values)) {
    const list = inList(chunk)
    const rows = await work.all(
      `select * from almanac_execution_parents where ${column} in ${list.sql} order by id`,
      list.bindings
    )
    links.push(...rows.map(toLink))
  }
  return links
}

export function toLink(row: Row): ParentLink {
  return mapper.toRecord(row)
}

/** Puts these links in the place of what the executions had. */
export async function replaceLinks(
  work: Work,
  given: { childId: string; links: ParentLink[] }[]
): Promise<void> {
  await deleteLinks(
    work,
    given.map(({ childId }) => childId)
  )
  await insertLinks(
    work,
    given.flatMap(({ links }) => links)
  )
}

export async function deleteLinks(work: Work, childIds: string[]): Promise<void> {
  for (const chunk of chunks(childIds)) {
    const list = inList(chunk)
    const sql = `delete from almanac_execution_parents where child_id in ${list.sql}`
    await work.run(sql, list.bindings)
  }
}

/** Inserts all links of executions that have none. */
export async function insertLinks(work: Work, links: ParentLink[]): Promise<void> {
  const places = new Map<string, number>()
  const rows = links.map((link) => {
    const place = (places.get(link.childId) ?? 0) + 1
    places.set(link.childId, place)
    // In the order of their places as texts
    return { id: `${link.childId}.${String(place).padStart(5, '0')}`, ...mapper.toRow(link) }
  })
  await mapper.writer.insertAll(work, rows)
}

/** Notes how parents have ended, where that is not noted yet. */
export async function noteEnds(work: Work, parentIds: string[], outcome: string): Promise<void> {
  for (const chunk of chunks(parentIds)) {
    const list = inList(chunk)
    await work.run(
      `update almanac_execution_parents set ended_as = ?
        where parent_id in ${list.sql} and ended_as is null`,
      [outcome, ...list.bindings]
    )
  }
}
