/** The code that a driver gave an error, '' for none. */
export function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : ''
}

export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : ''
}

/** No connection could be had from the pool, or the handle was closed under us. */
export function isPoolFailure(error: unknown): boolean {
  return (
    (error as Error | null)?.name === 'KnexTimeoutError' ||
    /^(Unable to acquire a connection|aborted|The database connection is not open|Cannot open database)/.test(
      textOf(error)
    )
  )
}
