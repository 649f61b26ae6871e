/**
 * Props that a handler returned frozen, as immer does: from then on all props of the component are frozen, at any
 * depth, also those that are parsed anew. Else a change in place would fail or work by how old a copy is.
 */

/** Objects that are frozen with all that is in them. */
const frozen = new WeakSet()

/** Freezes all that is in a JSON value. What was frozen so before is not looked into again. */
export function freeze(value: unknown): void {
  if (typeof value !== 'object' || value === null || frozen.has(value)) return
  Object.freeze(value)
  for (const member of Object.values(value)) freeze(member)
  frozen.add(value)
}

let seen = false

/** To be told of each object of new props. */
export function look(object: object): void {
  if (Object.isFrozen(object)) seen = true
}

/** Whether one of the objects that have been looked at since was frozen. */
export function takeSeen(): boolean {
  const was = seen
  seen = false
  return was
}
