// Made by scripts/edge.mjs from src/node/. Not to be edited.

/**
 * An upgrade request as Node parsed it. Reading a member costs JavaScript's thread more than parsing
 * it costs another, so that what the copy has is read out of that.
 */
export interface NativeUpgrade {
  method: string
  httpMinor: number
  originAllowed: boolean
  /** The compact copy for `ctx.request`, as JSON. */
  request: string
  bind: string
}

/** Compiles a template literal's statics. */
export function compileTemplate(source: Array<string>): NativeTemplate

/** One application. */
export class NativeLoom {
  constructor(options: NativeOptions, wake: () => void, givenUp: Buffer)
  /**
   * Gives everything back: keys, the store, the hook at the environment's end. After `close` has been
   * settled; only `exchange` and `stats` may be called then.
   */
  release(): void
  /** Looks from now on whether the process has descriptors left for new connections. */
  watchDescriptors(): void
  /** Adds a module's name and gives its number. */
  register(name: string, raw: boolean, version: number, private: Array<string>, authorizes: boolean): number
  /**
   * Gives numbers from `first` on to types of events, and then to the handlers of a module; calls
   * name them so. Without handlers the module takes any name; if `strict`, JavaScript is not asked
   * about any other.
   */
  numberNames(first: number, types: Array<string>, module: number, handlers: Array<string> | undefined | null, strict: boolean): void
  /** The calls that were given up since this was asked last, or jobs were taken. */
  givenUp(): Array<number>
  /**
   * Takes the results of what was done, and gives what is to be done next, or nothing: how many
   * calls there are as numbers, and these, in `calls`; the other jobs as a JSON array, or an empty
   * text.
   */
  exchange(ops: Uint32Array, used: number, text: Uint8Array, bytes: number, calls: Buffer): string | null
  /**
   * Whose page a call in flight is for: the upgrade request as JSON, what `bind` gave for it, and the
   * page's URL; an empty list if it is for no page, nothing if the call is over.
   */
  caller(call: number): Array<string> | null
  /** The HTML of one rendered tree. */
  toHtml(ops: Uint32Array, used: number, text: Uint8Array, bytes: number): string
  /** A token that lets a page join. */
  seal(module: string, propsJson: string, bind: string, page: string): string
  /**
   * Counts an upgrade, by a number of `lib/`'s, until it has been settled; false if there are too
   * many, in all or of its address.
   */
  pend(number: number, address: string): boolean
  /** An upgrade has passed, or is over. */
  settle(number: number): void
  /**
   * Takes over a socket by its descriptor. The caller then destroys its own. False if there is no
   * descriptor left for it: then it can be relayed.
   */
  acceptDescriptor(descriptor: number, head: Uint8Array, upgrade: NativeUpgrade): boolean
  /** Takes over a socket whose bytes `lib/` carries. */
  acceptRelay(number: number, head: Uint8Array, upgrade: NativeUpgrade): void
  /** Bytes that a relayed socket read; false asks to stop reading. */
  relayPush(number: number, bytes: Uint8Array): boolean
  /** A relayed socket's other end has sent its last byte. */
  relayEnd(number: number): void
  /** What a relayed socket is to write. */
  relayPull(number: number): NativeOutput | null
  /** A relayed socket has written so many bytes. */
  relayWritten(number: number, count: number): void
  /** A relayed socket is gone. */
  relayDestroy(number: number): void
  /** Starts a live socket; settles `number` when it has rendered, and replies to it. */
  start(number: number, id: string, module: string, propsJson: string): void
  /** Hands an event to a live socket. */
  send(number: number, handler: string, event: string, value?: string | undefined | null, checked?: boolean | undefined | null, key?: string | undefined | null): void
  /** Settles `request` with the live socket's state. */
  state(number: number, request: number): void
  /** Stops a live socket. */
  stop(number: number): void
  stats(): NativeStats
  /** Who is connected, and who may come back. */
  connections(): Array<NativeConnection>
  /** Closes connections and ends what is parked, by their numbers; gives how many there were. */
  disconnect(numbers: Array<number>): number
  /** The same for those of a user, of an address, or of both; gives how many there were. */
  disconnectMatching(bind?: string | undefined | null, address?: string | undefined | null): number
  /**
   * Drains for at most `timeout` milliseconds, then stops what is left; settles `request` when
   * the last actor and connection are gone.
   */
  close(timeout: number, request: number): void
}

/** The numbers and names that both sides of the edge use, as JSON: see [`crate::codec`]. */
export function codec(): string

/** The table of limits, as JSON. */
export function limits(): string

/** What cannot stand in its container. */
export interface NativeMisplaced {
  /** The element, or "text". */
  what: string
  /** A container in which it could stand. */
  container?: string | undefined
}

/** What of a component's HTML a browser would not leave in this container, and a container that would have it. */
export function misplaced(container: string, html: string): NativeMisplaced | null

/** Where a value stands, for an error message. */
export function describeValue(template: number, value: number): string

export interface NativeConnection {
  number: number
  bind: string
  address: string
  /** As in `NativeUpgrade`. */
  request: string
}

export interface NativeOptions {
  secrets: Array<string>
  development: boolean
  /** Those that the application gives, by their names; times in milliseconds. */
  limits: Record<string, number>
  /** The file of a store. */
  sqlite?: string | undefined
}

export interface NativeOutput {
  bytes: Buffer
  ended: boolean
  gone: boolean
}

export interface NativeStats {
  connections: number
  components: number
  parked: number
  stored: number
  events: number
  errors: number
  queuedEvents: number
  waitingCalls: number
  callsInFlight: number
}

export interface NativeTemplate {
  id: number
  /** One letter for each value: see `Template::value_kinds`. */
  kinds: string
}
