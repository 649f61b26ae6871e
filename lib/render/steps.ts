import { RowStep } from '../codec'

// The kinds of steps; see `Step` in src/tree/keyed.rs. KEEP and DROP: so many of the old items. MOVE: a
// dropped item, by its old index. ADD: so many new ones, each of which is a row then.
export const KEEP = RowStep.KEEP
export const DROP = RowStep.DROP
export const MOVE = RowStep.MOVE
export const ADD = RowStep.ROW

/** How one array comes from another: pairs of a kind and its argument. */
export type Steps = readonly number[]

/** How far a walk looks ahead, on either side, before it gives up and asks a map. */
const LOOK_AHEAD = 8

/** How many comparisons are kept. */
const MAX_KEPT = 8

interface Comparison {
  readonly last: readonly unknown[]
  readonly next: readonly unknown[]
  readonly steps: Steps
}

/**
 * Compares arrays by the identity of their items. What was compared is kept until the call is over:
 * a list of the page is mostly an array of the props, and then this is told twice.
 */
export class Comparisons {
  private readonly kept: Comparison[] = []

  steps(last: readonly unknown[], next: readonly unknown[]): Steps {
    for (const kept of this.kept) if (kept.last === last && kept.next === next) return kept.steps
    const steps = compare(last, next)
    if (this.kept.length < MAX_KEPT) this.kept.push({ last, next, steps })
    return steps
  }

  /** The arrays may change from now on. */
  forget(): void {
    if (this.kept.length > 0) this.kept.length = 0
  }
}

/**
 * Costs a comparison for each item that stayed in order. Only if a window of both disagrees
 * beyond a short look-ahead is a map of that window made.
 */
function compare(last: readonly unknown[], next: readonly unknown[]): number[] {
  let lastEnd = last.length
  let nextEnd = next.length
  let from = 0
  const shorter = Math.min(lastEnd, nextEnd)
  // `===` would look into each item to see of what type it is: with many of them, a cache miss each.
  while (from < shorter && Object.is(last[from], next[from])) from++
  while (lastEnd > from && nextEnd > from && Object.is(last[lastEnd - 1], next[nextEnd - 1])) {
    lastEnd--
    nextEnd--
  }
  const steps: number[] = []
  if (from > 0) steps.push(KEEP, from)
  window(last, next, from, lastEnd, from, nextEnd, steps)
  if (lastEnd < last.length) steps.push(KEEP, last.length - lastEnd)
  return steps
}

function window(
  last: readonly unknown[],
  next: readonly unknown[],
  lastStart: number,
  lastEnd: number,
  nextStart: number,
  nextEnd: number,
  steps: number[],
): void {
  let at = lastStart
  let to = nextStart
  while (at < lastEnd && to < nextEnd) {
    let run = 0
    while (at + run < lastEnd && to + run < nextEnd && Object.is(last[at + run], next[to + run])) run++
    if (run > 0) {
      steps.push(KEEP, run)
      at += run
      to += run
      continue
    }
    // The smallest number of items out and in after which both agree again.
    let out = -1
    let into = 0
    for (let ahead = 1; ahead <= LOOK_AHEAD && out < 0; ahead++) {
      for (let dropped = 0; dropped <= ahead; dropped++) {
        const oldItem = at + dropped
        const newItem = to + ahead
        if (oldItem < lastEnd && newItem < nextEnd && last[oldItem] === next[newItem]) {
          out = dropped
          into = ahead
          break
        }
        if (at + ahead < lastEnd && to + dropped < nextEnd && last[at + ahead] === next[to + dropped]) {
          out = ahead
          into = dropped
          break
        }
      }
    }
    if (out < 0) break
    if (out > 0) steps.push(DROP, out)
    if (into > 0) steps.push(ADD, into)
    at += out
    to += into
  }
  if (at < lastEnd) steps.push(DROP, lastEnd - at)
  if (to === nextEnd) return
  if (at === lastEnd) {
    steps.push(ADD, nextEnd - to)
    return
  }
  const places = new Map<unknown, number>()
  for (let index = lastEnd - 1; index >= at; index--) places.set(last[index], index)
  for (; to < nextEnd; to++) {
    const item = next[to]
    const place = places.get(item)
    // Each old row is moved once; a second mention is another row. Values that are equal without
    // being one object, numbers and strings, are found as well.
    if (place === undefined) {
      steps.push(ADD, 1)
    } else {
      places.delete(item)
      steps.push(MOVE, place)
    }
  }
}
