import type { Memo } from '../render/encode'
import type { Entry as Module } from './modules'

/** What stays the same for all calls of a component. */
export interface Component {
  readonly actor: number
  readonly module: Module
  readonly id: string
  /** With an event's number its id. */
  readonly instance: string
}

/** What JavaScript keeps of a component between two events. Rust can do without. */
export interface Entry {
  readonly component: Component
  /** Which commit it belongs to. */
  readonly version: number
  readonly props: unknown
  /**
   * True if these props came from Rust and were never written back. Changes that `render` made in place are then
   * unknown to Rust.
   */
  readonly parsed: boolean
  /** See lib/render/frozen.ts. */
  readonly frozen: boolean
  /** What was rendered from the props. */
  readonly memo: Memo | undefined
  /** About how much JSON text the props are. */
  readonly bytes: number
  /** What `bytes` was when it was last known exactly. */
  readonly measured: number
  /** Their text, in development: to find out whether a handler changed what it should not. */
  readonly json: string | undefined
}

/** Where an actor's entry is while it is not taken. */
interface Place {
  entry: Entry | undefined
}

/** For how long a copy is kept after its last use, in milliseconds, where there is room; at most twice. */
export const KEPT_MS = 10_000

/**
 * Parsed copies of committed props, by actor and version, up to a number of bytes.
 *
 * An entry is taken out to be used and put back when the handler has succeeded, so that a copy that
 * a failed handler may have changed is never seen again. Two generations make it forget what was
 * not used lately: when the young one has half of the bytes, or is old enough, it becomes the old one.
 * Most components are looked at and not used, and objects take several times the memory of the text
 * that Rust keeps.
 */
export class PropsCache {
  private young = new Map<number, Place>()
  private old = new Map<number, Place>()
  private youngBytes = 0
  /** Runs while there is anything to forget. */
  private clock: NodeJS.Timeout | undefined

  constructor(private readonly maxBytes: number) {}

  take(actor: number, version: number): Entry | undefined {
    const young = this.young.get(actor)
    const place = young?.entry === undefined ? this.old.get(actor) : young
    const entry = place?.entry
    if (place === undefined || entry === undefined) return undefined
    // The place stays: it is put back soon, and a map is slow to take out of and put into.
    place.entry = undefined
    if (place === young) this.youngBytes -= entry.bytes
    return entry.version === version ? entry : undefined
  }

  /** Puts an entry where none is: after a `take`. */
  put(actor: number, entry: Entry): void {
    const { bytes } = entry
    // What finds no room drops nothing that has it.
    if (bytes > this.maxBytes / 2) return
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

  private rest(): void {
    clearInterval(this.clock)
    this.clock = undefined
  }
}
