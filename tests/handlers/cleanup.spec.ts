import { lstat, mkdir, readdir, rename, symlink, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { FileSystem } from '@japa/file-system'
import { test } from '@japa/runner'
import {
  CheckedFolder,
  openFolder,
  type OpenFolder,
} from '../../src/handlers/cleanup/open_folder.ts'
import { assertRemoved, cleanupHandler } from '../../src/handlers/cleanup/handler.ts'
import type { CleanupRule } from '../../src/handlers/cleanup/rule.ts'
import { sweep } from '../../src/handlers/cleanup/sweep.ts'
import { ManualClock } from '../../src/testing/main.ts'
import { Attempt, read } from './support.ts'

const NOW = '2026-03-10T12:00:00Z'
const DAY = 86_400_000
const clock = new ManualClock(NOW)

/** A file of `bytes`, written so many days before now. */
async function put(path: string, days: number, bytes = 10): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, Buffer.alloc(bytes))
  const at = new Date(clock.now() - days * DAY)
  await utimes(path, at, at)
}

function rule(folder: string, change: Partial<CleanupRule> = {}): CleanupRule {
  const all = { match: ['**'], olderThan: 7 * DAY, maxBytes: null }
  return { folder, ...all, dryRun: false, removeEmpty: false, ...change }
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort()
}

/** A folder to clean, and one beside it that must stay as it is. */
async function place(fs: FileSystem) {
  const [folder, outside] = [join(fs.basePath, 'reports'), join(fs.basePath, 'precious')]
  await mkdir(folder, { recursive: true })
  await put(join(outside, 'deed.pdf'), 900)
  return { folder, outside }
}

const KINDS = [
  { title: 'of this platform', open: openFolder },
  { title: 'checked step by step', open: (path: string) => CheckedFolder.open(path) },
]

