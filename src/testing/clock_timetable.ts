import type { Clock, ClockTimer } from '../clock.ts'
import type { ChoreTimer, Timetable } from '../scheduler/chores.ts'

/** Calls chores by a clock, so that a test that moves it runs them. */
export class ClockTimetable implements Timetable {
  readonly #clock: Clock

  constructor(deps: { clock: Clock }) {
    this.#clock = deps.clock
  }

  every(interval: number, _name: string, run: () => Promise<void>): ChoreTimer {
    let stopped = false
    let timer: ClockTimer
    const arm = () => {
      timer = this.#clock.timer(interval, () => void round())
    }
    const round = async () => {
      await run()
      if (!stopped) {
        arm()
      }
    }
    arm()
    return {
      stop: async () => {
        stopped = true
        timer.cancel()
      },
    }
  }
}
