import { setTimeout } from 'node:timers/promises'
import type { HandlerContext } from '../../../src/types/handlers.ts'

/** Takes its time, looks at no signal, and checks its lease before it ends. */
export async function work(context: HandlerContext<{ duration?: number }>) {
  const { payload, saveCheckpoint, attempt } = context
  await setTimeout(payload?.duration ?? 0)
  await saveCheckpoint({ attempt })
}
