// Made by scripts/edge.mjs from src/node/. Not to be edited.

/**
 * A part of a component's HTML that a browser would move out of this container, and a container in which
 * that part could stand; nothing if all of it can stay.
 */
export function misplaced(container: string, html: string): NativeMisplaced | null

/**
 * An upgrade request as Node parsed it. To read a member of an object costs the JavaScript thread more
 * than parsing costs another thread, so headers and address are read from the JSON of `request`.
 */
export interface NativeUpgrade {
  method: string
  httpMinor: number
  originAllowed: boolean
  /** The compact copy for `ctx.request`, as JSON. */
  request: string
  bind: string
}

/** A form of a shared component. */
export interface PostedForm {
  token: string
  /** Names the form, see `Sent`. */
  id: string
  handler: string
  /** The fields, URL-encoded. */
  value: string
  /** The page's request, as compact JSON. */
  meta: string
  bind: string
  address: string
}

/** An element or text that cannot stand in its container. */
export interface NativeMisplaced {
  /** The element, or "text". */
  what: string
  /** A container in which the part could stand. */
  container?: string | undefined
}

/** Compiles a template literal's statics. */
export function compileTemplate(source: Array<string>): NativeTemplate

/** How Redis is that the application uses. */
export interface NativeRedisStats {
  /** `store` or `backplane`. */
  usedFor: string
  hosts: string
  isUp: boolean
  /** For how long it has been away, in milliseconds; 0 if it is there. */
  away: number
  /** Why it is away. */
  why: string
  losses: number
}

