import type { Memo } from '../render/encode'
import type { Entry as Module } from './modules'

/** The parts of a component that are the same for all its calls. */
export interface Component {
  /** The number of the component's actor in Rust. */
  readonly actor: number
  readonly module: Module
  readonly id: string
  /** The component's own name. With an event's number it forms `event.id`. */
  readonly instance: string
}

/**
 * What JavaScript keeps of a component between two events.
 *
 * Architecture invariant: an entry can be dropped at any time, and the results stay the same; Rust owns the state.
 * `__test__/server/limits_hold.test.ts` watches it (`without room for parsed props the results are the same`).
 */
export interface Entry {
  readonly component: Component
  /** The version of the props: the number of the call that committed them. */
  readonly version: number
  readonly props: unknown
  /**
   * True if these props came from Rust and were never written back. Changes that `render` made in place are then
   * unknown to Rust.
   */
  readonly parsed: boolean
  /** See lib/render/frozen.ts. */
  readonly frozen: boolean
  /** The memo of the last render of the props. The next render compares with it. */
  readonly memo: Memo | undefined
  /** About how many bytes of JSON the props are. */
  readonly bytes: number
  /** The value of `bytes` when it was last known exactly. */
  readonly measured: number
  /** The JSON of the props, in development only: shows whether a handler changed props that it should not change. */
  readonly json: string | undefined
}

/** An actor's place in the cache. Empty while the entry is taken. */
interface Place {
  entry: Entry | undefined
}

/** How long a copy is kept after its last use, in milliseconds, if there is room; it may stay twice as long. */
export const KEPT_MS = 10_000

/**
 * Parsed copies of committed props, by actor and version, up to a number of bytes.
 *
 * A handler's call takes the entry out, and puts a new one in if the handler succeeds. So a copy that a failed handler
 * may have changed is never used again.
 *
 * There are two generations. When the young one holds half of the bytes, or is old enough, it becomes the old one, and
 * the previous old one is dropped with all copies that were not used since. It is worth it: most pages are looked at
 * and not clicked, and parsed objects take several times the memory of the text that Rust keeps.
 */
export class PropsCache {
  private young = new Map<number, Place>()
  private old = new Map<number, Place>()
  private youngBytes = 0
  /** Modules whose place another one has taken, in development. */
  private replaced: WeakSet<Module> | undefined
  /** Runs while there is an entry that may have to be dropped. */
  private clock: NodeJS.Timeout | undefined

  constructor(private readonly maxBytes: number) {}

  take(actor: number, version: number): Entry | undefined {
    const young = this.young.get(actor)
    const place = young?.entry === undefined ? this.old.get(actor) : young
    const entry = place?.entry
    if (place === undefined || entry === undefined) return undefined
    // The empty place stays in the map: the entry is put back soon, and changing a map is slow.
    place.entry = undefined
    if (place === young) this.youngBytes -= entry.bytes
    return entry.version === version ? entry : undefined
  }

  /** Puts in an actor's entry. The actor has none now: a call took it out, or there was none before. */
  put(actor: number, entry: Entry): void {
    const { bytes } = entry
    // An entry that is too large is not kept, so that it does not drop all others.
    if (bytes > this.maxBytes / 2 || this.replaced?.has(entry.component.module)) return
    if (this.youngBytes + bytes > this.maxBytes / 2) this.age()
    const place = this.young.get(actor)
    if (place === undefined) this.young.set(actor, { entry })
    else place.entry = entry
    this.youngBytes += bytes
    this.clock ??= setInterval(() => {
      this.age()
      if (this.old.size === 0) this.rest()
    }, KEPT_MS).unref()
  }

  private age(): void {
    this.old = this.young
    this.young = new Map()
    this.youngBytes = 0
  }

  forget(actor: number): void {
    this.youngBytes -= this.young.get(actor)?.entry?.bytes ?? 0
    this.young.delete(actor)
    this.old.delete(actor)
    if (this.young.size + this.old.size === 0) this.rest()
  }

  /** Drops all copies: another module has taken the place of this one, and calls that began with it leave no copy. */
  clear(replaced: Module): void {
    this.replaced = (this.replaced ?? new WeakSet()).add(replaced)
    this.young.clear()
    this.old.clear()
    this.youngBytes = 0
    this.rest()
  }

  private rest(): void {
    clearInterval(this.clock)
    this.clock = undefined
  }
}
