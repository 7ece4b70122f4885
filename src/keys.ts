import { hash } from 'node:crypto'
import { E_EMPTY_KEY } from './errors.ts'

/** The unique key of a slot: `<event id>:<slot ms>`. */
export function slotKey(eventId: string, slot: number): string {
  return `${eventId}:${slot}`
}

/**
 * SHA-256 hex of a key: any text fits an ASCII column of 64 characters and
 * compares alike under every collation.
 *
 * @throws E_EMPTY_KEY
 */
export function hashKey(text: string, field = 'key'): string {
  checkKey(text, field)
  return hash('sha256', text, 'hex')
}

/** @throws E_EMPTY_KEY */
export function checkKey(text: string, field = 'key'): void {
  if (text === '') {
    throw new E_EMPTY_KEY([field])
  }
}
