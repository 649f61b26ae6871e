import type { Logger } from '../index'
import { isObject } from './check'
import type { Each } from './each'
import { Tree } from './html'

/** How many rows of a list are checked in one render. */
const MAX_ROWS = 200
/** Longer props are not compared: the check would be felt. */
export const MAX_JSON = 1 << 20

/**
 * Finds mistakes that would make a page show something old: rows that read more than their item, and
 * handlers and renders that change parts of the props they were given. And keys that a row shares with
 * one that is not rendered again: as it is, the list would fail whenever all of it is.
 */
export class Development {
  private readonly warned = new Set<string>()

  constructor(private readonly logger: Logger) {}

  private warn(text: string): void {
    if (this.warned.has(text)) return
    this.warned.add(text)
    this.logger.warn(`loom-live: ${text}`)
  }

  /**
   * Renders unchanged rows as they were and as they would be now, and compares.
   *
   * @throws LoomError where two rows have one key, as rendering all of them would.
   */
  checkRows(module: string, list: Each, last: Each): void {
    const seen = new Set<string>()
    for (const item of list.items) list.keyOf(item, seen)
    const known = new Set(last.items)
    for (const item of list.items.filter((item) => known.has(item)).slice(0, MAX_ROWS)) {
      const place = difference(last.row(item), list.row(item))
      if (place === undefined) continue
      this.warn(
        `${module}: the row ${JSON.stringify(String(list.key(item)))} of each() reads more than its item: ${place} ` +
          'would show something else now, but the item is the same, so the row is kept as it was. Pass what rows ' +
          'read beside their item as dependencies: each(items, key, row, [props.selected])',
      )
      return
    }
  }

  /** Whether props are still what was committed; `json` is their text from then. */
  isAsLeft(module: string, props: unknown, json: string): boolean {
    return this.isStill(
      props,
      json,
      (path) =>
        `${module}: ${path} was changed from outside after a handler had returned it. Props belong to their ` +
        'component: return objects that nobody else keeps and changes. The change is dropped',
    )
  }

  /**
   * Whether the props a handler was given are still what they were; `json` is their text from
   * before.
   */
  isUntouched(module: string, handler: string, props: unknown, json: string): boolean {
    return this.isStill(
      props,
      json,
      (path) =>
        `${module}: the handler ${JSON.stringify(handler)} returned new props but also changed ${path} of those it ` +
        'was given. Either change props and return nothing, or leave them alone and return new ones that share ' +
        'what stayed: only then is what changed known without comparing everything',
    )
  }

  /** Warns where render changed the props it was given; `json` is their text from before. */
  checkRender(module: string, props: unknown, json: string): void {
    this.isStill(
      props,
      json,
      (path) =>
        `${module}: render changed ${path}. It is then taken for what it was before, and the page and what is ` +
        'committed go apart. Change a copy, as in [...props.rows].sort()',
    )
  }

  private isStill(props: unknown, json: string, mistake: (path: string) => string): boolean {
    if (jsonOf(props) === json) return true
    this.warn(mistake(firstDifference(JSON.parse(json), props, 'props')))
    return false
  }
}

/** The first slot in which two renders of a row differ. */
function difference(was: unknown, is: unknown, place = 'the row'): string | undefined {
  if (was instanceof Tree && is instanceof Tree) {
    if (was.statics !== is.statics) return place
    for (let index = 0; index < is.dynamics.length; index++) {
      const found = difference(was.dynamics[index], is.dynamics[index], `slot ${index + 1} of ${place}`)
      if (found !== undefined) return found
    }
    return undefined
  }
  if (Array.isArray(was) && Array.isArray(is)) {
    if (was.length !== is.length) return place
    for (let index = 0; index < is.length; index++) {
      const found = difference(was[index], is[index], place)
      if (found !== undefined) return found
    }
    return undefined
  }
  // Other objects are made anew by each render; what they show is compared where they are known.
  if (isObject(was) && isObject(is)) return undefined
  return Object.is(was, is) ? undefined : place
}

/** Changed props need not be JSON any more: what is none equals nothing that is. */
export function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value)
  } catch {
    return ''
  }
}

function firstDifference(was: unknown, is: unknown, path: string): string {
  if (Array.isArray(was) && Array.isArray(is)) {
    for (let index = 0; index < Math.max(was.length, is.length); index++) {
      if (jsonOf(was[index]) !== jsonOf(is[index])) {
        return firstDifference(was[index], is[index], `${path}[${index}]`)
      }
    }
  } else if (isObject(was) && isObject(is)) {
    for (const key of new Set([...Object.keys(was), ...Object.keys(is)])) {
      if (jsonOf(was[key]) !== jsonOf(is[key])) {
        return firstDifference(was[key], is[key], `${path}.${key}`)
      }
    }
  }
  return path
}
