/** Bound in the app of an isolated handler: it runs the one handler, and never starts working. */
export const ISOLATED = 'almanac.isolated'
