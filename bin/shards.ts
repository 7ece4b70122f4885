import { spawn } from 'node:child_process'
import { glob, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { readSeconds, sharesOf, type Seconds } from './shares.ts'
import { noteSeconds } from './test_report.ts'

/** `<number>/<of how many>`: the share of the specs that this process runs. */
const SHARD = 'ALMANAC_TEST_SHARD'
const SCRIPT = fileURLToPath(new URL('test.ts', import.meta.url))

/**
 * How many processes run the specs: most of their time they wait for
 * databases. The long ones, which measure, share the machine only in part.
 */
export function shardCount(args: string[]): number {
  const inPart = Number(process.env.ALMANAC_LONG_SCALE ?? 1) < 1
  const whole = args.length === 0 || (args.join() === 'long' && inPart)
  return whole && process.env[SHARD] === undefined ? Math.min(2, availableParallelism()) : 1
}

/** The patterns, or in a process that has a share of the specs its files. */
export function specsOf(patterns: string[]): string[] | (() => Promise<URL[]>) {
  const [number, of] = (process.env[SHARD] ?? '').split('/').map(Number)
  return of === undefined ? patterns : () => share(patterns, number, of)
}

async function share(patterns: string[], number: number, of: number): Promise<URL[]> {
  const files = await Array.fromAsync(glob(patterns))
  const shares = sharesOf(files, await readSeconds(), of)
  return shares[number].map((file) => pathToFileURL(file))
}

/** Runs the specs in several processes and adds up what they say. */
export async function runShards(args: string[], count: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'almanac-shards-'))
  const shards = Array.from({ length: count }, (_, number) => {
    const files = { totals: join(folder, `totals${number}`), seconds: join(folder, `s${number}`) }
    return { ...files, done: runShard(args, `${number}/${count}`, files, number > 0) }
  })
  let [passed, failed] = [0, 0]
  const measured: Seconds = {}
  const took: string[] = []
  for (const { totals, seconds, done } of shards) {
    const { code, output, ms } = await done
    process.stdout.write(output)
    took.push(`${Math.round(ms / 1_000)} s`)
    const written = await readFile(totals, 'utf8').catch(() => '0 1')
    const [ok, bad] = written.split(' ').map(Number)
    passed += ok
    failed += code === 0 ? bad : Math.max(1, bad)
    Object.assign(measured, JSON.parse(await readFile(seconds, 'utf8').catch(() => '{}')))
  }
  await rm(folder, { recursive: true, force: true })
  console.log(`\nIn ${count} processes (${took.join(', ')}): ${passed} passed, ${failed} failed`)
  await noteSeconds(measured)
  if (failed > 0) {
    process.exitCode = 1
  }
  if (process.env.ALMANAC_TEST_TOTALS) {
    await writeFile(process.env.ALMANAC_TEST_TOTALS, `${passed} ${failed}\n`)
  }
}

/** @param later whether its output is to wait for that of the others */
async function runShard(
  args: string[],
  shard: string,
  { totals, seconds }: { totals: string; seconds: string },
  later: boolean
): Promise<{ code: number; output: Buffer; ms: number }> {
  const began = performance.now()
  const child = spawn(process.execPath, [...process.execArgv, SCRIPT, ...args], {
    env: {
      ...process.env,
      [SHARD]: shard,
      ALMANAC_TEST_TOTALS: totals,
      ALMANAC_TEST_SECONDS: seconds,
    },
    stdio: ['ignore', later ? 'pipe' : 'inherit', later ? 'pipe' : 'inherit'],
  })
  const chunks: Buffer[] = []
  child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk))
  child.stderr?.on('data', (chunk: Buffer) => chunks.push(chunk))
  const code = await new Promise<number>((resolve) =>
    child.once('close', (status) => resolve(status ?? 1))
  )
  return { code, output: Buffer.concat(chunks), ms: performance.now() - began }
}