for (const { title, open } of KINDS) {
  const run = (each: CleanupRule, deps: object = {}) =>
    sweep(each, { clock, openFolder: open, ...deps })

  test.group(`Cleanup | folders ${title}`, () => {
    test('removes what is older, and reports', async ({ assert, fs }) => {
      const { folder } = await place(fs)
      await put(join(folder, 'old.csv'), 8, 100)
      await put(join(folder, 'deep/er/old.txt'), 30, 20)
      await put(join(folder, 'new.csv'), 6)
      await put(join(folder, '.keep'), 400)
      const removed: string[] = []
      const onRemove = (path: string) => removed.push(path)
      const report = await run(rule(folder), { onRemove })
      assert.containSubset(report, { matched: 3, removed: 2, bytes: 120, failed: 0, skipped: 0 })
      assert.deepEqual(removed.sort(), ['deep/er/old.txt', 'old.csv'])
      assert.deepEqual(await filesIn(folder), ['.keep', 'new.csv'])
    })

    test('globs choose; a dry run only tells', async ({ assert, fs }) => {
      const { folder } = await place(fs)
      const files = ['a.csv', 'sub/b.csv', 'sub/c.txt', 'sub/.d.csv']
      await Promise.all(files.map((file) => put(join(folder, file), 20)))
      const dry = await run(rule(folder, { match: ['**/*.csv'], dryRun: true }))
      assert.containSubset(dry, { dryRun: true, removed: 2, bytes: 20 })
      assert.deepEqual(await filesIn(folder), files.toSorted())
      await run(rule(folder, { match: ['*.csv'] }))
      assert.deepEqual(await filesIn(folder), ['sub/.d.csv', 'sub/b.csv', 'sub/c.txt'])
    })

    test('beyond a total size the oldest go', async ({ assert, fs }) => {
      const { folder } = await place(fs)
      for (const day of [1, 2, 3, 4]) {
        await put(join(folder, `${day}.log`), day, 100)
      }
      const report = await run(rule(folder, { olderThan: null, maxBytes: 250 }))
      assert.containSubset(report, { removed: 2, bytes: 200 })
      assert.deepEqual(await filesIn(folder), ['1.log', '2.log'])
    })

    test('links are neither followed nor removed', async ({ assert, fs }) => {
      const { folder, outside } = await place(fs)
      await symlink(outside, join(folder, 'linked'))
      await symlink(join(outside, 'deed.pdf'), join(folder, 'deed.pdf'))
      await symlink('nowhere', join(folder, 'dangling'))
      const report = await run(rule(folder, { removeEmpty: true }))
      assert.containSubset(report, { removed: 0, skipped: 3, failed: 0 })
      assert.deepEqual(await filesIn(outside), ['deed.pdf'])
      assert.lengthOf(await filesIn(folder), 3)
    })

    test('the folder itself must not be a link; a missing one is empty', async ({ assert, fs }) => {
      const { folder, outside } = await place(fs)
      const link = join(fs.basePath, 'link')
      await symlink(outside, link)
      await assert.rejects(() => run(rule(link)), /is a link or no folder/)
      await assert.rejects(() => run(rule(join(outside, 'deed.pdf'))), /is a link or no folder/)
      const none = await run(rule(join(folder, 'none')))
      assert.containSubset(none, { examined: 0, removed: 0 })
      assert.deepEqual(await filesIn(outside), ['deed.pdf'])
    })

    test('a folder that is exchanged for a link {$self} leads nowhere')
      .with(['before it is entered', 'after it was entered', 'before a file is removed'] as const)
      .run(async ({ assert, fs }, when) => {
        const { folder, outside } = await place(fs)
        await put(join(folder, 'sub/deed.pdf'), 900)
        let swapped = false
        const act = async () => {
          swapped = true
          await rename(join(folder, 'sub'), join(fs.basePath, 'moved'))
          await symlink(outside, join(folder, 'sub'))
        }
        const opening = async (path: string) => withRival(await open(path), { when, act })
        await run(rule(folder), { openFolder: opening })
        assert.isTrue(swapped)
        assert.deepEqual(await filesIn(outside), ['deed.pdf'])
      })

    test('folders that are left empty go when they are old', async ({ assert, fs }) => {
      const { folder } = await place(fs)
      await put(join(folder, 'a/b/old.txt'), 20)
      await put(join(folder, 'fresh/old.txt'), 20)
      await put(join(folder, 'used/new.txt'), 1)
      const old = new Date(clock.now() - 10 * DAY)
      await Promise.all(['a/b', 'a', 'used'].map((name) => utimes(join(folder, name), old, old)))
      const now = new Date(clock.now())
      await utimes(join(folder, 'fresh'), now, now)
      const report = await run(rule(folder, { removeEmpty: true }))
      assert.containSubset(report, { removed: 2, removedFolders: 2 })
      assert.sameMembers(await readdir(folder), ['fresh', 'used'])
    })

    test('a file that is written again meanwhile stays', async ({ assert, fs }) => {
      const { folder } = await place(fs)
      const file = join(folder, 'sub/log.txt')
      await put(file, 20)
      const rival = { when: 'after it was entered', act: () => put(file, 0, 5) } as const
      const opening = async (path: string) => withRival(await open(path), rival)
      const report = await run(rule(folder), { openFolder: opening })
      assert.containSubset(report, { matched: 1, removed: 0, failed: 0 })
      const { size } = await lstat(file)
      assert.equal(size, 5)
    })

    test('an abort ends it', async ({ assert, fs }) => {
      const { folder } = await place(fs)
      await put(join(folder, 'a.txt'), 20)
      const signal = AbortSignal.abort('lease lost')
      const error = await run(rule(folder), { signal }).catch((reason: unknown) => reason)
      assert.equal(error, 'lease lost')
      assert.deepEqual(await filesIn(folder), ['a.txt'])
    })
  })
}

interface Rival {
  when: 'before it is entered' | 'after it was entered' | 'before a file is removed'
  act(): Promise<unknown>
}

