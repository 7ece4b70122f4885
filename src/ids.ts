import { v7 } from 'uuid'

/**
 * A new id: UUID version 7, so that ids of one process sort in the order they
 * were made and indexes grow at their end.
 */
export function newId(): string {
  return v7()
}
