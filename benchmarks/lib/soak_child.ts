import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const SCRIPT = fileURLToPath(new URL('../soak.ts', import.meta.url))

/**
 * Runs the soak in a process of its own, which prints what it finds.
 *
 * @throws Error when it did not come to an end
 */
export async function soak(minutes: number): Promise<object> {
  const folder = await mkdtemp(join(tmpdir(), 'almanac-soak-'))
  const out = join(folder, 'soak.json')
  const args = ['--import=@poppinss/ts-exec', SCRIPT, `--minutes=${minutes}`, `--out=${out}`]
  try {
    const child = spawn(process.execPath, args, { stdio: 'inherit' })
    await once(child, 'close')
    return { comparison: 'soak', ...(JSON.parse(await readFile(out, 'utf8')) as object) }
  } finally {
    await rm(folder, { recursive: true })
  }
}
