// The prices are in one place, and they change without anybody's click, too: who watches them subscribes to `PRICES`.

import { randomUUID } from 'node:crypto'
import { instruments } from './instruments.mjs'
import { ending, loom } from './loom.mjs'

const TICK_MS = 250
const CHANGES_PER_TICK = 100
const CHANGES_PER_SHAKE = 300

/**
 * @typedef {{ id: number, price: number, moved: number }} Row `moved` is the last tick's direction.
 * @typedef {[id: number, price: number]} Change
 */

/** Each process has prices of its own. */
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
}

/**
 * The prices go on from these, which another process had.
 * @param {{ tick: number, rows: readonly Row[] }} from
 */
export function goOn({ tick, rows }) {
  market.tick = tick
  market.rows = rows
}

/** Changes some prices much. */
export function shake() {
  move(CHANGES_PER_SHAKE, 0.1)
}

const timer = setInterval(() => move(CHANGES_PER_TICK, 0.01), TICK_MS)

ending.signal.addEventListener('abort', () => clearInterval(timer))
