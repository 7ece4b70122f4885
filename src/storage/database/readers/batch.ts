/** Rows of a batch: enough that no round trip counts, few enough that no memory does. */
export const BATCH = 500
