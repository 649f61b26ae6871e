/** The table that all engines show, and the operations on it, as messages of the dialect `loom.2`. */

export const TABLE = { id: 0, statics: ['<table><tbody>', '</tbody></table>'], kinds: 't' }
export const ROW = {
  id: 1,
  statics: ['<tr data-l-key="', '" class="', '"><td>', '</td><td>', '</td><td>', '</td><td>', '</td></tr>'],
  kinds: 'aatttt',
}

/** The number of a template, and a value for each slot. */
export type RowTree = [number, string, string, string, string, string, string]

export function row(id: number, round = 0): RowTree {
  return [
    ROW.id,
    String(id),
    round % 2 ? 'up' : 'down',
    `INS${id}`,
    `Instrument ${id}`,
    (100 + (id % 37) + round).toFixed(2),
    `${round}%`,
  ]
}

export function rows(count: number): RowTree[] {
  return Array.from({ length: count }, (_, id) => row(id))
}

/** The message of an operation in its n-th round. Every operation can be repeated. */
export type Operation = (count: number, round: number) => unknown

export const operations: Record<string, Operation> = {
  'one cell': (count, round) => ({ c: [(count / 2 + round) % count, [4, `${round}.5`]] }),
  'one row in at the front': (count, round) => ({ i: [0, row(count + round)] }),
  'two rows swapped': (count) => ({ m: [count - 2, 1, 1, count - 2] }),
  '1,000 rows replaced': (_, round) => ({
    r: [0, 1000],
    i: Array.from({ length: 1000 }, (_, at) => [at, row(1_000_000 + round * 1000 + at, round)]).flat(),
  }),
  'all cells changed': (count, round) => ({
    c: Array.from({ length: count }, (_, at) => [
      at,
      [1, round % 2 ? 'up' : 'down', 2, `n${round}`, 3, `m${round}`, 4, `${round}.1`, 5, `${round}%`],
    ]).flat(),
  }),
}

export function frame(change: unknown): string {
  return JSON.stringify([0, 0, change])
}
