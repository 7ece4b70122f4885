/**
 * A trigger in the form that computes: parsed once, asked often.
 */
export interface CompiledTrigger {
  /**
   * The first slot strictly after an instant, or null when none follows.
   * Both in epoch ms.
   */
  next(after: number): number | null
}

/** Has no slot at all. */
export const NEVER: CompiledTrigger = { next: () => null }
