import almanac from 'adonisjs-almanac/services/main'
import LeaveMark from '#handlers/leave_mark'

almanac.schedule({
  name: 'leave a mark',
  handler: LeaveMark,
  payload: { file: 'fired.txt' },
  trigger: { kind: 'interval', every: '1s' },
})
