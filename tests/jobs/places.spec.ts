import { test } from '@japa/runner'
import { Places } from '../../src/jobs/places.ts'
import { ManualClock } from '../../src/testing/manual_clock.ts'

const never = new AbortController().signal

function setup({ slots = 1, ahead = 10 } = {}) {
  const clock = new ManualClock()
  let freed = 0
  const places = new Places({ slots, ahead, clock, onFree: () => void freed++ })
  /** Runs that take their place, work for so long, and leave. */
  const work = async (duration: number, times = 1) => {
    for (let run = 0; run < times; run++) {
      const place = places.prepare()
      await place.take(never)
      await clock.advance(duration)
      place.leave()
    }
  }
  return { clock, places, work, freed: () => freed }
}

test.group('Places', () => {
  test('nothing gets ready ahead of a slot before quick runs were seen', ({ assert }) => {
    const { places } = setup({ slots: 2 })
    places.hold()
    assert.isTrue(places.mayBegin(true))
    places.prepare()
    assert.isFalse(places.mayBegin(true))
    assert.isFalse(places.mayBegin(false))
  })

  test('quick runs let others get ready, and only those that take their place', async ({
    assert,
  }) => {
    const { places, work } = setup()
    await work(1, 3)
    for (let run = 0; run < 4; run++) {
      assert.isTrue(places.mayBegin(true))
      places.prepare()
    }
    assert.isFalse(places.mayBegin(true))
    assert.isFalse(places.mayBegin(false))
    assert.equal(places.taken, 0)
  })

  test('no more get ready than config allows, or than the slots work off in a moment', async ({
    assert,
  }) => {
    const most = setup({ ahead: 2 })
    await most.work(1, 20)
    assert.equal(most.places.share, 1 / 3)
    const slower = setup({ ahead: 100 })
    await slower.work(10, 60)
    assert.equal(slower.places.share, 1 / 3)
    await slower.work(1_001)
    assert.equal(slower.places.share, 1)
  })

  test('those that are ready take a free slot in their order', async ({ assert }) => {
    const { places, work } = setup()
    await work(1, 3)
    const [first, second, third] = [1, 2, 3].map(() => places.prepare())
    assert.equal(await first.take(never), 'taken')
    const order: string[] = []
    const later = [
      second.take(never).then((answer) => order.push(`second ${answer}`)),
      third.take(never).then((answer) => order.push(`third ${answer}`)),
    ]
    assert.equal(places.taken, 1)
    first.leave()
    first.leave()
    await later[0]
    assert.equal(places.taken, 1)
    second.leave()
    await later[1]
    assert.deepEqual(order, ['second taken', 'third taken'])
    third.leave()
    assert.equal(places.taken, 0)
  })

  test('an abort ends the wait, and the room of the run goes to another', async ({ assert }) => {
    const { places, work, freed } = setup()
    await work(1)
    const busy = places.prepare()
    await busy.take(never)
    const waiting = places.prepare()
    assert.isFalse(places.mayBegin(true))
    const abort = new AbortController()
    const answer = waiting.take(abort.signal)
    abort.abort('shutdown')
    assert.equal(await answer, 'aborted')
    assert.equal(await waiting.take(abort.signal), 'aborted')
    const before = freed()
    waiting.leave()
    assert.equal(freed(), before + 1)
    assert.isTrue(places.mayBegin(true))
    assert.equal(places.taken, 1)
  })

  test('a slot is free for who waits only when what began beside the slots is over', async ({
    assert,
  }) => {
    const { places, work } = setup()
    await work(1, 3)
    const slot = places.prepare()
    await slot.take(never)
    const beside = places.hold()
    let taken = false
    const waiting = places.prepare()
    const answer = waiting.take(never).then(() => (taken = true))
    slot.leave()
    await Promise.resolve()
    assert.isFalse(taken)
    assert.equal(places.taken, 1)
    beside.leave()
    await answer
    assert.equal(places.taken, 1)
    waiting.leave()
    assert.equal(places.taken, 0)
  })

  test('a run that has its slot all the time stands for all of its time', async ({ assert }) => {
    const { places, work } = setup({ ahead: 2 })
    await work(1, 20)
    assert.equal(places.hold().share, 1)
    assert.equal(places.prepare().share, 1 / 3)
  })

  test('whoever waits too long is told so, and nothing gets ready ahead any more', async ({
    assert,
  }) => {
    const { clock, places, work } = setup()
    await work(1, 3)
    const busy = places.prepare()
    await busy.take(never)
    const waiting = places.prepare()
    const answer = waiting.take(never)
    await clock.advance(5_000)
    assert.equal(await answer, 'overdue')
    assert.equal(places.share, 1)
    waiting.leave()
    busy.leave()
    assert.equal(places.taken, 0)
    assert.isTrue(places.mayBegin(false))
  })
})
