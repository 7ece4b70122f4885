/** Shorter texts occur everywhere by chance. */
const SHORTEST = 4

/**
 * Replaces the given secrets wherever they occur in a text, whole or a line of
 * them, as they are or as JSON and URLs write them.
 */
export function redactor(secrets: Iterable<string>): (text: string) => string {
  const parts = [...secrets].flatMap((secret) => [secret, ...secret.split(/\r?\n/)])
  const hidden = [...new Set(parts.filter(({ length }) => length >= SHORTEST).flatMap(formsOf))]
    // A secret that contains another goes first
    .sort((one, other) => other.length - one.length)
  return (text) => hidden.reduce((rest, secret) => rest.replaceAll(secret, '[secret]'), text)
}

function formsOf(text: string): string[] {
  const whole = text.toWellFormed()
  return [text, JSON.stringify(text).slice(1, -1), encodeURI(whole), encodeURIComponent(whole)]
}
