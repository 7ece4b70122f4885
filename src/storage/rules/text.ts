/**
 * Lower case of the letters A to Z alone, as SQLite folds them: names are
 * compared alike in every store.
 */
export function lowerAscii(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
}
