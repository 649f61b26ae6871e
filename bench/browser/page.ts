/** Runs in the browser: measures, and gives the figures to `run.mjs`. */

import { decode, encode } from './binary'
import { engines, joiners, pageOf } from './engines'
import { frame, operations, row, rows } from './workload'

/** How often an operation is done in one measurement; for the morph engine a twentieth of it is enough. */
const REPEATS: Record<string, number> = {
  'one cell': 200,
  'one row in at the front': 20,
  'two rows swapped': 20,
  '1,000 rows replaced': 4,
  'all cells changed': 8,
}

/** The most repeats of the morph engine: it takes long, and its figures are far from the others'. */
const MOST_MORPHS = 4

/** How many measurements are made first and not counted. */
const WARM_UP = 3

export interface Figure {
  engine: string
  operation: string
  count: number
  /** Microseconds from the message to the page: the median, and the quartiles. */
  us: number
  low: number
  high: number
  /** The median of the same, with the layout that follows. */
  layout: number
}

function quantile(values: number[], at: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor((sorted.length - 1) * at)] as number
}

const layOut = (container: HTMLElement) => container.offsetHeight

const pause = () => new Promise((resolve) => setTimeout(resolve))

/** Measures one engine, or all of them. */
async function measure(operation: string, count: number, samples: number, only?: string): Promise<Figure[]> {
  const measured = Object.entries(engines).filter(([name]) => !only || name === only)
  const times = new Map<string, number[]>(measured.map(([name]) => [name, []]))
  const laidOut = new Map<string, number[]>(measured.map(([name]) => [name, []]))
  const say = operations[operation] as (typeof operations)[string]
  const repeats = REPEATS[operation] ?? 1
  // The engines take turns, so that other work of the machine slows all of them alike.
  for (let sample = 0; sample < samples; sample++) {
    for (const [name, make] of measured) {
      if (name.startsWith('morph') && sample >= MOST_MORPHS) continue
      const container = document.body.appendChild(document.createElement('div'))
      const engine = make(container, rows(count))
      layOut(container)
      const turns = name.startsWith('morph') ? Math.ceil(repeats / 20) : repeats
      const frames = Array.from({ length: WARM_UP + turns + 1 }, (_, round) => frame(say(count, round + 1)))
      for (const one of frames.splice(0, WARM_UP)) engine.receive(one)
      layOut(container)
      await pause()
      // Long operations are timed one by one, so that the median leaves out those with a garbage collection.
      const atOnce = turns > 10 ? turns : 1
      for (let turn = 0; turn < turns; turn += atOnce) {
        const start = performance.now()
        for (let more = 0; more < atOnce; more++) engine.receive(frames[turn + more] as string)
        times.get(name)?.push(((performance.now() - start) / atOnce) * 1000)
      }
      layOut(container)
      const again = performance.now()
      engine.receive(frames[turns] as string)
      layOut(container)
      laidOut.get(name)?.push((performance.now() - again) * 1000)
      container.remove()
      await pause()
    }
  }
  return [...times].map(([engine, found]) => ({
    engine,
    operation,
    count,
    us: quantile(found, 0.5),
    low: quantile(found, 0.25),
    high: quantile(found, 0.75),
    layout: quantile(laidOut.get(engine) ?? [], 0.5),
  }))
}

/** How long each way takes to make a page that the server rendered live. */
async function joining(count: number, samples: number): Promise<[string, number][]> {
  const times = new Map<string, number[]>(Object.keys(joiners).map((name) => [name, []]))
  const shown = rows(count)
  for (let sample = 0; sample < samples; sample++) {
    for (const [name, join] of Object.entries(joiners)) {
      const container = document.body.appendChild(document.createElement('div'))
      container.innerHTML = pageOf(shown)
      layOut(container)
      await pause()
      const start = performance.now()
      join(container, shown)
      times.get(name)?.push((performance.now() - start) * 1000)
      container.remove()
      await pause()
    }
  }
  return [...times].map(([name, found]) => [name, quantile(found, 0.5)])
}

function time(work: () => void, repeats: number): number {
  const found: number[] = []
  for (let sample = 0; sample < 30; sample++) {
    const start = performance.now()
    for (let round = 0; round < repeats; round++) work()
    found.push(((performance.now() - start) / repeats) * 1000)
  }
  return quantile(found, 0.5)
}

function encodings() {
  const messages: Record<string, [unknown, number]> = {
    'one cell': [[0, 0, { c: [512, [4, '101.50']] }], 5_000],
    '1,000 rows': [[0, 0, { i: Array.from({ length: 1000 }, (_, at) => [at, row(at)]).flat() }], 20],
  }
  return Object.entries(messages).map(([name, [message, repeats]]) => {
    const text = JSON.stringify(message)
    const bytes = encode(message)
    if (JSON.stringify(decode(bytes)) !== text) throw new Error('The binary form does not come back as it went')
    return {
      name,
      text: text.length,
      bytes: bytes.length,
      textUs: time(() => JSON.parse(text) as unknown, repeats),
      bytesUs: time(() => decode(bytes), repeats),
    }
  })
}

Object.assign(window, { measure, joining, encodings, operations: Object.keys(operations) })
