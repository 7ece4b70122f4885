import type { JsonObject } from '../../types/json.ts'

/** Name under which requests of further types are registered as a handler. */
export const REQUEST_HANDLER = 'legacy.request'

/** Payload of a request whose type config gives a handler to. */
export type TypedPayload = {
  source: string
  mapref: string
  requestId: string
  /** CLAIMED_BY of the row. */
  claim: string
  /** REQUEST_TYPE, upper case. */
  type: string
  payload: JsonObject
}
