import type { LogLevel } from '../types/handlers.ts'
import type { Logger } from '../types/logger.ts'

export interface LoggedLine {
  level: LogLevel
  message: string
  data: Record<string, unknown>
}

/** Keeps what the scheduler logs, and prints nothing. */
export class RecordingLogger implements Logger {
  readonly lines: LoggedLine[] = []

  trace(data: object, message: string): void {
    this.#keep('trace', data, message)
  }

  debug(data: object, message: string): void {
    this.#keep('debug', data, message)
  }

  info(data: object, message: string): void {
    this.#keep('info', data, message)
  }

  warn(data: object, message: string): void {
    this.#keep('warn', data, message)
  }

  error(data: object, message: string): void {
    this.#keep('error', data, message)
  }

  /** The messages of one level. */
  messages(level: LogLevel): string[] {
    return this.lines.filter((line) => line.level === level).map(({ message }) => message)
  }

  #keep(level: LogLevel, data: object, message: string): void {
    this.lines.push({ level, message, data: { ...data } })
  }
}
