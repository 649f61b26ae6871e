// Viewers of the values that `servers/publish.mjs` publishes: how they connect, and which values each of them was
// shown.

import { setTimeout as sleep } from 'node:timers/promises'
import { dialectOf } from './dialect.mjs'

/** A value as it is published. */
const VALUE = /v\d{6}/g
const VALUE_LENGTH = 'v000000'.length

const JOIN = dialectOf('loom.2').join

/** How viewers of a peer come: the upgrade's path and subprotocol, and what each sends first. */
export const VIEWERS = {
  ws: () => ({ messages: [] }),
  broadcast: () => ({ messages: [JOIN('price', '')] }),
  'socket.io': () => ({
    path: '/socket.io/?EIO=4&transport=websocket',
    messages: [{ text: '40', answer: '40{' }],
  }),
  loom: (token) => ({ protocol: 'loom.2', messages: [JOIN('price', token)] }),
  shared: (token) => VIEWERS.loom(token),
}

/** Counts the viewers that each value has come to, and notes when it came to the last of them. */
export function watch(sockets) {
  const last = new Map()
  const counts = new Map()
  for (const socket of sockets) {
    // A value may be split between two chunks: a possible beginning of one is kept.
    let tail = ''
    socket.on('data', (chunk) => {
      const text = tail + chunk.toString('latin1')
      const end = text.lastIndexOf('v')
      tail = end > text.length - VALUE_LENGTH && end >= 0 ? text.slice(end) : ''
      for (const [value] of text.matchAll(VALUE)) {
        counts.set(value, (counts.get(value) ?? 0) + 1)
        last.set(value, performance.timeOrigin + performance.now())
      }
    })
  }
  return { last, counts }
}

/**
 * Waits until the newest of the values that were `sent` has come to all viewers, and returns the number of frames. A
 * value that a viewer was not shown is merged into a later one; the last value comes to all.
 */
export async function delivered(who, sent, counts, viewers) {
  const values = Object.keys(sent)
  const newest = values.at(-1)
  // On a busy machine the last one may come late.
  for (let wait = 0; wait < 600 && (counts.get(newest) ?? 0) < viewers; wait++) await sleep(100)
  const got = counts.get(newest) ?? 0
  if (got !== viewers) throw new Error(`${who}: ${newest} came to ${got} of ${viewers}`)
  return values.reduce((sum, value) => sum + (counts.get(value) ?? 0), 0)
}
