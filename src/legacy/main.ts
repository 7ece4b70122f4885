/**
 * The public entry `adonisjs-almanac/legacy`. It imports with no app booted:
 * pure functions, and the types of what `almanac.legacy` gives.
 */
export { frequencyTrigger } from './frequency_codes.ts'
export type { FrequencyOptions, FrequencyRow, LegacyDate, LegacyNumber } from './frequency_codes.ts'
export type { LegacySources } from './sources.ts'
export type { LegacyFlowContext, LegacyFlowPayload } from './engine/runners/handler_runner.ts'
export type { LegacyAdapter } from './adapter.ts'
export type { LegacyStatus } from './status.ts'
export type { Pkgdwprc, ScheduledJob } from './facade/pkgdwprc.ts'
export type { DependencyInput, SavedDependency } from './facade/dependency.ts'
export type {
  QueueSummary,
  RequestDesk,
  RequestDetails,
  RequestOwner,
  RequestQuery,
  RequestView,
} from './facade/request_desk.ts'
export type {
  HistoryInput,
  ImmediateInput,
  ReportInput,
  StopInput,
} from './facade/request_input.ts'
export type { RequestAnswer, WaitForRequest } from './facade/request_queue.ts'
export type { JobErrorInput, JobLogInput } from './facade/run_records.ts'
export type { ReportDefinition, ReportsInput } from './reports/config.ts'
export type { MadeReport, ReportDesk, ReportDownload } from './reports/desk.ts'
export type { LegacyRequestPayload } from './types/requests.ts'
export type { ScheduleBook, ScheduleView } from './facade/schedule_book.ts'
export type { ScheduleInput } from './facade/schedule_input.ts'
export type { SavedSchedule, ScheduleSwitch, SwitchedSchedule } from './facade/schedules.ts'
