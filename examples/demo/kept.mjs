// What all windows share beside the states of components: what was said in the chat, and the prices. It is in memory,
// and with several processes in Redis, so that each process shows the same. A real application has a database for it.

import { createClient } from 'redis'
import { redis } from './loom.mjs'

/** So many messages of the chat are kept. */
export const KEPT = 50
/** What Redis keeps is gone so long after its last change. */
const GONE_AFTER_S = 24 * 60 * 60
const SAID = 'demo:said'
const PRICES = 'demo:prices'

// Without a connection a command fails, instead of waiting for one.
const client = createClient({ url: redis, disableOfflineQueue: true })
// It connects again by itself, and loom-live's log says that Redis is away.
client.on('error', () => {})
if (redis) client.connect().catch(() => {})

/** @typedef {import('./chat.mjs').Said} Said */

/** @type {readonly Said[]} */
let said = []

/**
 * The newest messages, the oldest of them first.
 * @returns {Promise<readonly Said[]>}
 */
export async function newestSaid() {
  if (!redis) return said
  return (await client.lRange(SAID, -KEPT, -1)).map((text) => JSON.parse(text))
}

/** @param {Said} one */
export async function keepSaid(one) {
  if (!redis) {
    said = [...said, one].slice(-KEPT)
    return
  }
  await client.multi().rPush(SAID, JSON.stringify(one)).lTrim(SAID, -KEPT, -1).expire(SAID, GONE_AFTER_S).exec()
}

/**
 * Keeps prices that have changed; without Redis they are where they change.
 * @param {readonly (readonly [id: number, price: number])[]} changes
 */
export async function keepPrices(changes) {
  if (!redis || changes.length === 0) return
  const fields = Object.fromEntries(changes.map(([id, price]) => [String(id), String(price)]))
  await client.multi().hSet(PRICES, fields).expire(PRICES, GONE_AFTER_S).exec()
}

/**
 * The prices that Redis has, by the ids of their instruments.
 * @returns {Promise<ReadonlyMap<number, number>>}
 */
export async function keptPrices() {
  if (!redis) return new Map()
  return new Map(Object.entries(await client.hGetAll(PRICES)).map(([id, price]) => [Number(id), Number(price)]))
}

/** How Redis is, as it says itself. */
export async function redisInfo() {
  const info = await client.info()
  const [version = '', pid = '', memory = ''] = ['redis_version', 'process_id', 'used_memory_human'].map(
    (name) => new RegExp(`^${name}:(.*?)\\s*$`, 'm').exec(info)?.[1],
  )
  return { version, pid: Number(pid), memory }
}

/** Ends the connection, with which this process would not end. */
export function endKept() {
  if (client.isOpen) client.destroy()
}
