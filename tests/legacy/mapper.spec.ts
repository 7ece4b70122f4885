import { test } from '@japa/runner'
import { emptyParams } from '../../src/legacy/params.ts'
import {
  mapRequest,
  type ImmediateRequest,
  type RequestInput,
} from '../../src/legacy/request_mapper.ts'

const limits = { maxPayload: 200 }

function row(change: Partial<RequestInput> = {}): RequestInput {
  return { requestId: 'R1', mapref: 'DIM_A', type: 'IMMEDIATE', payload: null, ...change }
}

function reasonOf(change: Partial<RequestInput>): string {
  const mapped = mapRequest(row(change), limits)
  return mapped.ok ? 'accepted' : mapped.reason
}

function immediate(payload: unknown): ImmediateRequest {
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload)
  const mapped = mapRequest(row({ payload: text }), limits)
  if (!mapped.ok || mapped.request.type !== 'IMMEDIATE') {
    throw new Error(JSON.stringify(mapped))
  }
  return mapped.request
}

test.group('Request mapper | IMMEDIATE', () => {
  test('takes params in an object of their own, or by themselves', ({ assert }) => {
    const expected = { ...emptyParams(), param1: 'a', param10: 'j' }
    assert.deepEqual(immediate({ params: { param1: 'a', param10: 'j' } }).params, expected)
    assert.deepEqual(immediate({ param1: 'a', param10: 'j' }).params, expected)
    assert.deepEqual(immediate({ PARAMS: { Param1: 'a', PARAM10: 'j' } }).params, expected)
  })

  test('renders values as text: {value}')
    .with([
      { value: 'x', text: 'x' },
      { value: '', text: '' },
      { value: 7, text: '7' },
      { value: 1.5, text: '1.5' },
      { value: false, text: 'false' },
      { value: null, text: null },
      { value: { a: [1] }, text: '{"a":[1]}' },
      { value: ['ä'], text: '["ä"]' },
    ])
    .run(({ assert }, { value, text }) => {
      assert.strictEqual(immediate({ param3: value }).params.param3, text)
    })

  test('keeps further parameters for logic that reads them', ({ assert }) => {
    const request = immediate({ params: { param11: 'k', region: 'EU' } })
    assert.deepEqual(request.params, emptyParams())
    assert.deepEqual(request.requestParams, { param11: 'k', region: 'EU' })
  })

  test('takes an absent payload for no params: {$self}')
    .with(['', '  ', 'null', '{}', '{"params":null}'])
    .run(({ assert }, payload) => {
      assert.deepEqual(immediate(payload).params, emptyParams())
    })

  test('knows where a run comes from', ({ assert }) => {
    assert.deepEqual(immediate({ param1: 'x' }).cause, {
      source: 'request',
      jobschid: null,
      chain: [],
    })
    assert.deepEqual(immediate({ source: 'schedule', jobschid: 12 }).cause, {
      source: 'schedule',
      jobschid: 12,
      chain: [],
    })
    assert.deepEqual(
      immediate({ source: 'dependency', jobschid: 12, chain: ['A', 5, 'B'], params: {} }).cause,
      { source: 'dependency', jobschid: 12, chain: ['A', 'B'] }
    )
    assert.deepEqual(immediate({ source: 'schedule', jobschid: 'x', chain: 'A' }).cause, {
      source: 'schedule',
      jobschid: null,
      chain: [],
    })
  })

  test('trims MAPREF and reads the type in any letter case', ({ assert }) => {
    const mapped = mapRequest(row({ mapref: ' DIM_A ', type: 'immediate ' }), limits)
    assert.containSubset(mapped, { ok: true, request: { type: 'IMMEDIATE', mapref: 'DIM_A' } })
  })
})

