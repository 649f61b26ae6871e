/** The indexes of a longest increasing run of `values`: what can stay where it is while the rest moves around it. */
export function stableIndexes(values: number[]): Set<number> {
  /** `ends[n]`: where the run of length n+1 with the smallest end so far ends. */
  const ends: number[] = []
  const before: (number | undefined)[] = []
  values.forEach((value, index) => {
    let low = 0
    let high = ends.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((values[ends[middle] as number] as number) < value) low = middle + 1
      else high = middle
    }
    before[index] = ends[low - 1]
    ends[low] = index
  })
  const stable = new Set<number>()
  for (let index = ends[ends.length - 1]; index !== undefined; index = before[index]) stable.add(index)
  return stable
}
