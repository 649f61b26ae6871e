// The page that shows what runs where. It is live, too: one component for all windows, which some process owns.

import { each, html } from 'loom-live'
import { loom } from '../demo/loom.mjs'

/** Each process tells here how it is. */
const HEALTH = 'cluster health'
/** Who has told nothing for so long is shown to be gone. */
const SILENT_MS = 2_500

const number = Number(process.env.LOOM_PROCESS)

/**
 * @typedef {object} Health
 * @property {number} number
 * @property {number} pid
 * @property {number} connections
 * @property {number} components
 * @property {boolean} isReady
 * @property {number} at when it was told
 */

/** Tells how this process is. */
export function tell() {
  const { connections, components } = loom.stats()
  /** @type {Health} */
  const health = { number, pid: process.pid, connections, components, isReady: loom.ready().ready, at: Date.now() }
  // If Redis is away, it is told a second later.
  loom.publish(HEALTH, health).catch(() => {})
}

/** Asks the parent process to end one of its children. */
function order(/** @type {unknown} */ value, /** @type {boolean} */ kill) {
  process.send?.({ order: { number: Number(value), kill } })
}

const cluster = loom.register('cluster', {
  props: { owner: 0, now: 0, processes: /** @type {readonly Health[]} */ ([]) },
  async connected(props, ctx) {
    await ctx.subscribe(HEALTH, 'told')
    ctx.every('clock', 1_000)
    return { owner: number, now: Date.now() }
  },
  handle: {
    kill(props, { value }) {
      order(value, true)
    },
    end(props, { value }) {
      order(value, false)
    },
  },
  receive: {
    told(props, { data, gap }) {
      if (gap) return props
      const health = /** @type {Health} */ (data)
      const others = props.processes.filter((one) => one.number !== health.number)
      return { ...props, processes: [...others, health].sort((one, other) => one.number - other.number) }
    },
    clock: (props) => ({ ...props, now: Date.now() }),
  },
  render: ({ owner, now, processes }) => html`
    <p class="note" role="status">This list is one component, which process ${owner} owns. The others follow it.</p>
    <ul class="processes">
      ${each(
        processes,
        (one) => one.number,
        (one) => html`
          <li>
            <p>
              <b>Process ${one.number}</b>
              <span class="${isGone(one, now) ? 'down' : 'up'}">${stateOf(one, now)}</span>
              <small>${isGone(one, now) ? '' : `pid ${one.pid}, ${one.connections} connections, ${one.components} components`}</small>
            </p>
            <div class="buttons">
              <button data-l-click="end" data-l-value="${one.number}" aria-label="End process ${one.number} in order">End in order</button>
              <button data-l-click="kill" data-l-value="${one.number}" aria-label="Kill process ${one.number}">Kill</button>
            </div>
          </li>
        `,
        [now],
      )}
    </ul>
  `,
})

/** A component of the page alone: which process has it, and clicks to see that nothing is lost. */
const here = loom.register('here', {
  props: { process: 0, moves: 0, clicks: 0 },
  connected: (props) => ({ process: number, moves: props.moves + (props.process === 0 ? 0 : 1) }),
  handle: { click: (props) => ({ ...props, clicks: props.clicks + 1 }) },
  render: ({ process, moves, clicks }) => html`
    <div class="bar">
      <div class="buttons"><button class="main" data-l-click="click">Clicks: <b>${clicks}</b></button></div>
      <p class="note" role="status">This counter is in process ${process}, and has moved ${moves} times.</p>
    </div>
  `,
})

/** @param {Health} one @param {number} now */
const isGone = ({ at }, now) => now - at > SILENT_MS

/** @param {Health} one @param {number} now */
const stateOf = (one, now) => (isGone(one, now) ? 'gone' : one.isReady ? 'ready' : 'not ready')

export async function clusterPage() {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>loom-live cluster</title>
    <link rel="icon" href="/icon.svg">
    <link rel="stylesheet" href="/style.css">
  </head>
  <body>
    <header>
      <h1>What runs where</h1>
      <p>Three processes, one Redis, and a proxy that sends each connection to the next process. End one of them: it is started again after three seconds. <a href="/">The demo</a></p>
    </header>
    <main>
      <section class="card table-card" aria-labelledby="processes">
        <h2 id="processes">Processes</h2>
        ${await loom.mount(cluster, {}, { shared: 'cluster' })}
      </section>
      <section class="card table-card" aria-labelledby="here">
        <h2 id="here">This page</h2>
        ${await loom.mount(here)}
      </section>
    </main>
    ${loom.script()}
  </body>
</html>`
}
