import { once } from 'node:events'
import { appendFile } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import type { HandlerContext } from '../../../src/types/handlers.ts'

// What runs in a node, or in a process of its own that knows nothing of the node

/** Takes its time, looks at no signal, and checks its lease before it ends. */
export async function work(context: HandlerContext<{ duration?: number }>) {
  const { payload, saveCheckpoint, attempt } = context
  await setTimeout(payload?.duration ?? 0)
  await saveCheckpoint({ attempt })
}

/** Leaves a line in a file, whatever the store says of it. */
export async function punctual({ payload, execution }: HandlerContext<{ mark?: string }>) {
  if (payload?.mark) {
    await appendFile(payload.mark, `${execution.id}\n`)
  }
}

/** Ends when it is told to. */
export async function wait({ signal }: HandlerContext) {
  if (!signal.aborted) {
    await once(signal, 'abort')
  }
  signal.throwIfAborted()
}
