import { test } from '@japa/runner'
import { EventRecorder, RecordingLogger } from '../../src/testing/main.ts'

const joined = (node: string) => ({ node, at: '2026-01-05T12:00:00.000Z' })

test.group('EventRecorder', () => {
  test('keeps names and data in order', ({ assert, expectTypeOf }) => {
    const recorder = new EventRecorder()
    recorder.emit('node:joined', joined('a'))
    recorder.emit('node:lost', joined('a'))
    recorder.emit('node:joined', joined('b'))
    assert.deepEqual(recorder.names(), ['node:joined', 'node:lost', 'node:joined'])
    const nodes = recorder.of('node:joined')
    expectTypeOf(nodes).toEqualTypeOf<{ node: string; at: string }[]>()
    assert.deepEqual(
      nodes.map(({ node }) => node),
      ['a', 'b']
    )
    recorder.clear()
    assert.deepEqual(recorder.events, [])
  })

  test('waitFor finds what was recorded before', async ({ assert }) => {
    const recorder = new EventRecorder()
    recorder.emit('node:joined', joined('a'))
    recorder.emit('node:joined', joined('b'))
    assert.deepEqual(await recorder.waitFor('node:joined'), joined('a'))
    const second = await recorder.waitFor('node:joined', ({ node }) => node === 'b')
    assert.deepEqual(second, joined('b'))
  })

  test('waitFor waits for what is to come, and for nothing else', async ({ assert }) => {
    const recorder = new EventRecorder()
    const waiting = recorder.waitFor('node:lost', ({ node }) => node === 'b')
    recorder.emit('node:joined', joined('b'))
    recorder.emit('node:lost', joined('a'))
    recorder.emit('node:lost', joined('b'))
    assert.deepEqual(await waiting, joined('b'))
  })
})

test.group('RecordingLogger', () => {
  test('keeps lines by level', ({ assert }) => {
    const logger = new RecordingLogger()
    for (const level of ['trace', 'debug', 'info', 'warn', 'error'] as const) {
      logger[level]({ level }, `a ${level}`)
    }
    assert.deepEqual(logger.messages('warn'), ['a warn'])
    assert.lengthOf(logger.lines, 5)
    assert.deepEqual(logger.lines[0], {
      level: 'trace',
      message: 'a trace',
      data: { level: 'trace' },
    })
  })
})
