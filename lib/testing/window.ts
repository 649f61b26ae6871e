/** The window of a page, with the names that are global in it. */
export type Window = globalThis.Window & typeof globalThis
