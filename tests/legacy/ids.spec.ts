import { test } from '@japa/runner'
import {
  childRequestId,
  concurrencyKeyOf,
  legacySourceName,
  REQUEST_ID_LENGTH,
  scheduledRequestId,
} from '../../src/legacy/ids.ts'

test.group('Legacy ids', () => {
  test('a scheduled run is named by its schedule and the minute of its slot in UTC', ({
    assert,
  }) => {
    const slot = Date.parse('2026-03-09T04:05:59.999Z')
    assert.equal(scheduledRequestId(17, slot), 'S:17:202603090405')
    assert.equal(scheduledRequestId(17, slot + 1), 'S:17:202603090406')
  })

  test('a child is named by the run of its parent', ({ assert }) => {
    assert.equal(childRequestId(900, 18), 'D:900:18')
  })

  test('the largest ids of the legacy columns fit REQUEST_ID', ({ assert }) => {
    const largest = 999_999_999_999
    assert.isAtMost(scheduledRequestId(largest, 0).length, REQUEST_ID_LENGTH)
    assert.isAtMost(childRequestId(largest, largest).length, REQUEST_ID_LENGTH)
  })

  test('keys of two sources never meet', ({ assert }) => {
    assert.equal(legacySourceName('north'), 'legacy:north')
    assert.equal(concurrencyKeyOf('north', 'A'), 'legacy:north:A')
    assert.notEqual(concurrencyKeyOf('north', 'A'), concurrencyKeyOf('south', 'A'))
  })
})