/** One application. */
export class NativeLoom {
  constructor(options: NativeOptions, wake: () => void, givenUp: Buffer)
  /**
   * Gives back the keys, the store and the hook at the environment's end. Called after `close` was
   * settled; after it, only `exchange` and `stats` may be called.
   */
  release(): void
  stats(): NativeStats
  /** The numbers beside the stats. From the first call on durations are measured. */
  metrics(): NativeMetrics
  /** JavaScript is told of each step that is over, or is not any more. */
  observe(isObserved: boolean): void
  /**
   * Drains for at most `timeout` milliseconds, then stops all connections and actors that are left.
   * Settles `request` when the last actor and connection are gone.
   */
  close(timeout: number, request: number): void
  /** Adds a module's name and gives its number. */
  register(name: string, raw: boolean, version: number, private: Array<string>, authorizes: boolean, receivers: Array<string>): number
  /** In development the module of this name is another one from now on. Gives its number, which stays. */
  registerAgain(name: string, raw: boolean, version: number, private: Array<string>, authorizes: boolean, receivers: Array<string>): number
  /** Has all components of a module render again, in development. Gives how many there are. */
  allAgain(module: number): number
  /** Has one component go on with these props, which are JSON, in development. False if it has ended. */
  oneAgain(actor: number, propsJson: string): boolean
  /**
   * Gives numbers from `first` on to types of events, then to the handlers of a module, then to its
   * receivers. Calls as numbers use them. Without handlers the module takes any name. If `strict`, events
   * for other handlers are refused without asking JavaScript.
   */
  numberNames(first: number, types: Array<string>, module: number, handlers: Array<string> | undefined | null, strict: boolean, receivers: Array<string>): void
  /** The calls that were given up since the last `given_up` or `exchange`. */
  givenUp(): Array<number>
  /**
   * Takes the results of the calls that are done, and gives the next jobs; nothing if no job waits. Calls
   * as numbers are written into `calls`, and their count is given; the other jobs are given as a JSON
   * array, or an empty text.
   */
  exchange(ops: Uint32Array, used: number, text: Uint8Array, bytes: number, calls: Buffer): string | null
  /** The application's store has answered a call: with JSON, or, if there is an error, with its stack. */
  storeAnswered(call: number, error: string | undefined | null, text: string): void
  /**
   * The caller of a call in flight: the upgrade request as JSON, its `bind`, and the page's URL; for a shared
   * component also the key and the viewer, which is empty if the call is for none. An empty list if the call
   * is not for a page, nothing if the call is over.
   */
  caller(call: number): Array<string> | null
  /**
   * The address of the parent of the nested component that a call in flight is for; nothing if the
   * component has no parent, or if the call is over.
   */
  parent(call: number): string | null
  /**
   * Tells all other processes this: JSON, which JavaScript gets there. Without a backplane no other
   * process is told.
   */
  announce(announcement: string): void
  /** The open connections, those that arrive, and the parked sessions. */
  connections(): Array<NativeConnection>
  /** Closes connections and ends parked sessions, by their numbers. Gives how many there were. */
  disconnect(numbers: Array<number>): number
  /**
   * Closes the connections and ends the parked sessions of a user, of an address, or of both. Gives how
   * many there were.
   */
  disconnectMatching(bind?: string | undefined | null, address?: string | undefined | null): number
  /**
   * Ends the components that are in a topic, of a user, of an address, of both or of all, and the viewers of shared
   * ones. Gives how many there were.
   */
  disconnectTopic(topic: string, bind?: string | undefined | null, address?: string | undefined | null): number
  /** Takes the components of a user, of an address, of both or of all out of a topic. Gives how many were in it. */
  unsubscribe(topic: string, bind?: string | undefined | null, address?: string | undefined | null): number
  /** Opens what stands in a form's hidden field. Throws if it is not good for this user. */
  openForm(token: string, bind: string): OpenedForm
  /** Settles `request` with the result of a form of a shared component: see `crate::forms::post`. */
  postForm(form: PostedForm, request: number): void
  /** Settles `request` with `true`, or with `false` if the form of this id was taken before. */
  takeForm(id: string, bind: string, address: string, request: number): void
  /**
   * From here on timers of components run by a clock that only `advance` moves. The clock shows this time
   * of day, in milliseconds since 1970; 0 is the present time. If the time is held already, nothing
   * changes.
   */
  holdTime(unix: number): void
  /** The time of day that the held clock shows, in milliseconds since 1970. */
  heldUnix(): number
  /** Moves the held clock by so many milliseconds. Settles `request` when all timers that rang have been handled. */
  advance(by: number, request: number): void
  /** Settles `request` when no component has anything to do. */
  settled(request: number): void
  /** Settles `request` with the committed props of a component, by its actor's number; with nothing if it has ended. */
  propsOf(actor: number, request: number): void
  /** The HTML of one rendered tree, in pieces: between each two stands a nested component. */
  toHtml(ops: Uint32Array, used: number, text: Uint8Array, bytes: number): Array<string>
  /** A token that lets a page join. */
  seal(module: string, propsJson: string, bind: string, page: string): string
  /** A token that lets a page join a nested component, whose parent gives `given`. */
  sealChild(module: string, propsJson: string, given: string, bind: string, page: string): string
  /** A token that lets a page join the shared component of this module and key. */
  sealShared(module: string, key: string, bind: string, page: string): string
  /**
   * Settles `request` with the HTML of the shared component of this module and key, as a JSON string. The
   * component is started if it does not live; it then counts for `address`.
   */
  showShared(module: string, key: string, address: string, request: number): void
  /** Takes over a socket whose bytes `lib/` carries. */
  acceptRelay(number: number, head: Uint8Array, upgrade: NativeUpgrade): void
  /** Takes bytes that a relayed socket has read. False asks to stop reading. */
  relayPush(number: number, bytes: Uint8Array): boolean
  /** A relayed socket's other end has sent its last byte. */
  relayEnd(number: number): void
  /** The bytes that a relayed socket is to write. */
  relayPull(number: number): NativeOutput | null
  /** A relayed socket has written so many bytes. */
  relayWritten(number: number, count: number): void
  /** A relayed socket is gone. */
  relayDestroy(number: number): void
  /**
   * Starts a live socket. Settles the promise `number` when the live socket has rendered; its messages
   * go to the callback of the same number.
   */
  start(number: number, id: string, module: string, propsJson: string): void
  /** Hands an event to a live socket. */
  send(number: number, handler: string, event: string, value?: string | undefined | null, checked?: boolean | undefined | null, key?: string | undefined | null): void
  /** Settles `request` with the live socket's state. */
  state(number: number, request: number): void
  /** Stops a live socket. */
  stop(number: number): void
  /**
   * The position of a topic now, for a call in flight that subscribes to it: `[epoch, number, number of
   * the oldest message that is kept less one]`, as JSON. The topic is kept until the call is over. Nothing
   * if the position is not known here: then `request` is settled with it.
   */
  position(call: number, topic: string, request: number): string | null
  /** The component of a call in flight asks for its address: its own topic is kept until the call is over. */
  keepTopic(call: number, topic: string): void
  /** The topics that the component of a call in flight has subscribed to; nothing if the call is over. */
  topics(call: number): Array<string> | null
  /** Publishes JSON text. True if the topic has it; else the promise is settled when the topic has it. */
  publish(topic: string, id: string | undefined | null, data: string, request: number): boolean
  /**
   * Sends JSON text to one component, by its address. True if its topic has it; else the promise is settled when
   * its topic has it.
   */
  sendTo(address: string, id: string | undefined | null, data: string, request: number): boolean
  /** The people who are there; settles `request` with the first message of receivers. */
  presence(topic: string, request: number): void
  /** Seals what a page of this user may upload. */
  sealPermit(permit: string, bind: string): string
  /** The content of a permit; nothing if the text is not a permit of this user. */
  openPermit(sealed: string, bind: string): string | null
  /** The address of the component of that public name. */
  address(name: string): string
  /**
   * Counts an upgrade until `settle` is called with the same number. False if there are too many, in all
   * or from its address.
   */
  pend(number: number, address: string): boolean
  /** The application has let an upgrade pass, or the upgrade is over. */
  settle(number: number): void
  /** From here on looks whether the process has descriptors left for new connections. */
  watchDescriptors(): void
  /**
   * Takes over a socket by its descriptor. The caller then destroys its own socket. False if there is no
   * descriptor left; the socket can then be relayed.
   */
  acceptDescriptor(descriptor: number, head: Uint8Array, upgrade: NativeUpgrade): boolean
}

