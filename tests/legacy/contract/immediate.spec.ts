import { test } from '@japa/runner'
import { contractGroup } from './support.ts'

contractGroup('IMMEDIATE', (open) => {
  for (const wrapped of [true, false]) {
    const form = wrapped ? '{"params": {...}}' : 'the params themselves'
    test(`takes param1 to param10 from ${form} into the run and its columns`, async ({
      assert,
    }) => {
      const { world, requester } = open()
      world.ledgerFlow('LOAD_SALES')
      const names = Array.from({ length: 10 }, (_, index) => `param${index + 1}`)
      const params = Object.fromEntries(names.map((name) => [name, `value of ${name}`]))
      const id = requester.ask('IMMEDIATE', 'LOAD_SALES', wrapped ? { params } : params)
      const { STATUS } = await requester.end(world.node(), id)
      assert.equal(STATUS, 'DONE')
      const [run] = requester.runs('LOAD_SALES')
      for (const name of names) {
        assert.equal(run[name.toUpperCase()], `value of ${name}`)
      }
      assert.equal(world.ledger()[0].NOTE, 'value of param1')
    })
  }
})
