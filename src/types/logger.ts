/**
 * The part of a pino-like logger that the core uses; the host app's logger fits.
 */
export interface Logger {
  trace(data: object, message: string): void
  debug(data: object, message: string): void
  info(data: object, message: string): void
  warn(data: object, message: string): void
  error(data: object, message: string): void
}