/** The address of Redis, and the part of it that belongs to the application. */
export interface NativeRedis {
  /** One URL, or the URLs of some nodes of a cluster. */
  urls: Array<string>
  isCluster: boolean
  /** The prefix of all keys. */
  prefix: string
  /** `memory`, `fsync` or `replicas`. */
  durability: string
}

/** The component that a form belongs to. */
export interface OpenedForm {
  /** Names the form's event. */
  id: string
  module: string
  version: number
  propsJson: string
  /** The key of the shared component; empty if the component is personal. */
  key: string
  /** The page's URL. */
  page: string
  /** Names what the parent of a nested component had given it; empty if it is not nested. */
  given: string
}

/** The numbers and names that both sides of the edge use, as JSON: see [`crate::codec`]. */
export function codec(): string

/** The place of a value in its template, for an error message. */
export function describeValue(template: number, value: number): string

/** The table of limits, as JSON. */
export function limits(): string

/** What `loom.metrics()` shows beside the stats. */
export interface NativeMetrics {
  joins: number
  messages: number
  bytesReceived: number
  bytesSent: number
  /** Failures, by code. */
  failures: Record<string, number>
  /** Bytes that wait to be written to pages, or have come from them in part. */
  waitingBytes: number
  topics: number
  topicBytes: number
  subscriptions: number
  /** Threads that run actors and connections. */
  workers: number
  /** The upper ends of the buckets of all histograms, in seconds; one more has all that is longer. */
  buckets: Array<number>
  durations: Record<string, NativeHistogram>
}

export interface NativeConnection {
  number: number
  bind: string
  address: string
  /** As in `NativeUpgrade`. */
  request: string
}

export interface NativeHistogram {
  counts: Array<number>
  /** In seconds. */
  sum: number
}

export interface NativeOptions {
  secrets: Array<string>
  development: boolean
  /** The limits that the application gives, by their names; times in milliseconds. */
  limits: Record<string, number>
  /** The file of the store, if it is one. */
  sqlite?: string | undefined
  /** The store, if it is in Redis. */
  redisStore?: NativeRedis | undefined
  /** The Redis that keeps topics, if they are not in this process. */
  backplane?: NativeRedis | undefined
  /** The store is in the application's hands. */
  ownStore: boolean
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
  tasks: number
  waitingCalls: number
  callsInFlight: number
  redis: Array<NativeRedisStats>
}

export interface NativeTemplate {
  id: number
  /** One letter for each value: see `Template::value_kinds`. */
  kinds: string
}
