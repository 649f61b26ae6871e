import { RowStep } from '../codec'

// The kinds of steps, as `Step` in src/tree/keyed.rs has them. The argument of KEEP and DROP is a number of old items;
// of MOVE the old index of a dropped item; of ADD a number of new items (each becomes a ROW of its own).
export const KEEP = RowStep.KEEP
export const DROP = RowStep.DROP
export const MOVE = RowStep.MOVE
export const ADD = RowStep.ROW

/** The steps from one array to another: a kind and its argument, in turn. */
export type Steps = readonly number[]

/** How many items a walk looks ahead in either array before it makes a map instead. */
const LOOK_AHEAD = 8

/** How many comparisons are kept. */
const MAX_KEPT = 8

interface Comparison {
  readonly last: readonly unknown[]
  readonly next: readonly unknown[]
  readonly steps: Steps
}

/**
 * Compares arrays by the identity of their items. Comparisons are kept until the call is over, because the same two
 * arrays are usually compared twice: once as props, and once as the items of a list.
 */
export class Comparisons {
  private readonly kept: Comparison[] = []

  steps(last: readonly unknown[], next: readonly unknown[]): Steps {
    for (const kept of this.kept) if (kept.last === last && kept.next === next) return kept.steps
    const steps = compare(last, next)
    if (this.kept.length < MAX_KEPT) this.kept.push({ last, next, steps })
    return steps
  }

  /** Drops all comparisons: the call is over, and its arrays may change. */
  forget(): void {
    if (this.kept.length > 0) this.kept.length = 0
  }
}

/**
 * Costs one comparison for each item that keeps its order. A map is made only of the window in which both arrays differ
 * by more than a short look-ahead can find.
 */
function compare(last: readonly unknown[], next: readonly unknown[]): number[] {
  let lastEnd = last.length
  let nextEnd = next.length
  let from = 0
  const shorter = Math.min(lastEnd, nextEnd)
  // `===` would read each item's type from memory, a cache miss for each of many items; `Object.is` does not.
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
    // The smallest numbers of old items out and new items in after which both arrays agree again.
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
    // Each old item is moved once; if it comes again in `next`, that is a new row. Equal numbers and strings are found
    // here, too.
    if (place === undefined) {
      steps.push(ADD, 1)
    } else {
      places.delete(item)
      steps.push(MOVE, place)
    }
  }
}
