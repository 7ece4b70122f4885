import { StringDecoder } from 'node:string_decoder'
import type { ExecutionLogger } from '../../types/handlers.ts'
import type { OutputStream } from './child.ts'

/** Characters of one line. */
const MAX_LINE = 2_000
/** Lines kept; the execution's log holds 1,000 entries. */
const MAX_LINES = 900
/** Characters of the end of each stream. */
const TAIL = 4_000

interface Deps {
  logger: ExecutionLogger
  /** Bytes kept in all. */
  maxOutput: number
  redact(text: string): string
}

/**
 * Writes a child's output into the execution's log line by line: stdout as
 * info, stderr as warnings. What goes beyond the caps is counted and not kept,
 * however much it is and whether it has lines or not.
 */
export class Output {
  readonly #deps: Deps
  readonly #lines = { stdout: new Lines(), stderr: new Lines() }
  readonly #tails = { stdout: '', stderr: '' }
  readonly bytes = { stdout: 0, stderr: 0 }
  #kept = { lines: 0, bytes: 0 }
  #left = { lines: 0, bytes: 0 }

  constructor(deps: Deps) {
    this.#deps = deps
  }

  add(stream: OutputStream, chunk: Buffer): void {
    this.bytes[stream] += chunk.length
    this.#lines[stream].add(chunk).forEach((line) => this.#keep(stream, line))
  }

  /** Writes the last lines, and how much was left out. */
  end(): void {
    for (const stream of ['stdout', 'stderr'] as const) {
      this.#lines[stream].end().forEach((line) => this.#keep(stream, line))
    }
    if (this.#left.lines > 0) {
      const { lines, bytes } = this.#left
      this.#deps.logger.warn(`${lines} further lines of output were not kept (${bytes} bytes)`)
    }
  }

  /** Whether all of it is in the log. */
  get complete(): boolean {
    return this.#left.lines === 0
  }

  /** The end of a stream, also where its lines were not kept. */
  tail(stream: OutputStream): string {
    return this.#tails[stream].trimEnd()
  }

  #keep(stream: OutputStream, raw: string): void {
    const whole = this.#deps.redact(raw)
    const line = whole.length > MAX_LINE ? `${whole.slice(0, MAX_LINE).toWellFormed()}…` : whole
    const bytes = Buffer.byteLength(line)
    this.#tails[stream] = `${this.#tails[stream]}${line}\n`.slice(-TAIL).toWellFormed()
    const { maxOutput, logger } = this.#deps
    if (this.#kept.lines >= MAX_LINES || this.#kept.bytes + bytes > maxOutput) {
      this.#left = { lines: this.#left.lines + 1, bytes: this.#left.bytes + bytes }
      return
    }
    this.#kept = { lines: this.#kept.lines + 1, bytes: this.#kept.bytes + bytes }
    logger[stream === 'stdout' ? 'info' : 'warn'](line)
  }
}

/** Cuts bytes into lines; one without an end is cut where it grows too long. */
class Lines {
  readonly #decoder = new StringDecoder('utf8')
  #rest = ''

  add(chunk: Buffer): string[] {
    const parts = (this.#rest + this.#decoder.write(chunk)).split('\n')
    this.#rest = parts.pop() ?? ''
    if (this.#rest.length > MAX_LINE * 4) {
      parts.push(this.#rest)
      this.#rest = ''
    }
    return parts.map(withoutReturn)
  }

  end(): string[] {
    const last = this.#rest + this.#decoder.end()
    this.#rest = ''
    return last === '' ? [] : [withoutReturn(last)]
  }
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line
}
