// The prices are in one place, and they change without anybody's click, too: who watches them subscribes to `PRICES`.

import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { instruments } from './instruments.mjs'
import { keepPrices, keptPrices } from './kept.mjs'
import { ending, loom, redis } from './loom.mjs'

const TICK_MS = 250
const CHANGES_PER_TICK = 100
const CHANGES_PER_SHAKE = 300

/**
 * @typedef {{ id: number, price: number, moved: number }} Row `moved` is the last tick's direction.
 * @typedef {[id: number, price: number]} Change
 */

/** What this process publishes. With several processes only that one does which has the table: see `clock`. */
export const PRICES = `prices ${randomUUID()}`

/** How things stand. Rows are never changed in place: pages hold the same objects. */
export const market = {
  tick: 0,
  /** @type {readonly Row[]} */
  rows: instruments.map(({ id, open }) => ({ id, price: open, moved: 0 })),
}

/**
 * Rows that stay as they are stay the same objects: they are neither rendered nor sent.
 * @param {readonly Row[]} rows
 * @param {readonly Change[]} changes
 * @returns {Row[]}
 */
export function withChanges(rows, changes) {
  const prices = new Map(changes)
  return rows.map((row) => {
    const price = prices.get(row.id)
    if (price === undefined) return row.moved === 0 ? row : { ...row, moved: 0 }
    return { ...row, price, moved: Math.sign(price - row.price) }
  })
}

/**
 * Changes so many prices, by this part of each at most.
 * @param {number} count
 * @param {number} most
 */
function move(count, most) {
  const changes = Array.from({ length: count }, () => {
    const { id, price } = market.rows[Math.floor(Math.random() * market.rows.length)]
    return /** @type {Change} */ ([id, Math.max(1, Math.round(price * (1 + (Math.random() * 2 - 1) * most)))])
  })
  market.tick += 1
  market.rows = withChanges(market.rows, changes)
  loom.publish(PRICES, { tick: market.tick, changes }).catch(console.error)
  if (redis) void keep(changes)
}

/**
 * Prices that Redis has not got so far, by id.
 * @type {Map<number, number>}
 */
const unkept = new Map()

/** @param {readonly Change[]} changes */
async function keep(changes) {
  for (const [id, price] of changes) unkept.set(id, price)
  const kept = [...unkept]
  // If Redis is away, they are kept with those of a later tick.
  if (
    await keepPrices(kept).then(
      () => true,
      () => false,
    )
  ) {
    for (const [id, price] of kept) if (unkept.get(id) === price) unkept.delete(id)
  }
}

/**
 * The prices go on from these, which another process had, or from later ones that it has kept.
 * @param {{ tick: number, rows: readonly Row[] }} from
 */
export async function goOn({ tick, rows }) {
  market.rows = newest(rows, await keptPrices())
  market.tick = Math.max(market.tick, tick)
}

/** The prices now, in whatever process they change. */
export async function rowsNow() {
  return newest(market.rows, await keptPrices())
}

/**
 * @param {readonly Row[]} rows
 * @param {ReadonlyMap<number, number>} kept
 */
function newest(rows, kept) {
  return rows.map((row) => {
    const price = kept.get(row.id) ?? row.price
    return price === row.price ? row : { ...row, price }
  })
}

/** Changes some prices much. */
export function shake() {
  move(CHANGES_PER_SHAKE, 0.1)
}

/**
 * Moves the prices, until it is told to stop. With several processes this is a task of the table: only the process that
 * has the table moves them, and they are the same for all. Without, it runs from the start, whoever looks.
 * @param {AbortSignal} signal
 */
export async function clock(signal) {
  const timer = setInterval(() => move(CHANGES_PER_TICK, 0.01), TICK_MS)
  if (!signal.aborted) await once(signal, 'abort')
  clearInterval(timer)
}

if (!redis) void clock(ending.signal)
