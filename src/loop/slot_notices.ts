import { endedNotice, executionNotice } from '../executions/notices.ts'
import { toIso } from '../triggers/instant.ts'
import type { MissedRange } from '../storage/contract.ts'
import type { ExecutionRecord } from '../types/executions.ts'
import type { NewJournalEntry } from '../types/journal.ts'
import type { Notifier } from '../types/notifications.ts'

/** The journal row of a missed range that opens; what extends it later adds none. */
export function missedEntry(
  actor: string,
  eventId: string,
  range: MissedRange,
  exact = true
): NewJournalEntry {
  const { id, first, last, count, reason } = range
  return {
    kind: 'slots.missed',
    actor,
    subject: eventId,
    after: { executionId: id, first: toIso(first), last: toIso(last), count, reason, exact },
  }
}

/** What is announced of the slots of one event. */
export interface SlotNews {
  /** Of the event. */
  name: string
  fired: ExecutionRecord[]
  /** As stored: a range that was extended tells the whole of it. */
  missed: ExecutionRecord[]
  /** Ids of the missed ranges that are new. */
  opened: Set<string>
  /** Epoch ms of the database's clock. */
  now: number
}

export function announceSlots(notifier: Notifier, news: SlotNews): void {
  for (const execution of news.fired) {
    announceFired(notifier, execution, news)
  }
  for (const execution of news.missed) {
    announceMissed(notifier, execution, news)
  }
}

function announceFired(notifier: Notifier, execution: ExecutionRecord, news: SlotNews): void {
  const slot = execution.slot ?? news.now
  notifier.emit('slot:fired', {
    eventId: execution.eventId ?? '',
    name: news.name,
    executionId: execution.id,
    slot: toIso(slot),
    lateness: Math.max(0, news.now - slot),
    at: toIso(news.now),
  })
  notifier.emit('execution:queued', executionNotice(execution, news.now))
}

function announceMissed(notifier: Notifier, execution: ExecutionRecord, news: SlotNews): void {
  const first = execution.slot ?? news.now
  const reason = execution.reason ?? ''
  notifier.emit('slot:missed', {
    eventId: execution.eventId ?? '',
    name: news.name,
    executionId: execution.id,
    first: toIso(first),
    last: toIso(execution.slotLast ?? first),
    count: execution.slotCount,
    reason,
    at: toIso(news.now),
  })
  if (news.opened.has(execution.id)) {
    const end = { outcome: 'missed' as const, duration: null, reason, error: null }
    notifier.emit('execution:missed', endedNotice(execution, end, news.now))
  }
}
