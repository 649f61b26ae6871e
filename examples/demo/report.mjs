import { setTimeout } from 'node:timers/promises'
import { html } from 'loom-live'
import { instruments } from './instruments.mjs'
import { loom, redis } from './loom.mjs'
import { rowsNow } from './market.mjs'
import { owns } from './owned.mjs'

const STEP_MS = 100
const STEPS = 80

/**
 * A visitor's report, one for all windows of the visitor: a shared component, whose key is the visitor. It lives on while
 * a page is loaded again, and so does its task.
 */
export const report = loom.register('report', {
  props: { isRunning: false, steps: 0, lines: /** @type {readonly string[]} */ ([]) },
  connected(props, ctx) {
    if (redis) ctx.task('owned', owns('a report'))
    return props
  },
  handle: {
    start(props, event, ctx) {
      // Two windows may have clicked at once.
      if (props.isRunning) return props
      ctx.task('written', write)
      return { isRunning: true, steps: 0, lines: [] }
    },
    cancel(props, event, ctx) {
      ctx.cancel('written')
      return { isRunning: false, steps: 0, lines: [] }
    },
  },
  receive: {
    // The task gives no values, and ends with the component.
    owned: (props) => props,
    written(props, { data, done, error }) {
      if (error !== undefined) return { isRunning: false, steps: 0, lines: ['The report has failed'] }
      if (done) return { ...props, isRunning: false, lines: /** @type {string[]} */ (data) }
      return { ...props, steps: Number(data) }
    },
  },
  render: ({ isRunning, steps, lines }) => html`
    <div class="buttons">
      <button class="main" data-l-click="${isRunning ? 'cancel' : 'start'}">
        ${isRunning ? 'Cancel' : lines.length === 0 ? 'Write a report' : 'Write another'}
      </button>
    </div>
    <progress max="${STEPS}" value="${steps}" aria-label="Progress of the report"></progress>
    <p class="note" role="status">
      ${
        isRunning
          ? 'The report is being written.'
          : lines.length === 0
            ? 'It takes some seconds, and goes on while you load this page again.'
            : lines.join('. ')
      }
    </p>
  `,
})

/**
 * Gives each step that is done, and at the end the lines of the report.
 * @param {AbortSignal} signal
 */
async function* write(signal) {
  const size = Math.ceil(instruments.length / STEPS)
  let [best, worst] = [instruments[0], instruments[0]].map((instrument) => ({ ...instrument, change: 0 }))
  const rows = await rowsNow()
  for (let step = 0; step < STEPS; step++) {
    await setTimeout(STEP_MS, undefined, { ref: false, signal })
    for (const instrument of instruments.slice(step * size, (step + 1) * size)) {
      const change = rows[instrument.id].price / instrument.open - 1
      if (change > best.change) best = { ...instrument, change }
      if (change < worst.change) worst = { ...instrument, change }
    }
    yield step + 1
  }
  return [`Best: ${best.name}, ${percent(best.change)}`, `Worst: ${worst.name}, ${percent(worst.change)}`]
}

/** @param {number} fraction */
function percent(fraction) {
  return `${fraction < 0 ? '−' : '+'}${Math.abs(fraction * 100).toFixed(2)}%`
}
