// Jobs live in the server, not in a component: they go on while nobody looks, and while a page is loaded again.

import { setTimeout } from 'node:timers/promises'
import { instruments } from './instruments.mjs'
import { ending, loom } from './loom.mjs'
import { market } from './market.mjs'

const STEP_MS = 100
const STEPS = 80
/** Visitors whose last report is kept. */
const KEPT = 1_000

/** @typedef {{ steps: number, of: number, lines: readonly string[] }} Report It is done once `steps` is `of`. */

/** @type {Map<string, Report>} */
const reports = new Map()

/** @param {string} visitor */
export function reportOf(visitor) {
  return reports.get(visitor) ?? null
}

/** @param {string} visitor */
export function topicOf(visitor) {
  return `report:${visitor}`
}

/**
 * Begins a report, unless one is being written.
 * @param {string} visitor
 */
export function startReport(visitor) {
  const last = reportOf(visitor)
  if (last !== null && last.steps < last.of) return
  write(visitor).catch((error) => {
    console.error(error)
    reports.delete(visitor)
  })
}

/** @param {string} visitor */
export function cancelReport(visitor) {
  reports.delete(visitor)
}

/** @param {string} visitor */
async function write(visitor) {
  const size = Math.ceil(instruments.length / STEPS)
  let report = keep(visitor, { steps: 0, of: STEPS, lines: [] })
  let [best, worst] = [instruments[0], instruments[0]].map((instrument) => ({ ...instrument, change: 0 }))
  while (report.steps < STEPS) {
    await loom.publish(topicOf(visitor), report)
    await setTimeout(STEP_MS, undefined, { ref: false })
    // It was cancelled, or gave way to others.
    if (reports.get(visitor) !== report || ending.signal.aborted) return
    for (const instrument of instruments.slice(report.steps * size, (report.steps + 1) * size)) {
      const change = market.rows[instrument.id].price / instrument.open - 1
      if (change > best.change) best = { ...instrument, change }
      if (change < worst.change) worst = { ...instrument, change }
    }
    report = keep(visitor, { ...report, steps: report.steps + 1 })
  }
  const lines = [`Best: ${best.name}, ${percent(best.change)}`, `Worst: ${worst.name}, ${percent(worst.change)}`]
  await loom.publish(topicOf(visitor), keep(visitor, { ...report, lines }))
}

/**
 * @param {string} visitor
 * @param {Report} report
 */
function keep(visitor, report) {
  // A map keeps the order in which its keys came: the first is the one that has not changed for longest.
  reports.delete(visitor)
  reports.set(visitor, report)
  if (reports.size > KEPT) reports.delete(reports.keys().next().value)
  return report
}

/** @param {number} fraction */
function percent(fraction) {
  return `${fraction < 0 ? '−' : '+'}${Math.abs(fraction * 100).toFixed(2)}%`
}
