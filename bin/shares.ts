import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

/** How long each spec file took, s. Only what the shares depend on stands there. */
export type Seconds = Record<string, number>

const TABLE = fileURLToPath(new URL('../tests/seconds.json', import.meta.url))
/** What a file counts that is not in the table, and the least that gets into it, s. */
const OTHERS = 1
const LEAST = 2

export async function readSeconds(): Promise<Seconds> {
  return JSON.parse(await readFile(TABLE, 'utf8')) as Seconds
}

/** Puts what was measured into the table, and leaves out files that are gone or quick. */
export async function writeSeconds(measured: Seconds): Promise<void> {
  const all = Object.entries({ ...(await readSeconds()), ...measured })
  const kept = all
    .map(([file, seconds]) => [file, Math.round(seconds)] as const)
    .filter(([file, seconds]) => seconds >= LEAST && existsSync(file))
    .sort(([a], [b]) => a.localeCompare(b))
  await writeFile(TABLE, `${JSON.stringify(Object.fromEntries(kept), null, 2)}\n`)
}

/** Divides the files so that each share takes about as long: the heaviest first, each to the lightest share. */
export function sharesOf(files: string[], seconds: Seconds, count: number): string[][] {
  const shares = Array.from({ length: count }, () => ({ files: [] as string[], weight: 0 }))
  const weightOf = (file: string) => seconds[file] ?? OTHERS
  for (const file of files.sort().sort((a, b) => weightOf(b) - weightOf(a))) {
    const lightest = shares.reduce((least, share) => (share.weight < least.weight ? share : least))
    lightest.files.push(file)
    lightest.weight += weightOf(file)
  }
  return shares.map((share) => share.files.sort())
}
