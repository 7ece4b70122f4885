import { createHash } from 'node:crypto'

/** Longest CLAIMED_BY, the column's length. */
export const CLAIM_LENGTH = 64

/** `.` + 8 of the boot + `.` + up to 13 of the claim. */
const NODE_LENGTH = CLAIM_LENGTH - 23
const CLAIM = /^(.+)\.([0-9a-f]{8})\.([0-9a-z]{1,13})$/

/** The two halves of `<node>.<boot>`. */
export interface NodeName {
  /** As it stands in CLAIMED_BY: plain ASCII, cut to fit. */
  name: string
  boot: string
}

/** A CLAIMED_BY that this package wrote. */
export interface Claim extends NodeName {
  claim: string
}

/** Splits a node id; node names may hold dots themselves. */
export function nodeNameOf(nodeId: string): NodeName {
  const dot = nodeId.lastIndexOf('.')
  const name = dot > 0 ? nodeId.slice(0, dot) : nodeId
  const boot = dot > 0 ? nodeId.slice(dot + 1) : ''
  return {
    name: name.replace(/[^\w.-]/g, '_').slice(0, NODE_LENGTH),
    boot: /^[0-9a-f]{8}$/.test(boot) ? boot : digest(nodeId).slice(0, 8),
  }
}

/** Reads a CLAIMED_BY; null when it does not have this package's form. */
export function parseClaim(claimedBy: string): Claim | null {
  const parts = CLAIM.exec(claimedBy)
  return parts && { name: parts[1], boot: parts[2], claim: parts[3] }
}

/** The part of a CLAIMED_BY that names one boot of one node. */
export function bootPrefix(nodeId: string): string {
  const { name, boot } = nodeNameOf(nodeId)
  return `${name}.${boot}.`
}

/**
 * Makes the values for CLAIMED_BY: `<node>.<boot>.<claim>`, at most 64
 * characters, never the same twice. The boot id is new in every process, so a
 * counter is enough for the rest.
 */
export class ClaimNames {
  readonly #prefix: string
  #count = 0

  constructor(nodeId: string) {
    this.#prefix = bootPrefix(nodeId)
  }

  next(): string {
    this.#count++
    return this.#prefix + this.#count.toString(36)
  }
}

// SESSIONID ------------------------------------------------------------------

/** First number of the range that session ids of this package lie in. */
const SESSION_BASE = 7_000_000_000_000_000
const BOOT_RANGE = 2 ** 32
const NODE_RANGE = 2 ** 16

/**
 * The SESSIONID of every run of one process: 7,000,000,000,000,000 + 16 bits of
 * the node's name + 32 bits of the boot. It fits NUMBER(30), BIGINT and a
 * JavaScript number exactly, lies far above the session numbers of every
 * database, and tells an own row in progress from another scheduler's.
 */
export function sessionIdOf(nodeId: string): number {
  const { name } = nodeNameOf(nodeId)
  const boot = Number.parseInt(digest(nodeId).slice(0, 8), 16)
  return SESSION_BASE + nodeBits(name) * BOOT_RANGE + boot
}

/** Whether a SESSIONID was made by a process of this package, of whatever node. */
export function isAlmanacSession(sessionId: number | null): sessionId is number {
  return (
    sessionId !== null &&
    sessionId >= SESSION_BASE &&
    sessionId < SESSION_BASE + NODE_RANGE * BOOT_RANGE
  )
}

/** Whether a SESSIONID was made by a process of a node of this name. */
export function isSessionOf(sessionId: number | null, nodeName: string): boolean {
  return (
    isAlmanacSession(sessionId) &&
    Math.floor((sessionId - SESSION_BASE) / BOOT_RANGE) === nodeBits(nodeName)
  )
}

function nodeBits(nodeName: string): number {
  return Number.parseInt(digest(nodeName).slice(0, 4), 16) % NODE_RANGE
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
