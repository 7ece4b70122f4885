import type { JsonObject } from '../../types/json.ts'
import type { ReportRequest, ReportWishes } from './request.ts'

/** Name under which reports are registered as a handler. */
export const REPORT_HANDLER = 'legacy.report'

/** Payload of a report. */
export type ReportPayload = {
  source: string
  mapref: string
  requestId: string
  /** CLAIMED_BY of the row. */
  claim: string
  reportId: string
  wishes: ReportWishes
  binds: JsonObject
}

export function reportPayload(
  source: string,
  { requestId, mapref, reportId, wishes, binds }: ReportRequest,
  claim: string
): ReportPayload {
  return { source, mapref, requestId, claim, reportId, wishes, binds }
}
