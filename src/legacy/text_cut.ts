/** The unit that a column counts its length in. */
export type TextUnit = 'characters' | 'bytes'

export interface TextLimit {
  length: number
  unit: TextUnit
}

/**
 * Cuts a text to a column's length at a code-point border, so that no half
 * character is left and the database takes the rest.
 */
export function cutText(text: string, limit: TextLimit | null): string {
  if (limit === null || text.length * largestUnit(limit.unit) <= limit.length) {
    return text
  }
  let used = 0
  let end = 0
  for (const character of text) {
    used += limit.unit === 'bytes' ? Buffer.byteLength(character) : 1
    if (used > limit.length) {
      return text.slice(0, end)
    }
    end += character.length
  }
  return text
}

/** Most bytes that one UTF-16 unit can take in UTF-8. */
function largestUnit(unit: TextUnit): number {
  return unit === 'bytes' ? 3 : 1
}
