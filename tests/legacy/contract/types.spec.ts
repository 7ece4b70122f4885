import { test } from '@japa/runner'
import { Failed } from '../../../src/jobs/outcome.ts'
import { ManualClock } from '../../../src/testing/manual_clock.ts'
import type { HandlerFunction } from '../../../src/types/handlers.ts'
import { Gate } from '../../helpers/legacy_world.ts'
import { contractGroup } from './support.ts'

const source = { requestTypes: { FILE_UPLOAD: 'upload' } }
const FILE = { file: 'sales.csv', rows: 3 }

contractGroup('FILE_UPLOAD, or any further type', (open) => {
  test('runs the handler that config gives it, with MAPREF, REQUEST_ID and payload', async ({
    assert,
  }) => {
    const { world, requester } = open()
    const seen: unknown[] = []
    const upload: HandlerFunction = async ({ payload }) => {
      seen.push(payload)
      return { loaded: 3 }
    }
    const id = requester.ask('file_upload', 'UPLOADS', FILE)
    const { STATUS, result } = await requester.end(world.node({ source, handlers: { upload } }), id)
    assert.equal(STATUS, 'DONE')
    assert.deepEqual(seen, [
      { type: 'FILE_UPLOAD', requestId: id, mapref: 'UPLOADS', payload: FILE },
    ])
    assert.containSubset(result, { status: 'PC', type: 'FILE_UPLOAD', result: { loaded: 3 } })
    assert.isEmpty(requester.runs('UPLOADS'))
  })

  test('its progress is in RESULT_PAYLOAD while it goes', async ({ assert }) => {
    const { world, requester } = open()
    const gate = new Gate()
    const upload: HandlerFunction = async (context) => {
      context.progress({ done: 1, total: 3, message: 'one file' })
      return gate.handle(context)
    }
    const node = world.node({ source, handlers: { upload } })
    const id = requester.ask('FILE_UPLOAD', 'UPLOADS', FILE)
    const working = node.run()
    await gate.called
    await world.clock.settle()
    const { STATUS, result } = requester.read(id)
    assert.equal(STATUS, 'CLAIMED')
    assert.containSubset(result, { status: 'IP', progress: { done: 1, message: 'one file' } })
    gate.open()
    await working
    assert.equal(requester.read(id).STATUS, 'DONE')
  })

  test('one that throws ends FAILED with its message', async ({ assert }) => {
    const { world, requester } = open()
    const upload = () => {
      throw new Failed('the file has no header')
    }
    const id = requester.ask('FILE_UPLOAD', 'UPLOADS', FILE)
    const node = world.node({ source, handlers: { upload } })
    const { STATUS, result } = await requester.end(node, id)
    assert.equal(STATUS, 'FAILED')
    assert.containSubset(result, { status: 'FL', message: 'the file has no header' })
  })

  test('STOP ends it', async ({ assert }) => {
    const { world, requester } = open()
    const gate = new Gate()
    const node = world.node({ source, handlers: { upload: gate.handle } })
    const id = requester.ask('FILE_UPLOAD', 'UPLOADS', FILE)
    const working = node.run()
    const { signal } = await gate.called
    requester.ask('STOP', 'UPLOADS', {})
    await node.sources[0].control!()
    await world.clock.advance(60_000)
    gate.fail(signal.reason)
    await working
    const { STATUS, result } = requester.read(id)
    assert.equal(STATUS, 'FAILED')
    assert.equal(result.status, 'ST')
  })

  test('without a handler it is refused by itself, and names the types there are', async ({
    assert,
  }) => {
    const { world, requester } = open()
    const id = requester.ask('FILE_UPLOAD', 'UPLOADS', FILE)
    const { STATUS, result } = await requester.end(world.node(), id)
    assert.equal(STATUS, 'FAILED')
    assert.match(String(result.message), /"FILE_UPLOAD" is unknown; .*IMMEDIATE.*requestTypes/)
  })

  test('a handler that this node does not know is named', async ({ assert }) => {
    const { world, requester } = open()
    const id = requester.ask('FILE_UPLOAD', 'UPLOADS', FILE)
    const { STATUS, result } = await requester.end(world.node({ source }), id)
    assert.equal(STATUS, 'FAILED')
    assert.match(String(result.message), /FILE_UPLOAD names the handler "upload"/)
  })

  test('one whose node died runs again only where its handler is idempotent: {idempotent}')
    .with([{ idempotent: true }, { idempotent: false }])
    .run(async ({ assert }, { idempotent }) => {
      const { world, requester } = open()
      const gate = new Gate()
      const clock = new ManualClock(world.clock.now())
      const dead = world.node({ source, clock, name: 'dead', handlers: { upload: gate.handle } })
      const id = requester.ask('FILE_UPLOAD', 'UPLOADS', FILE)
      void dead.run()
      await gate.called
      const heir = world.node({ source, name: 'heir' })
      heir.handlers.register('upload', () => ({ loaded: 1 }), { idempotent })
      await heir.adapter.recover()
      dead.leave()
      await world.rescue()
      const { STATUS, result } = await requester.end(heir, id)
      assert.equal(STATUS, idempotent ? 'DONE' : 'FAILED')
      if (!idempotent) {
        assert.match(String(result.message), /node lost; .*not declared idempotent/)
      }
    })
})
