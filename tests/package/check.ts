/**
 * Packs the package, installs the tarball into a small AdonisJS app beside the other
 * schedulers and queues of the ecosystem, and lives in it as a user would.
 *
 *   npm run build && npm run test:package [-- --keep]
 */
import assert from 'node:assert/strict'
import { cp, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Checks, collect, exists, freePort, run, said, start, waitForFile } from './support.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const manifest = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'))
const folder = await mkdtemp(join(tmpdir(), 'almanac-package-'))
const app = join(folder, 'app')
const ace = (...args: string[]) => run(app, 'node', ['ace.js', ...args])
const read = (path: string) => readFile(join(app, path), 'utf8')

/** Taken in the versions that the package itself is developed with. */
const SHARED = [
  '@adonisjs/assembler',
  '@adonisjs/core',
  '@adonisjs/lucid',
  '@adonisjs/queue',
  '@adonisjs/tsconfig',
  '@poppinss/ts-exec',
  '@types/luxon',
  '@types/node',
  '@vinejs/vine',
  'better-sqlite3',
  'reflect-metadata',
  'typescript',
]

async function pack() {
  await run(ROOT, 'npm', ['pack', '--pack-destination', folder])
  const packed = await readdir(folder)
  const { stdout } = await run(folder, 'tar', ['tzf', packed[0]])
  const files = stdout.trim().split('\n')
  const strays = files.filter((name) => /\/(tests|examples|benchmarks|tools|bin)\//.test(name))
  assert.deepEqual(strays, [], 'the tarball holds what no user needs')
  const needed = [
    'LICENSE',
    'build/commands/commands.json',
    'build/src/index.d.ts',
    'build/src/legacy/engine/runners/python/bootstrap.py',
  ]
  for (const name of needed) {
    assert.ok(files.includes(`package/${name}`), `${name} is missing in the tarball`)
  }
  return packed[0]
}

async function install(tarball: string) {
  await cp(join(ROOT, 'tests/package/app'), app, { recursive: true })
  const own = JSON.parse(await read('package.json'))
  own.dependencies = {
    ...Object.fromEntries(SHARED.map((name) => [name, manifest.devDependencies[name]])),
    'adonisjs-almanac': `file:../${tarball}`,
    'adonisjs-scheduler': '2.8.0',
  }
  await writeFile(join(app, 'package.json'), JSON.stringify(own, null, 2))
  await cp(join(ROOT, '.npmrc'), join(app, '.npmrc'))
  await run(app, 'npm', ['install'])
}

/** Every command of every package by name and alias; ace itself lets the last one win in silence. */
async function commandNames() {
  const owners = new Map<string, string[]>()
  const rc = await read('adonisrc.ts')
  for (const [, specifier] of rc.matchAll(/import\('([^'#.][^']*\/commands)'\)/g)) {
    const script = `const m = await import('${specifier}')
      console.log(JSON.stringify(await m.getMetaData()))`
    const { stdout } = await run(app, 'node', ['--input-type=module', '-e', script])
    for (const { commandName, aliases } of JSON.parse(stdout)) {
      for (const name of [commandName, ...aliases]) {
        owners.set(name, [...(owners.get(name) ?? []), specifier])
      }
    }
  }
  return owners
}

/** Without skipLibCheck a declaration of ours that does not resolve would just be `any`. */
async function typecheck() {
  await cp(join(ROOT, 'tests/package/usage'), app, { recursive: true })
  const args = ['--no-install', 'tsc', '--pretty', 'false', '--skipLibCheck', 'false']
  const { stdout } = await collect(start(app, 'npx', args))
  // adonis-kit writes commands/main.d.ts, for every package the same and with a fault
  const ours = /^(?!\s|node_modules\/(?!adonisjs-almanac\/(?!build\/commands\/main\.d)))/
  assert.deepEqual(
    stdout.split('\n').filter((line) => line && ours.test(line)),
    []
  )
}

/** @returns the id of the worker's process */
async function work(...markers: string[]) {
  await Promise.all(markers.map((marker) => rm(join(app, marker), { force: true })))
  const worker = start(app, 'node', ['ace.js', 'almanac:work'])
  const ended = collect(worker)
  try {
    for (const marker of markers) {
      await waitForFile(join(app, marker), worker, 30_000)
    }
  } catch (error) {
    worker.kill('SIGKILL')
    const { stdout, stderr } = await ended
    throw new Error(`${stdout}\n${stderr}`.slice(-4_000), { cause: error })
  }
  worker.kill('SIGTERM')
  const { code, stderr } = await ended
  assert.equal(code, 0, `almanac:work did not stop cleanly on SIGTERM\n${stderr}`)
  return worker.pid!
}

async function isolate() {
  const worker = await work('process.txt', 'thread.txt')
  const [inProcess, inThread] = await Promise.all(['process.txt', 'thread.txt'].map(read))
  const [pid, main] = inProcess.split(' ').map(Number)
  assert.ok(pid !== worker && main === 0, 'the isolated handler has no process of its own')
  const [same, thread] = inThread.split(' ').map(Number)
  assert.ok(same === worker && thread > 0, 'the isolated handler has no thread of its own')
}

async function serve() {
  const port = String(await freePort())
  const args = ['--import=@poppinss/ts-exec', 'bin/server.ts']
  const server = start(app, 'node', args, { PORT: port })
  const ended = collect(server)
  await said(server, /started HTTP server/, 30_000)
  const response = await fetch(`http://127.0.0.1:${port}/`)
  assert.equal(await response.text(), 'up')
  server.kill('SIGTERM')
  const { code, stderr } = await ended
  assert.equal(code, 0, `the web process did not stop cleanly on SIGTERM\n${stderr}`)
}

const checks = new Checks()
let tarball = ''

await checks.check('the tarball holds the build and nothing else', async () => {
  tarball = await pack()
})
await checks.check('it installs beside @adonisjs/queue and adonisjs-scheduler', () =>
  install(tarball)
)
await checks.check('the app boots before it is configured', async () => {
  const { stdout } = await ace('list', '--json')
  assert.ok(!stdout.includes('almanac:'))
})
await checks.check('every entry point that needs no app imports without one', async () => {
  const entries = Object.keys(manifest.exports)
    .filter((entry) => entry !== './package.json' && !entry.startsWith('./services/'))
    .map((entry) => `await import('adonisjs-almanac${entry.slice(1)}')`)
  await run(app, 'node', ['--input-type=module', '-e', entries.join('\n')])
})
await checks.check('ace configure adonisjs-almanac writes its files', async () => {
  await ace('configure', 'adonisjs-almanac')
  for (const path of ['config/almanac.ts', 'start/almanac.ts']) {
    assert.ok(await exists(join(app, path)), `${path} was not written`)
  }
  const rc = await read('adonisrc.ts')
  for (const part of ['adonisjs-almanac/scheduler_provider', 'adonisjs-almanac/commands']) {
    assert.ok(rc.includes(part), `adonisrc.ts does not name ${part}`)
  }
})
await checks.check('ace configure @adonisjs/queue and adonisjs-scheduler', async () => {
  await run(app, 'node', ['--import=@poppinss/ts-exec', 'bin/configure_queue.ts'])
  await ace('configure', 'adonisjs-scheduler')
  assert.ok(await exists(join(app, 'config/queue.ts')))
})
await checks.check('no two commands share a name or an alias', async () => {
  const owners = await commandNames()
  assert.ok(owners.has('almanac:work') && owners.has('queue:work') && owners.has('scheduler:run'))
  const shared = [...owners].filter(([, packages]) => packages.length > 1)
  assert.deepEqual(shared, [])
  const { stdout } = await ace('list', '--json')
  assert.ok(stdout.includes('"almanac:work"'))
})
await checks.check('ace make:handler writes a handler', async () => {
  await ace('make:handler', 'send_report')
  assert.ok(await exists(join(app, 'app/handlers/send_report.ts')))
})
await checks.check('ace migration:run makes the tables', async () => {
  await ace('migration:run', '--force')
})
await checks.check('an app that uses the package typechecks, and so do its declarations', typecheck)
await checks.check('handlers run isolated, in a process and in a thread', isolate)
await checks.check('almanac:work fires an event and stops on SIGTERM', async () => {
  await work('fired.txt')
})
await checks.check('the web process serves and stops on SIGTERM', serve)

await checks.finish()
if (process.argv.includes('--keep')) {
  console.log(`Kept: ${folder}`)
} else {
  await rm(folder, { recursive: true, force: true })
}
