import { createHash } from 'node:crypto'
import type { ReportFormat } from './request.ts'

/**
 * The name of a report's file: readable, and of this request alone. Whoever
 * has the request finds the file; what else lies there is nobody's report.
 */
export function fileName(
  { source, requestId, reportId }: { source: string; requestId: string; reportId: string },
  format: ReportFormat,
  part: number | null
): string {
  const readable = reportId.replace(/[^\w-]+/g, '_').slice(0, 80) || 'report'
  const end = part === null ? '' : `_${part}`
  return `${readable}_${requestMark(source, requestId)}${end}.${format}`
}

/** Stands in the names of all files of a request. */
export function requestMark(source: string, requestId: string): string {
  return createHash('sha256').update(`${source}\n${requestId}`).digest('hex').slice(0, 16)
}
