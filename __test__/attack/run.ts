/** Each attack against a server of its own, and a line of what it came to. */

import { ATTACKS } from './attacks'
import { Innocent, Target } from './target'

const MB = 1 << 20

/** Runs the attacks of these names, or all; true if every bound has held. */
export async function run(root: string, names: readonly string[], say: (line: string) => void): Promise<boolean> {
  const chosen = ATTACKS.filter(({ name }) => names.length === 0 || names.includes(name))
  if (chosen.length === 0) throw new Error(`Expected one of ${ATTACKS.map(({ name }) => name).join(', ')}`)
  let held = true
  for (const attack of chosen) {
    const target = await Target.start(root, attack.limits ?? {})
    const tokens = await target.tokens()
    const innocent = await Innocent.start(target, tokens.counter)
    const before = await target.sample()
    const fate = await attack.run(target, tokens)
    const after = await target.sample()
    innocent.end()
    target.end()
    const most = Math.max(...target.samples.map(({ rss }) => rss))
    const grown = most - before.rss
    const faults = [...fate.faults]
    if (grown > attack.bytes) faults.push(`memory grew by ${mb(grown)}`)
    if (innocent.right < innocent.clicks) faults.push(`${innocent.clicks - innocent.right} clicks of the innocent page failed`)
    if (innocent.clicks === 0) faults.push('no click of the innocent page was answered')
    const memory = `memory ${mb(before.rss)} before, ${mb(most)} at most, ${mb(after.rss)} after; at most ${mb(attack.bytes)} more allowed`
    const page = `innocent: ${innocent.clicks} clicks, p99 ${innocent.p99.toFixed(1)} ms`
    say(`${faults.length === 0 ? 'held  ' : 'BROKEN'} ${attack.name}\n       ${memory}\n       ${page}\n       attacker: ${fate.said}`)
    for (const fault of faults) say(`       ! ${fault}`)
    held &&= faults.length === 0
  }
  return held
}

function mb(bytes: number): string {
  return `${(bytes / MB).toFixed(0)} MB`
}
