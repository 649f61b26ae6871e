/** Names that the client and the library use between each other, beside those of an application. */

/** A page sends this event when its address has changed. The event has no other meaning. */
export const PARAMS = 'loom.params'
/** What a page is pushed for `ctx.patch` and `ctx.title`. */
export const PATCH = 'loom.patch'
export const TITLE = 'loom.title'
/** The type of an event that a hook has made with `this.call`, and what its page is pushed in answer to it. */
export const CALL = 'loom.call'
export const REPLY = 'loom.reply'
/** What a page is pushed for `ctx.flash` and `ctx.announce`; as in client/flash/with_flash.ts. */
export const FLASH = 'loom.flash'
