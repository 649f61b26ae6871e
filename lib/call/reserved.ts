/** Names that the client and the library use between each other, beside those of an application. */

/** A page sends this event when its address has changed. The event has no other meaning. */
export const PARAMS = 'loom.params'
/** The names of pushes to a page for `ctx.patch` and `ctx.title`. */
export const PATCH = 'loom.patch'
export const TITLE = 'loom.title'
/** The type of an event that a hook has made with `this.call`, and the name of the push that answers it. */
export const CALL = 'loom.call'
export const REPLY = 'loom.reply'
/** The name of the push for `ctx.flash` and `ctx.announce`; as in client/flash/with_flash.ts. */
export const FLASH = 'loom.flash'
