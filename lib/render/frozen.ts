/**
 * A handler may return frozen props, as one that uses immer does. From then on all props of the component are frozen,
 * at any depth, also copies that are parsed from JSON later. Otherwise a change in place would fail on one copy and
 * work on another.
 */

/** Objects that are frozen together with everything inside them. */
const frozen = new WeakSet()

/** Freezes a JSON value and everything inside it. An object that this function has frozen before is skipped. */
export function freeze(value: unknown): void {
  if (typeof value !== 'object' || value === null || frozen.has(value)) return
  Object.freeze(value)
  for (const member of Object.values(value)) freeze(member)
  frozen.add(value)
}

/** Set by `noteIfFrozen` if an object is frozen, cleared by `takeSeen`. */
let seen = false

/** Called for the objects of new props. */
export function noteIfFrozen(object: object): void {
  if (Object.isFrozen(object)) seen = true
}

/** Whether `noteIfFrozen` was called with a frozen object since the last call of this function. */
export function takeSeen(): boolean {
  const was = seen
  seen = false
  return was
}
