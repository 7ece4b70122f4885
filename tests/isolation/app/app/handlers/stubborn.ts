import { writeFileSync } from 'node:fs'
import { Handler } from '../../../../../src/handler.ts'
import type { HandlerContext } from '../../../../../src/types/handlers.ts'

/** Hears SIGTERM and goes on. */
export default class Stubborn extends Handler<{ mark: string }> {
  static override options = {
    isolate: { in: 'process' as const, grace: 300 },
    retry: false as const,
  }

  handle({ payload, signal }: HandlerContext<{ mark: string }>) {
    process.removeAllListeners('SIGTERM')
    process.on('SIGTERM', () => writeFileSync(`${payload.mark}.term`, String(signal.reason)))
    writeFileSync(payload.mark, String(process.pid))
    return new Promise(() => setInterval(() => {}, 1_000))
  }
}