test.group('Request mapper | refusals', () => {
  test('says what is wrong: {reason}')
    .with([
      { change: { type: 'LAUNCH' }, reason: /REQUEST_TYPE "LAUNCH" is unknown/ },
      { change: { type: '' }, reason: /REQUEST_TYPE "" is unknown/ },
      { change: { type: null }, reason: /REQUEST_TYPE "" is unknown/ },
      { change: { type: 'UPLOAD' }, reason: /"UPLOAD" is unknown; use IMMEDIATE, HISTORY, REPORT/ },
      { change: { type: 'REPORT' }, reason: /reportId is not given/ },
      { change: { payload: '{"params":' }, reason: /PAYLOAD is not JSON: / },
      { change: { payload: '[1]' }, reason: /PAYLOAD is an array, \[1\]; give a JSON object/ },
      { change: { payload: '"x"' }, reason: /PAYLOAD is a string, x; give a JSON object/ },
      { change: { payload: '5' }, reason: /PAYLOAD is a number, 5; give a JSON object/ },
      { change: { payload: '{"params":[1]}' }, reason: /PAYLOAD.params .* is not an object/ },
      { change: { payload: '{"params":"x"}' }, reason: /PAYLOAD.params .* is not an object/ },
      { change: { payload: '{"param1":1,"PARAM1":2}' }, reason: /gives param1 twice/ },
      { change: { payload: JSON.stringify({ param1: 'ä'.repeat(100) }) }, reason: /has 213 bytes/ },
      {
        change: { oversized: true, payloadLength: 9_999 },
        reason: /a length of 9999, more than the 200 bytes/,
      },
      { change: { mapref: ' ' }, reason: /MAPREF is empty/ },
      { change: { mapref: null }, reason: /MAPREF is empty/ },
    ] as { change: Partial<RequestInput>; reason: RegExp }[])
    .run(({ assert }, { change, reason }) => {
      assert.match(reasonOf(change), reason)
    })

  test('shortens at a code-point border', ({ assert }) => {
    const reason = reasonOf({ type: `x${'😀'.repeat(60)}` })
    assert.isTrue(reason.isWellFormed())
    assert.include(reason, `"x${'😀'.repeat(59)}…"`)
  })

  test('shortens a value of any length', ({ assert }) => {
    assert.isBelow(reasonOf({ type: 'X'.repeat(5_000) }).length, 200)
  })
})

test.group('Request mapper | controls', () => {
  test('reads STOP with its day and force', ({ assert }) => {
    const stop = (payload: unknown) =>
      mapRequest(row({ type: 'STOP', payload: JSON.stringify(payload) }), limits)
    assert.containSubset(stop({ start_timestamp: '2026-03-01T06:00:00', force: 'Y' }), {
      ok: true,
      request: { type: 'STOP', mapref: 'DIM_A', startedOn: '2026-03-01', force: true },
    })
    assert.containSubset(stop({ start_timestamp: '2026-03-01 06:00', force: 'N' }), {
      ok: true,
      request: { startedOn: '2026-03-01', force: false },
    })
    assert.containSubset(stop({ start_timestamp: '' }), { ok: true, request: { startedOn: null } })
    assert.containSubset(stop({}), { ok: true, request: { startedOn: null, force: false } })
  })

  test('refuses a day that does not exist: {$self}')
    .with(['2026-02-30', '01.03.2026', 'yesterday', '2026-13-01', 20260301])
    .run(({ assert }, value) => {
      const payload = JSON.stringify({ start_timestamp: value })
      assert.match(reasonOf({ type: 'STOP', payload }), /start_timestamp ".+" is not a date/)
    })

  test('refuses a STOP with a broken payload', ({ assert }) => {
    assert.match(reasonOf({ type: 'STOP', payload: '{' }), /PAYLOAD is not JSON/)
  })

  test('reads REFRESH_SCHEDULE whatever its payload', ({ assert }) => {
    assert.deepEqual(mapRequest(row({ type: 'REFRESH_SCHEDULE', payload: '{' }), limits), {
      ok: true,
      request: { type: 'REFRESH_SCHEDULE', requestId: 'R1' },
    })
  })
})
