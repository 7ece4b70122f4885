import { setImmediate } from 'node:timers/promises'
import { Handler } from '../../../../../src/handler.ts'
import type { HandlerContext, HandlerOptions } from '../../../../../src/types/handlers.ts'

let left: (() => void) | null = null

/** Prints in every way, and leaves something behind that prints during the next attempt. */
export default class PrintingThread extends Handler<{ lines: number }> {
  static override options: HandlerOptions = { isolate: 'thread', retry: false }

  async handle({ payload, logger }: HandlerContext<{ lines: number }>) {
    left?.()
    await setImmediate()
    logger.info('begun')
    for (let line = 1; line <= payload.lines; line++) {
      console.log('line %d', line)
    }
    console.error('a warning')
    await setImmediate()
    const written = await new Promise((resolve) => {
      process.stdout.write('from a timer\n', () => resolve('written'))
    })
    const letter = Buffer.from('é')
    process.stdout.write(letter.subarray(0, 1))
    process.stdout.write(letter.subarray(1))
    process.stdout.write('2c20696e2074776f2070617274730a', 'hex')
    const next = Promise.withResolvers<void>()
    void next.promise.then(() => console.log('left behind'))
    left = next.resolve
    process.stdout.write('without an end')
    return written
  }
}
