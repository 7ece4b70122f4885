import almanac from 'adonisjs-almanac/services/main'
import LeaveMark from '#handlers/leave_mark'
import TellPlace from '#handlers/tell_place'
import TellThread from '#handlers/tell_thread'

almanac.schedule({
  name: 'leave a mark',
  handler: LeaveMark,
  payload: { file: 'fired.txt' },
  trigger: { kind: 'interval', every: '1s' },
})

const once = { trigger: { kind: 'interval', every: '1s' }, maxRuns: 1 } as const
almanac.schedule({
  name: 'in a process',
  handler: TellPlace,
  payload: { file: 'process.txt' },
  ...once,
})
almanac.schedule({
  name: 'in a thread',
  handler: TellThread,
  payload: { file: 'thread.txt' },
  ...once,
})
