/** A value that JSON can carry. */
export type JsonValue =
  string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue | undefined }

export type JsonObject = { [key: string]: JsonValue | undefined }

/** An instant as callers may give it: a Date, epoch milliseconds, or an ISO text with its offset. */
export type Instant = Date | number | string
