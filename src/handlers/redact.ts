/** Shorter texts occur everywhere by chance. */
const SHORTEST = 4

/** Replaces the given secrets wherever they occur in a text. */
export function redactor(secrets: Iterable<string>): (text: string) => string {
  const hidden = [...new Set(secrets)]
    .filter((secret) => secret.length >= SHORTEST)
    // A secret that contains another goes first
    .sort((one, other) => other.length - one.length)
  return (text) => hidden.reduce((rest, secret) => rest.replaceAll(secret, '[secret]'), text)
}
