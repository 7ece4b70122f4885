const MARKUP: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
}
const SPECIAL = /[&<>"]/g
/** What XML cannot hold, or would change (CR), and what is written like one of them. */
const FORBIDDEN =
  // eslint-disable-next-line no-control-regex
  /[\u0000-\u0008\u000B-\u001F\uFFFE\uFFFF]|_(?=x[0-9A-Fa-f]{4}_)/g
const HEX_DIGITS = 4

/** A text between tags, or in quotes. Half a surrogate pair becomes U+FFFD. */
export function xmlOf(text: string): string {
  return text.toWellFormed().replace(SPECIAL, (character) => MARKUP[character])
}

/**
 * A text of a cell: what XML cannot hold is `_xHHHH_`, as Excel itself writes
 * and reads it (ST_Xstring of ECMA-376, 22.9.2.19).
 */
export function textXml(text: string): string {
  return xmlOf(text).replace(FORBIDDEN, escaped)
}

function escaped(character: string): string {
  const code = character.charCodeAt(0).toString(16).toUpperCase()
  return `_x${code.padStart(HEX_DIGITS, '0')}_`
}
