/**
 * A handler may return frozen props, as one that uses immer does. From then on all props of the component are frozen,
 * at any depth, also copies that are parsed from JSON later. Otherwise a change in place would fail on one copy and
 * work on another.
 */

/** Its constructor gives the object that it is called with. */
const Same = function (object: object) {
  return object
} as unknown as new (object: object) => object

/**
 * The mark of objects that are frozen together with everything inside them: a private field, which nobody else sees. A
 * WeakSet of these objects takes five times as long.
 */
class Mark extends Same {
  readonly #isFrozen = true

  static isOn(object: object): boolean {
    return #isFrozen in object
  }
}

/** The marked objects that others had frozen before: the language may come to refuse them a new field. */
const marked = new WeakSet()

/** Freezes a JSON value and everything inside it. An object that this function has frozen before is skipped. */
export function freeze(value: unknown): void {
  if (typeof value !== 'object' || value === null || Mark.isOn(value) || marked.has(value)) return
  for (const member of Object.values(value)) freeze(member)
  if (Object.isExtensible(value)) new Mark(value)
  else marked.add(value)
  Object.freeze(value)
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
