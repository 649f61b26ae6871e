/** The most names that are listed in a message. */
const MAX_LISTED = 20
/** Longer names are not compared: the work grows with the square of the length. */
const MAX_LENGTH = 64

/** The edit distance: how many letters have to be inserted, deleted, replaced, or swapped with their neighbour. */
function distance(a: string, b: string): number {
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let row = 1; row <= a.length; row++) {
    const next = [row]
    for (let column = 1; column <= b.length; column++) {
      const isSame = a[row - 1] === b[column - 1]
      let least = Math.min(
        (last[column] ?? 0) + 1,
        (next[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (isSame ? 0 : 1),
      )
      const isSwapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
      if (isSwapped) least = Math.min(least, (before[column - 2] ?? 0) + 1)
      next.push(least)
    }
    before = last
    last = next
  }
  return last[b.length] ?? 0
}

/** The name that was most likely meant; `undefined` if no name is similar. */
export function nearest(name: string, names: readonly string[]): string | undefined {
  if (name === '' || name.length > MAX_LENGTH) return undefined
  let found: string | undefined
  let least = Math.floor(Math.max(name.length, 3) / 3) + 1
  for (const candidate of names) {
    if (candidate.length > MAX_LENGTH) continue
    const steps = distance(name.toLowerCase(), candidate.toLowerCase())
    if (steps >= least) continue
    least = steps
    found = candidate
  }
  return found
}

/** The end of a sentence about an unknown name: which name may be meant, and which names exist. */
export function suggestion(name: string, names: readonly string[], what: string): string {
  const near = nearest(name, names)
  const hint = near === undefined ? '' : `; did you mean ${JSON.stringify(near)}?`
  if (names.length === 0) return `; it has no ${what}`
  return `${hint}${hint === '' ? '; its' : ' Its'} ${what} are ${listed(names)}`
}

/** The names, as far as a message has room for them. */
export function listed(names: readonly string[]): string {
  return names.slice(0, MAX_LISTED).join(', ') + (names.length > MAX_LISTED ? ', …' : '')
}
