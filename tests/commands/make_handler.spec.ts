import { test } from '@japa/runner'
import MakeHandler from '../../commands/make_handler.ts'
import { setup } from './ace.ts'

test.group('make:handler', () => {
  test('writes a handler that is found under its name', async ({ assert, fs }) => {
    const { run } = await setup(fs)
    const made = await run(MakeHandler, ['billing/SendReminderHandler'])
    assert.equal(made.exitCode, 0)
    const source = await fs.contents('app/handlers/billing/send_reminder.ts')
    assert.include(source, 'export default class SendReminder extends Handler<Payload>')
    assert.include(source, "name: 'send_reminder'")
    assert.include(source, "from 'adonisjs-almanac'")
  })
})
