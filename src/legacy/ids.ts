/** Longest REQUEST_ID, the column's length. */
export const REQUEST_ID_LENGTH = 64

/** The source of a legacy source's events, and the first part of its keys. */
export function legacySourceName(source: string): string {
  return `legacy:${source}`
}

/** One run at a time per MAPREF of one source. */
export function concurrencyKeyOf(source: string, mapref: string): string {
  return `${legacySourceName(source)}:${mapref}`
}

/**
 * REQUEST_ID of a scheduled run, `S:<jobschid>:<slot minute, UTC>`: the same
 * in every installation, so that the primary key lets one of them run the slot.
 *
 * @param slot epoch ms
 */
export function scheduledRequestId(jobschid: number, slot: number): string {
  const minute = new Date(slot).toISOString().slice(0, 16).replace(/\D/g, '')
  return `S:${jobschid}:${minute}`
}

/** REQUEST_ID of the run that a parent's success queues for a child. */
export function childRequestId(prcid: number, childJobschid: number): string {
  return `D:${prcid}:${childJobschid}`
}
