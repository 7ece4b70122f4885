/*
 * A handler that must store something before it works, and again afterwards,
 * needs its slot for the work alone. Such a handler begins without a slot and
 * takes one when it is ready; what begins and ends together is then stored
 * together, however few slots there are.
 */

/** The slot that a run takes by itself. */
export interface Place {
  /**
   * Waits for a slot. The wait ends without one when the run is aborted, or
   * when slower ones have held all slots for too long.
   */
  take(signal: AbortSignal): Promise<'taken' | 'aborted' | 'overdue'>
  /** The work is over: the slot is free. Once is enough. */
  leave(): void
}

/** A static property of handler classes that take their place themselves. */
export const TAKES_PLACE: unique symbol = Symbol('almanac.takesPlace')

const places = new WeakMap<object, Place>()

/** A run that has had its slot from its beginning. */
const TAKEN: Place = { take: async () => 'taken', leave: () => {} }

/** The place of the run that has this context. */
export function placeOf(context: object): Place {
  return places.get(context) ?? TAKEN
}

export function givePlace(context: object, place: Place): void {
  places.set(context, place)
}
