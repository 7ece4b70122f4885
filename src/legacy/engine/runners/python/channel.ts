import { StringDecoder } from 'node:string_decoder'
import type { Duplex } from 'node:stream'
import { readMessage, type FromPython } from './messages.ts'

/** Characters of one line: counts, an error with its traceback, a position. */
const MAX_LINE = 262_144

interface Deps {
  onMessage(message: FromPython): void
  /** What came is no message of ours, or has no end. */
  onNonsense(why: string): void
}

/** The line to an interpreter: one JSON object per line, on a descriptor of its own. */
export class PythonChannel {
  readonly #pipe: Duplex
  readonly #deps: Deps
  readonly #decoder = new StringDecoder('utf8')
  #rest = ''
  #broken = false

  constructor(pipe: Duplex, deps: Deps) {
    this.#pipe = pipe
    this.#deps = deps
    pipe.on('data', (chunk: Buffer) => this.#take(chunk))
    // A process that is gone reads nothing more: its end tells all
    pipe.on('error', () => undefined)
  }

  send(message: object): void {
    if (this.#pipe.writable) {
      this.#pipe.write(`${JSON.stringify(message)}\n`)
    }
  }

  /** Whatever holds the other end open is not listened to any more. */
  close(): void {
    this.#pipe.destroy()
  }

  #take(chunk: Buffer): void {
    if (this.#broken) {
      return
    }
    const lines = (this.#rest + this.#decoder.write(chunk)).split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) {
      const message = line.length <= MAX_LINE ? readMessage(line) : null
      if (message === null) {
        return this.#break(`it sent what is no answer: ${line.slice(0, 60).toWellFormed()}`)
      }
      this.#deps.onMessage(message)
    }
    if (this.#rest.length > MAX_LINE) {
      this.#break(`it sent more than ${MAX_LINE} characters in one answer`)
    }
  }

  #break(why: string): void {
    this.#broken = true
    this.#rest = ''
    this.#deps.onNonsense(why)
  }
}
