/**
 * A page that clicks on and on, and notes for how long each click waits. In a thread of its own, or it would wait for
 * the attackers instead of the server.
 */

import { parentPort, workerData } from 'node:worker_threads'
import { open } from './target'

/** Between an answer and the next click: the page stays below its own `limits.eventRate`. */
const BETWEEN_MS = 15

export interface Begins {
  port: number
  token: string
}

/** What it tells at the end. */
export interface Clicks {
  /** How long each answered click took, in milliseconds. */
  times: number[]
  /** How many were answered with something else than what they should show. */
  wrong: number
}

async function click({ port, token }: Begins): Promise<void> {
  const raw = await open(port, '192.0.2.1')
  const clicks: Clicks = { times: [], wrong: 0 }
  let number = 0
  let sent: number | undefined
  const next = (): void => {
    number += 1
    sent = performance.now()
    raw.send(['e', 0, number, number - 1, 'increment', 'click'])
  }
  const heard = (text: string): void => {
    if (number === 0) {
      if (!text.includes('["j",0,')) return
      parentPort?.postMessage('ready')
      next()
      return
    }
    const isRight = text.includes(`[0,${number},0,"${number}"]`)
    const isWrong = text.includes('["e",0,') || text.includes('["f",0,')
    if (sent === undefined || (!isRight && !isWrong)) return
    if (isWrong) clicks.wrong += 1
    clicks.times.push(performance.now() - sent)
    sent = undefined
    setTimeout(next, BETWEEN_MS)
  }
  raw.socket.on('data', (part: Buffer) => {
    heard(part.toString('latin1'))
  })
  raw.send(['j', 0, 'counter', token])
  parentPort?.once('message', () => {
    if (raw.closed) clicks.wrong += 1
    parentPort?.postMessage(clicks)
    raw.socket.destroy()
    parentPort?.close()
  })
}

void click(workerData as Begins)
