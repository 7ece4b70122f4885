import { lowerAscii } from '../rules/text.ts'

/** A pattern of `like` for a text somewhere in a column in lower case. */
export function likePattern(text: string): string {
  return `%${lowerAscii(text).replace(/[\\%_]/g, '\\$&')}%`
}

/** A regular expression for a text, the letters A to Z in either case. */
export function eitherCase(text: string): string {
  return text.replace(/[a-z]|[\\^$.|?*+()[\]{}#-]/gi, (character) =>
    /[a-z]/i.test(character)
      ? `[${character.toLowerCase()}${character.toUpperCase()}]`
      : `\\${character}`
  )
}
