import type { Report } from '../input/fields.ts'

const MAX_TAGS = 20
const TAG = /^[\p{L}\p{N}][\p{L}\p{N}._:/-]{0,99}$/u
const REMEDY =
  'give 1 to 100 letters, digits, ".", "_", ":", "/" or "-", beginning with a letter or digit'

/** Reads the tags of an event: sorted, each once. */
export function readTags(field: string, value: unknown, report: Report): string[] | undefined {
  if (!Array.isArray(value)) {
    report(field, value, 'give a list of tags, such as ["nightly", "finance"]')
    return undefined
  }
  const wrong = value.filter((tag, index) => !isTag(`${field}[${index}]`, tag, report))
  const tags = [...new Set(value as string[])].sort()
  if (tags.length > MAX_TAGS) {
    report(field, value, `give at most ${MAX_TAGS} tags, not ${tags.length}`)
  }
  return wrong.length > 0 || tags.length > MAX_TAGS ? undefined : tags
}

/** Reads the tag, or the list of tags, that events are looked for by. */
export function readWantedTags(value: unknown, report: Report): string[] | undefined {
  const wanted = Array.isArray(value) ? (value as unknown[]) : [value]
  if (wanted.length === 0) {
    report('tag', value, 'give a tag, or a list of at least one')
    return undefined
  }
  const named = (index: number) => (Array.isArray(value) ? `tag[${index}]` : 'tag')
  const wrong = wanted.filter((tag, index) => !isTag(named(index), tag, report))
  return wrong.length > 0 ? undefined : (wanted as string[])
}

function isTag(field: string, value: unknown, report: Report): boolean {
  const fits = typeof value === 'string' && TAG.test(value)
  if (!fits) {
    report(field, value, REMEDY)
  }
  return fits
}
