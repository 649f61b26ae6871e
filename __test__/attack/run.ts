/** Each attack against a server of its own, and a line of what it came to. */

import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { ATTACKS } from './attacks'
import type { Begins, Clicks } from './innocent'
import { Target } from './target'

const MB = 1 << 20

/** Runs the attacks of these names, or all; true if every bound has held. */
export async function run(root: string, names: readonly string[], say: (line: string) => void): Promise<boolean> {
  const chosen = ATTACKS.filter(({ name }) => names.length === 0 || names.includes(name))
  if (chosen.length === 0) throw new Error(`Expected one of ${ATTACKS.map(({ name }) => name).join(', ')}`)
  let held = true
  for (const attack of chosen) {
    const target = await Target.start(root, attack.limits ?? {}, attack.publishes)
    const tokens = await target.tokens()
    const workerData: Begins = { port: target.port, token: tokens.counter }
    const innocent = new Worker(new URL('innocent.mjs', import.meta.url), { workerData })
    await once(innocent, 'message')
    const before = await target.sample()
    const fate = await attack.run(target, tokens)
    const after = await target.sample()
    innocent.postMessage('end')
    const [{ times, wrong }] = (await once(innocent, 'message')) as [Clicks]
    target.end()
    const most = Math.max(...target.samples.map(({ rss }) => rss))
    const grown = most - before.rss
    const faults = [...fate.faults]
    if (grown > attack.bytes) faults.push(`memory grew by ${mb(grown)}`)
    if (wrong > 0) faults.push(`${wrong} clicks of the innocent page failed`)
    if (times.length === 0) faults.push('no click of the innocent page was answered')
    const memory = `memory ${mb(before.rss)} before, ${mb(most)} at most, ${mb(after.rss)} after; at most ${mb(attack.bytes)} more allowed`
    const page = `innocent: ${times.length} clicks, p99 ${percentile(times).toFixed(1)} ms`
    say(
      `${faults.length === 0 ? 'held  ' : 'BROKEN'} ${attack.name}\n       ${memory}\n       ${page}\n       attacker: ${fate.said}`,
    )
    for (const fault of faults) say(`       ! ${fault}`)
    held &&= faults.length === 0
  }
  return held
}

/** The time within which 99 of 100 clicks were answered, in milliseconds. */
function percentile(times: number[]): number {
  const sorted = times.sort((one, other) => one - other)
  return sorted[Math.floor(sorted.length * 0.99)] ?? Infinity
}

function mb(bytes: number): string {
  return `${(bytes / MB).toFixed(0)} MB`
}
