/** Where the steps from one array to the next go; see `Step` in src/tree/keyed.rs. */
export interface StepSink<Item> {
  /** The next so many old items are as before, here. */
  keep(count: number): void
  /** The next so many old items are not here. */
  drop(count: number): void
  /** A dropped item, by its old index, here. */
  move(oldIndex: number): void
  /** An item that was not there before. */
  add(item: Item, index: number): void
}

/** How far a walk looks ahead, on either side, before it gives up and asks a map. */
const LOOK_AHEAD = 8

/**
 * Tells how `next` comes from `last`, by the identity of their items.
 *
 * Costs a comparison for each item that stayed in order. Only where a window of both disagrees
 * beyond a short look-ahead is a map of that window made.
 */
export function steps<Item>(last: readonly Item[], next: readonly Item[], sink: StepSink<Item>): void {
  let lastEnd = last.length
  let nextEnd = next.length
  let from = 0
  const shorter = Math.min(lastEnd, nextEnd)
  while (from < shorter && last[from] === next[from]) from++
  while (lastEnd > from && nextEnd > from && last[lastEnd - 1] === next[nextEnd - 1]) {
    lastEnd--
    nextEnd--
  }
  if (from > 0) sink.keep(from)
  window(last, next, from, lastEnd, from, nextEnd, sink)
  if (lastEnd < last.length) sink.keep(last.length - lastEnd)
}

function window<Item>(
  last: readonly Item[],
  next: readonly Item[],
  lastStart: number,
  lastEnd: number,
  nextStart: number,
  nextEnd: number,
  sink: StepSink<Item>,
): void {
  let at = lastStart
  let to = nextStart
  while (at < lastEnd && to < nextEnd) {
    let run = 0
    while (at + run < lastEnd && to + run < nextEnd && last[at + run] === next[to + run]) run++
    if (run > 0) {
      sink.keep(run)
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
    if (out > 0) sink.drop(out)
    for (let index = 0; index < into; index++) sink.add(next[to + index] as Item, to + index)
    at += out
    to += into
  }
  if (at < lastEnd) sink.drop(lastEnd - at)
  if (to === nextEnd) return
  if (at === lastEnd) {
    for (; to < nextEnd; to++) sink.add(next[to] as Item, to)
    return
  }
  const places = new Map<Item, number>()
  for (let index = lastEnd - 1; index >= at; index--) places.set(last[index] as Item, index)
  for (; to < nextEnd; to++) {
    const item = next[to] as Item
    const place = places.get(item)
    // Each old row is moved once; a second mention is another row. Values that are equal without
    // being one object, numbers and strings, are found as well.
    if (place === undefined) {
      sink.add(item, to)
    } else {
      places.delete(item)
      sink.move(place)
    }
  }
}