/** Lets a rival act once, at one moment of the removal: when folders are entered again after the walk. */
function withRival(folder: OpenFolder, rival: Rival, state = { walked: false, acted: false }) {
  const at = async (when: Rival['when']) => {
    if (state.walked && !state.acted && when === rival.when) {
      state.acted = true
      await rival.act()
    }
  }
  const wrapped: OpenFolder = {
    ...bound(folder),
    stat: async (name) => {
      const stats = await folder.stat(name)
      state.walked ||= stats.isFile()
      return stats
    },
    enter: async (name) => {
      await at('before it is entered')
      const inner = await folder.enter(name)
      await at('after it was entered')
      return withRival(inner, rival, state)
    },
    removeFile: async (name) => {
      await at('before a file is removed')
      await folder.removeFile(name)
    },
  }
  return wrapped
}

/** An object of its own that does what a folder does. */
function bound(folder: OpenFolder): OpenFolder {
  return {
    stats: folder.stats,
    entries: () => folder.entries(),
    stat: (name) => folder.stat(name),
    enter: (name) => folder.enter(name),
    removeFile: (name) => folder.removeFile(name),
    removeFolder: (name) => folder.removeFolder(name),
    close: () => folder.close(),
  }
}

test.group('almanac.cleanup', () => {
  test('cleans a folder of config, by its name', async ({ assert, fs }) => {
    const { folder } = await place(fs)
    await put(join(folder, 'old.csv'), 8)
    const keys = { builtIn: { cleanup: { folders: { reports: 'reports' } } } }
    const { cleanup } = read(keys, fs.basePath)
    assert.deepEqual([...cleanup!.folders], [['reports', folder]])
    const handler = cleanupHandler({ config: cleanup!, clock })
    const dry = new Attempt(handler, { folder: 'reports', olderThan: '7d', dryRun: true })
    assert.containSubset(await dry.result, { removed: 1, dryRun: true })
    assert.deepEqual(dry.messages('info'), [
      'would remove old.csv',
      'would remove 1 files of 1, 10 bytes',
    ])
    const attempt = new Attempt(handler, { folder: 'reports', olderThan: '7d' })
    assert.containSubset(await attempt.result, { removed: 1, bytes: 10 })
    assert.deepEqual(await filesIn(folder), [])
  })

  test('what cannot be removed fails it, after the rest is done', async ({ assert, fs }) => {
    const { folder } = await place(fs)
    await put(join(folder, 'a.txt'), 20)
    await put(join(folder, 'b.txt'), 20)
    const openFolderOf = async (path: string) => {
      const act = () => Promise.reject(new Error('not permitted'))
      return withRival(await openFolder(path), { when: 'before a file is removed', act })
    }
    const report = await sweep(rule(folder), { clock, openFolder: openFolderOf })
    const [left] = await filesIn(folder)
    assert.containSubset(report, { removed: 1, failed: 1, failure: `${left}: not permitted` })
    assert.throws(
      () => assertRemoved(report),
      /^1 files or folders could not be cleaned \(1 files were/
    )
  })

  test('a folder that cannot be read fails it, after the rest is done', async ({ assert, fs }) => {
    const { folder } = await place(fs)
    await put(join(folder, 'a.txt'), 20)
    await put(join(folder, 'closed/b.txt'), 20)
    const openFolderOf = async (path: string) => {
      const root = await openFolder(path)
      const enter = () =>
        Promise.reject(Object.assign(new Error('permission denied'), { code: 'EACCES' }))
      return { ...bound(root), enter }
    }
    const report = await sweep(rule(folder), { clock, openFolder: openFolderOf })
    assert.containSubset(report, { removed: 1, failed: 1, failure: 'closed: permission denied' })
    assert.deepEqual(await filesIn(folder), ['closed/b.txt'])
    assert.throws(() => assertRemoved(report), /first: closed: permission denied$/)
  })
})
