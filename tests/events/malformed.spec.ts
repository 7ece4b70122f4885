import { test } from '@japa/runner'
import { HOUR, hourly, setup } from './support.ts'
import type { Problem } from '../../src/types/triggers.ts'

type App = ReturnType<typeof setup>
type Case = [what: string, call: (app: App) => Promise<unknown>, field: string, told: RegExp]

const create = (input: object) => (app: App) => app.events.create({ ...hourly, ...input })
const change = (input: object) => async (app: App) => {
  const event = await app.events.create({ ...hourly, name: 'changed', profile: 'north' })
  return app.events.update(event.id, input)
}
const run = (options: object) => async (app: App) => {
  const event = await app.events.create({ ...hourly, name: 'run' })
  return app.events.trigger(event.id, options)
}
const list = (filter: unknown) => (app: App) => app.events.list(filter as object)
const many = (selector: unknown) => (app: App) => app.events.pauseMany(selector as object)
const cursorOf = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const circle: Record<string, unknown> = {}
circle.self = circle

const CASES: Case[] = [
  [
    'a payload with a function',
    create({ payload: { f: () => 1 } }),
    'payload',
    /"f" is a function/,
  ],
  ['a payload with a bigint', create({ payload: { n: 1n } }), 'payload', /BigInt/],
  ['a payload that is a circle', create({ payload: circle }), 'payload', /circular/],
  ['a payload with NaN', create({ payload: [Number.NaN] }), 'payload', /is NaN/],
  ['a payload too large', create({ payload: 'x'.repeat(2_000) }), 'payload', /2002 bytes .*1000/],
  [
    'a payload too large over its profile',
    create({ profile: 'north', payload: { text: 'x'.repeat(960) } }),
    'payload',
    /over profile "north" it has \d+ bytes.*1000 allowed; shorten/,
  ],
  ['the same in a change', change({ payload: { t: 'x'.repeat(960) } }), 'payload', /over profile/],
  ['an unknown profile', create({ profile: 'nort' }), 'profile', /did you mean "north"\?/],
  ['a profile of another kind', create({ profile: 7 }), 'profile', /the profiles are north/],
  ['a profile named __proto__', create({ profile: '__proto__' }), 'profile', /name a payload/],
  ['meta that is a list', create({ meta: [1] }), 'meta', /give an object, such as/],
  ['meta that is a text', create({ meta: 'x' }), 'meta', /give an object/],
  ['meta too large', create({ meta: { t: 'x'.repeat(300) } }), 'meta', /308 bytes.*200/],
  ['meta with a symbol', create({ meta: { s: Symbol('s') } }), 'meta', /is a symbol/],
  ['meta in a change', change({ meta: 5 }), 'meta', /give an object/],
  ['a subject of another kind', create({ subject: 7 }), 'subject', /text of 1 to 255/],
  ['a subject that is blank', create({ subject: ' ' }), 'subject', /text of 1 to 255/],
  ['a subject too long', create({ subject: 's'.repeat(256) }), 'subject', /text of 1 to 255/],
  ['a subject with NUL', create({ subject: 'a\0b' }), 'subject', /NUL.*leave that character out/],
  ['a name with half a character', create({ name: 'a\ud83d' }), 'name', /surrogate pair; leave/],
  ['tags that are a text', create({ tags: 'nightly' }), 'tags', /give a list of tags/],
  ['a tag with a blank', create({ tags: ['ok', 'not ok'] }), 'tags[1]', /letters, digits/],
  ['a tag of another kind', create({ tags: [null] }), 'tags[0]', /1 to 100 letters/],
  ['a tag too long', create({ tags: ['t'.repeat(101)] }), 'tags[0]', /1 to 100/],
  [
    'too many tags',
    create({ tags: Array.from({ length: 21 }, (_, n) => `t${n}`) }),
    'tags',
    /at most 20 tags, not 21/,
  ],
  ['tags in a change', change({ tags: [''] }), 'tags[0]', /1 to 100/],
  ['a run with a bad payload', run({ payload: { f: () => 1 } }), 'payload', /is a function/],
  ['a run with bad meta', run({ meta: 1 }), 'meta', /give an object/],
  ['a filter that is none', list('x'), 'filter', /give an object/],
  ['an unknown part of a filter', list({ stat: 'active' }), 'stat', /the fields here are status/],
  ['an unknown status', list({ status: 'running' }), 'status', /"active" or "paused"/],
  ['one of several statuses', list({ status: ['active', 1] }), 'status[1]', /"active"/],
  ['no status at all', list({ status: [] }), 'status', /at least one/],
  ['a tag to look for', list({ tag: 'a b' }), 'tag', /letters, digits/],
  ['no tag to look for', list({ tag: [] }), 'tag', /at least one/],
  ['an instant without zone', list({ nextFrom: '2026-03-01' }), 'nextFrom', /not an instant/],
  ['an order', list({ order: 'up' }), 'order', /"asc" or "desc"/],
  ['a sort', list({ sort: 'id' }), 'sort', /"name" or "nextRunAt"/],
  ['a limit', list({ limit: 0 }), 'limit', /from 1 to 10000/],
  ['an empty text', list({ text: '' }), 'text', /at least one character/],
  ['a subject to look for', list({ subject: {} }), 'subject', /give a text/],
  ['a cursor of nobody', list({ cursor: 'abc' }), 'cursor', /`next` of the page before/],
  ['a cursor that is no text', list({ cursor: 7 }), 'cursor', /`next` of the page before/],
  [
    'a cursor with a made-up place',
    list({ cursor: cursorOf(['name', 'asc', { $ne: 1 }, 'id']) }),
    'cursor',
    /`next` of the page before/,
  ],
  [
    'a cursor of another order',
    list({ sort: 'createdAt', cursor: cursorOf(['name', 'asc', 'a', 'id']) }),
    'cursor',
    /belongs to a list sorted by name asc/,
  ],
  ['a name and a cursor', list({ after: 'a', sort: 'createdAt' }), 'after', /give a cursor/],
  ['a choice that means all', many({}), 'selector', /a change of all events is refused/],
  ['a choice of nothing', many(undefined), 'selector', /\{ tag \} or \{ source \}/],
  ['a choice by name', many({ name: 'x' }), 'name', /the field is unknown/],
  ['a choice by a bad tag', many({ tag: '%' }), 'tag', /letters, digits/],
  ['a choice by a bad source', many({ source: 5 }), 'source', /give a text/],
]

