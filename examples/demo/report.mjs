import { randomUUID } from 'node:crypto'
import { html } from 'loom-live'
import { loom } from './loom.mjs'
import { cancelReport, reportOf, startReport, topicOf } from './reports.mjs'
import { visitorOf } from './visitor.mjs'

/** @typedef {import('./reports.mjs').Report} Report */

export const report = loom.register('report', {
  props: { visitor: '', report: /** @type {Report | null} */ (null) },
  // The first paint shows how far the report is already.
  mount: (props, ctx) => ({ report: reportOf(visitorOf(ctx.request) ?? '') }),
  async connected(props, ctx) {
    // A browser that takes no cookies begins anew when the page is loaded again.
    const visitor = visitorOf(ctx.request) ?? (props.visitor || randomUUID())
    await ctx.subscribe(topicOf(visitor), 'progress')
    return { visitor, report: reportOf(visitor) }
  },
  handle: {
    start(props) {
      startReport(props.visitor)
      return { ...props, report: reportOf(props.visitor) }
    },
    cancel(props, event, ctx) {
      cancelReport(props.visitor)
      // The visitor's other windows hear of it.
      ctx.publish(topicOf(props.visitor), null)
      return { ...props, report: null }
    },
  },
  receive: {
    progress: (props, { data, gap }) => ({
      ...props,
      report: gap ? reportOf(props.visitor) : /** @type {Report | null} */ (data),
    }),
  },
  render: ({ report }) => {
    const isRunning = report !== null && report.steps < report.of
    return html`
      <div class="buttons">
        <button class="main" data-l-click="${isRunning ? 'cancel' : 'start'}">
          ${isRunning ? 'Cancel' : report === null ? 'Write a report' : 'Write another'}
        </button>
      </div>
      <progress max="${report?.of ?? 1}" value="${report?.steps ?? 0}" aria-label="Progress of the report"></progress>
      <p class="note" role="status">${stateOf(report)}</p>
    `
  },
})

/** @param {Report | null} report */
function stateOf(report) {
  if (report === null) return 'It takes some seconds, and goes on while you load this page again.'
  if (report.steps < report.of) return 'The report is being written.'
  return report.lines.join('. ')
}
