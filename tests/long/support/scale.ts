/**
 * How much of the full size the long tests take on: 1 is what the README's
 * figures speak of, CI runs a tenth.
 */
const scale = Number(process.env.ALMANAC_LONG_SCALE || 1)
if (!(scale > 0 && scale <= 1)) {
  throw new Error(`ALMANAC_LONG_SCALE is "${scale}"; give a number above 0, at most 1`)
}

/** A count at the scale of this run, at least `least`. */
export function scaled(full: number, least = 1): number {
  return Math.max(least, Math.round(full * scale))
}

/** Prints figures below the name of their test. */
export function printFigures(title: string, figures: Record<string, unknown>): void {
  console.log(`    ${title}`)
  for (const [name, value] of Object.entries(figures)) {
    console.log(`      ${name}: ${typeof value === 'object' ? JSON.stringify(value) : value}`)
  }
}
