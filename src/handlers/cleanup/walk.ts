import type { BigIntStats } from 'node:fs'
import { matches, type CleanupRule, type FoundFile } from './rule.ts'
import type { OpenFolder } from './open_folder.ts'

/** Folders deeper than that are left alone: each level holds a descriptor. */
const MAX_DEPTH = 64

/** A folder inside the rule's folder. */
export interface FoundFolder {
  parts: string[]
  /** Epoch ms. */
  writtenAt: number
}

export interface Found {
  files: FoundFile[]
  /** Parents before their children. */
  folders: FoundFolder[]
  /** Entries that were looked at. */
  examined: number
  /** Links, folders of other file systems, what is no file, and what is too deep. */
  skipped: number
  /** Folders that cannot be read, each with why. */
  closed: string[]
}

/** Everything in a folder that a rule speaks of. Links and other file systems are not entered. */
export async function walk(
  root: OpenFolder,
  rule: CleanupRule,
  signal: AbortSignal | undefined
): Promise<Found> {
  const found: Found = { files: [], folders: [], examined: 0, skipped: 0, closed: [] }
  await visit(root, [], { rule, signal, found })
  return found
}

interface Walk {
  rule: CleanupRule
  signal: AbortSignal | undefined
  found: Found
}

async function visit(folder: OpenFolder, parts: string[], walking: Walk): Promise<void> {
  for (const { name } of await folder.entries()) {
    walking.signal?.throwIfAborted()
    walking.found.examined++
    const stats = await unlessGone(folder.stat(name))
    if (stats?.isDirectory()) {
      await visitReadable(folder, [...parts, name], walking)
    } else if (stats?.isFile()) {
      noteFile(parts, name, stats, walking)
    } else if (stats) {
      walking.found.skipped++
    }
  }
}

/** One folder that is closed to this process does not keep the others from being cleaned. */
async function visitReadable(outer: OpenFolder, parts: string[], walking: Walk): Promise<void> {
  try {
    await visitInner(outer, parts, walking)
  } catch (error) {
    if (!CLOSED.includes((error as NodeJS.ErrnoException).code ?? '')) {
      throw error
    }
    walking.found.closed.push(`${parts.join('/')}: ${(error as Error).message}`)
  }
}

async function visitInner(outer: OpenFolder, parts: string[], walking: Walk): Promise<void> {
  const inner = parts.length > MAX_DEPTH ? null : await unlessGone(outer.enter(parts.at(-1)!))
  if (inner === null) {
    walking.found.skipped++
    return
  }
  try {
    if (inner.stats.dev !== outer.stats.dev) {
      walking.found.skipped++
      return
    }
    walking.found.folders.push({ parts, writtenAt: Number(inner.stats.mtimeMs) })
    await visit(inner, parts, walking)
  } finally {
    await inner.close()
  }
}

function noteFile(folder: string[], name: string, stats: BigIntStats, walking: Walk): void {
  if (matches(walking.rule, [...folder, name].join('/'))) {
    walking.found.files.push({
      folder,
      name,
      bytes: Number(stats.size),
      writtenAt: Number(stats.mtimeMs),
      id: identityOf(stats),
    })
  }
}

/** What tells a file from one that took its place. */
export function identityOf({ dev, ino, size, mtimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs].join(':')
}

const CLOSED = ['EACCES', 'EPERM']
const GONE = ['ENOENT', 'ENOTDIR', 'ELOOP']

/** Null where something vanished, or was exchanged for a link, since it was listed. */
export async function unlessGone<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work
  } catch (error) {
    if (GONE.includes((error as NodeJS.ErrnoException).code ?? '')) {
      return null
    }
    throw error
  }
}
