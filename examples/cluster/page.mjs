// The page that shows what runs where. It is live, too: one component for all windows, which some process owns.

import { each, html } from 'loom-live'
import { redisInfo } from '../demo/kept.mjs'
import { loom } from '../demo/loom.mjs'
import { ownedNames, owns } from '../demo/owned.mjs'

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
 * @property {readonly string[]} owned names of the shared components that it owns
 * @property {number} parent the process that has started it, and is the proxy
 * @property {boolean} isReady
 * @property {Awaited<ReturnType<typeof redisInfo>> & { hosts: string } | undefined} redis
 * @property {number} at when it was told
 */

/** Tells how this process is. */
export async function tell() {
  const { connections, components, redis } = loom.stats()
  // If Redis is away, nothing of this can be told until it is back.
  const info = await redisInfo().catch(() => undefined)
  /** @type {Health} */
  const health = {
    number,
    pid: process.pid,
    connections,
    components,
    owned: ownedNames(),
    parent: process.ppid,
    isReady: loom.ready().ready,
    redis: info && { ...info, hosts: redis[0]?.hosts ?? '' },
    at: Date.now(),
  }
  await loom.publish(HEALTH, health).catch(() => {})
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
    ctx.task('owned', owns('this list'))
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
    // The task gives no values, and ends with the component.
    owned: (props) => props,
    clock: (props) => ({ ...props, now: Date.now() }),
  },
  render: ({ owner, now, processes }) => html`
    <p class="note" role="status">This list is one component, which process ${owner} owns. The others follow it.</p>
    <ul class="processes">
      ${redisRow(processes, now)}
      ${parentRow(processes)}
      ${each(
        processes,
        (one) => one.number,
        (one) => html`
          <li>
            <p>
              <b>Process ${one.number}</b>
              <span class="${isGone(one, now) ? 'down' : 'up'}">${stateOf(one, now)}</span>
              <small>${isGone(one, now) ? '' : `pid ${one.pid}, ${one.connections} connections, ${one.components} components, ${roleOf(one)}`}</small>
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

/** Redis, as the process that has told last sees it. @param {readonly Health[]} processes @param {number} now */
function redisRow(processes, now) {
  const last = [...processes].sort((one, other) => other.at - one.at).find(({ redis }) => redis !== undefined)
  if (!last?.redis) return false
  const { hosts, version, pid, memory } = last.redis
  const isUp = now - last.at <= SILENT_MS
  return html`
    <li class="redis">
      <p>
        <b>Redis</b>
        <span class="${isUp ? 'up' : 'down'}">${isUp ? 'reachable' : 'was away'}</span>
        <small>pid ${pid}, version ${version}, at ${hosts}, ${memory} of memory: states, topics, who is here and who owns what</small>
      </p>
    </li>
  `
}

/** @param {readonly Health[]} processes */
const parentRow = ([one]) =>
  one &&
  html`
    <li class="parent">
      <p><b>Proxy</b> <small>pid ${one.parent}, starts the processes, and sends each connection to the next one</small></p>
    </li>
  `

/** @param {Health} one */
const roleOf = ({ owned }) => (owned.length === 0 ? 'owns no shared component' : `owns ${owned.join(', ')}`)

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