test.group('Events | malformed input', () => {
  test('{0} is refused, naming field, value and remedy')
    .with(CASES)
    .run(async ({ assert }, [, call, field, told]) => {
      const app = setup()
      const error = await call(app).then(
        () => assert.fail('it was taken'),
        (refusal: Error & { code: string; problems: Problem[] }) => refusal
      )
      assert.equal(error!.code, 'E_INVALID_INPUT')
      const [problem, ...others] = error!.problems
      assert.isEmpty(others)
      assert.equal(problem.field, field)
      assert.isString(problem.value)
      assert.match(problem.message, told)
      assert.include(error!.message, `${field} (${problem.value})`)
    })

  test('all problems of one input are told at once, and nothing is stored', async ({ assert }) => {
    const app = setup()
    const input = { ...hourly, meta: 1, subject: '', tags: [' '], profile: 'x', payload: 1n }
    const error = await app.events.create(input as never).then(null, (refusal) => refusal)
    const fields = (error.problems as Problem[]).map(({ field }) => field)
    assert.sameMembers(fields, ['meta', 'subject', 'tags[0]', 'profile', 'payload'])
    assert.isEmpty(await app.events.list())
    assert.isEmpty(await app.journal())
    assert.equal(app.clock.now() % HOUR, HOUR / 2)
  })
})
