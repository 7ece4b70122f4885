/** What can be paused. A node by its name, whatever boot of it runs. */
export const CONTROL_SCOPES = ['all', 'queue', 'handler', 'node'] as const

export type ControlScope = (typeof CONTROL_SCOPES)[number]

/** At most `limit` claims within any span of `per` ms. */
export interface RateLimit {
  limit: number
  per: number
}

/** The most places that one concurrency key may have: each is looked at by its own key. */
export const MAX_PLACES = 1_000

/** How much of one handler runs; null = no bound. */
export interface HandlerLimits {
  /** Executions at once in the whole cluster. */
  cluster: number | null
  /** Executions at once on each node. */
  node: number | null
  /** Executions at once of each concurrency key. null: one at a time. */
  key: number | null
  rate: RateLimit | null
}

/** A pause, a limit, or both, as the store holds them. Instants are epoch ms (UTC). */
export interface ControlRecord {
  scope: ControlScope
  /** Of the queue, handler or node; `*` for all. */
  name: string
  pausedAt: number | null
  pausedBy: string | null
  reason: string | null
  /** Set at run time: it goes before what the code declares, field by field. */
  limits: Partial<HandlerLimits> | null
  /** What the handler's options say. */
  declared: HandlerLimits | null
  updatedAt: number
}
