import { test } from '@japa/runner'
import { applyMisfire } from '../../src/triggers/misfire.ts'
import type { MisfirePolicy } from '../../src/types/events.ts'

const NOW = 100_000
const policy = (name: MisfirePolicy['policy'], part: Partial<MisfirePolicy> = {}) => ({
  policy: name,
  grace: 1000,
  cap: 100,
  ...part,
})
/** Three late slots, and one exactly at the end of the grace. */
const SLOTS = [96_000, 97_000, 98_000, 99_000]
const LATE = [96_000, 97_000, 98_000]

test.group('Misfire', () => {
  test('divides {name} as it says')
    .with([
      { name: 'once', given: policy('once'), slots: SLOTS, run: [99_000] },
      { name: 'once, all late', given: policy('once'), slots: LATE, run: [98_000] },
      { name: 'skip', given: policy('skip'), slots: SLOTS, run: [99_000] },
      { name: 'skip, all late', given: policy('skip'), slots: LATE, run: [] },
      {
        name: 'skip, long grace',
        given: policy('skip', { grace: 5000 }),
        slots: SLOTS,
        run: SLOTS,
      },
      { name: 'all', given: policy('all'), slots: SLOTS, run: SLOTS },
      { name: 'all, capped', given: policy('all', { cap: 2 }), slots: LATE, run: [97_000, 98_000] },
      { name: 'all, cap of none', given: policy('all', { cap: 0 }), slots: LATE, run: [] },
      { name: 'latest', given: policy('latest'), slots: SLOTS, run: [99_000] },
      { name: 'latest, too late', given: policy('latest'), slots: LATE, run: [] },
      { name: 'one slot in time', given: policy('once'), slots: [NOW], run: [NOW] },
      { name: 'no slot', given: policy('latest'), slots: [], run: [] },
    ])
    .run(({ assert }, { given, slots, run }) => {
      const decision = applyMisfire(slots, NOW, given, false)
      assert.deepEqual(decision.run, run)
      assert.deepEqual(
        decision.missed,
        slots.filter((slot) => !run.includes(slot))
      )
    })

  test('runs nothing of a part whose newer slots follow: {name}')
    .with([
      { name: 'once', given: policy('once'), run: [] },
      { name: 'latest', given: policy('latest'), run: [] },
      { name: 'all, capped', given: policy('all', { cap: 3 }), run: [] },
      { name: 'all, with room', given: policy('all', { cap: 4 }), run: SLOTS },
      { name: 'skip', given: policy('skip'), run: [99_000] },
    ])
    .run(({ assert }, { given, run }) => {
      const decision = applyMisfire(SLOTS, NOW, given, true)
      assert.deepEqual(decision.run, run)
      assert.lengthOf(decision.missed, SLOTS.length - run.length)
    })
})
