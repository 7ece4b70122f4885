import type { Duplex } from 'node:stream'
import type { Clock, ClockTimer } from '../../../../clock.ts'
import type { RunnerInput } from '../runner.ts'
import { PythonChannel } from './channel.ts'
import type { Answer, Call, FromPython, PythonJob } from './messages.ts'

/** How long an interpreter that has answered may take to end, ms. */
const TERMINATION = 5_000

interface Deps {
  clock: Clock
  /** ms until the interpreter must have begun. */
  startTimeout: number
  job: PythonJob
  checkpoint: RunnerInput['checkpoint']
}

/** What is said between a run and its interpreter. */
export class PythonTalk {
  readonly #deps: Deps
  readonly #over = new AbortController()
  #channel: PythonChannel | null = null
  #timer: ClockTimer | null = null
  #answer: Answer | null = null
  #problem: string | null = null

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** Aborts when the process is to end: it has answered and stays, or went wrong. */
  get over(): AbortSignal {
    return this.#over.signal
  }

  /** How the job ended; null when it has not said so. */
  get answer(): Answer | null {
    return this.#answer
  }

  /** Why the process was ended, null when it was not. */
  get problem(): string | null {
    return this.#problem
  }

  begin(pipe: Duplex): void {
    const { clock, startTimeout, job } = this.#deps
    this.#channel = new PythonChannel(pipe, {
      onMessage: (message) => this.#take(message),
      onNonsense: (why) => this.#fail(why),
    })
    this.#timer = clock.timer(startTimeout, () =>
      this.#fail(`the interpreter did not begin within ${startTimeout} ms`)
    )
    this.#channel.send(job)
  }

  close(): void {
    this.#timer?.cancel()
    this.#channel?.close()
  }

  #take(message: FromPython): void {
    if (this.#answer || this.#problem) {
      return
    }
    if (message.type === 'ready') {
      this.#timer?.cancel()
    } else if (message.type === 'call') {
      void this.#reply(message)
    } else {
      this.#answer = message
      this.#timer = this.#deps.clock.timer(TERMINATION, () => this.#over.abort('ended'))
    }
  }

  async #reply(call: Call): Promise<void> {
    try {
      this.#channel?.send({ value: await this.#perform(call) })
    } catch (error) {
      this.#channel?.send({ error: (error as Error).message })
    }
  }

  async #perform({ verb, value }: Call): Promise<unknown> {
    const { checkpoint } = this.#deps
    switch (verb) {
      case 'load':
        return checkpoint.load()
      case 'save':
        await checkpoint.save(value)
        return null
      case 'complete':
        await checkpoint.complete()
        return null
    }
  }

  #fail(problem: string): void {
    this.#problem ??= problem
    this.#over.abort('ended')
  }
}
