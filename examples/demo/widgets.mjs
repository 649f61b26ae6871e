// Two libraries of npm on a page, each in a hook: a chart that the server feeds, and an editor that asks the server.

import { html } from 'loom-live'
import { framed } from './frame.mjs'
import { loom } from './loom.mjs'

const POINTS = 40
const EACH_MS = 500
const MOST_CHARACTERS = 10_000

const load = loom.register('load', {
  props: { points: /** @type {number[]} */ ([50]), paused: false },
  connected: (_, ctx) => ctx.every('measured', EACH_MS),
  handle: {
    pause: (props) => ({ ...props, paused: !props.paused }),
  },
  receive: {
    measured: (props) => {
      if (props.paused) return undefined
      const last = props.points.at(-1) ?? 50
      const next = Math.round(Math.min(Math.max(last + Math.random() * 20 - 10, 0), 100))
      return { ...props, points: [...props.points, next].slice(-POINTS) }
    },
  },
  render: ({ points, paused }) => html`
    <div
      class="chart"
      role="img"
      aria-label="Load of the last ${(POINTS * EACH_MS) / 1000} seconds"
      data-l-hook="chart"
      data-l-ignore
      data-points="${JSON.stringify(points)}"
    ></div>
    <div class="buttons">
      <button type="button" id="pause" aria-pressed="${paused}" @click="pause">Pause</button>
      <span>Now <b id="now">${points.at(-1)}</b> %</span>
    </div>
  `,
})

/** @typedef {{ from: number, to: number, severity: 'error', message: string }} Problem */

/**
 * What is wrong with a text, and where.
 * @param {string} text
 * @returns {Problem[]}
 */
function problemsOf(text) {
  /** @type {(message: string, from?: number, to?: number) => Problem[]} */
  const problem = (message, from = 0, to = text.length) => [{ from, to, severity: 'error', message }]
  let settings
  try {
    settings = JSON.parse(text)
  } catch (error) {
    const message = /** @type {Error} */ (error).message
    const at = Number(/position (\d+)/.exec(message)?.[1] ?? text.length)
    return problem(message, Math.min(at, text.length), Math.min(at + 1, text.length))
  }
  if (typeof settings !== 'object' || settings === null || Array.isArray(settings)) return problem('This is no object.')
  const { port } = settings
  const isPort = Number.isInteger(port) && port > 0 && port < 65_536
  return isPort ? [] : problem('The port has to be a whole number from 1 to 65535.')
}

/** @param {unknown} args */
function textIn(args) {
  const { text } = /** @type {{ text?: unknown }} */ (args ?? {})
  if (typeof text !== 'string' || text.length > MOST_CHARACTERS) throw new Error('The text is too long.')
  return text
}

const FIRST = '{\n  "name": "demo",\n  "port": 3000\n}\n'

const settings = loom.register('editor', {
  props: { saved: FIRST, version: 1 },
  handle: {
    check: (_, { args }, ctx) => ctx.reply(problemsOf(textIn(args))),
    save: (props, { args }, ctx) => {
      const text = textIn(args)
      const problems = problemsOf(text).length
      const version = problems ? props.version : props.version + 1
      ctx.reply({ version, problems })
      return problems ? props : { saved: text, version }
    },
    restore: ({ saved }, _, ctx) => ctx.push('restored', { text: saved }),
  },
  render: ({ saved, version }) => html`
    <div data-l-hook="editor">
      <div class="code" data-l-ignore data-label="Settings, as JSON" data-text="${saved}"></div>
      <div class="buttons">
        <button type="button" id="save">Save</button>
        <button type="button" id="restore" @click="restore">Back to version ${version}</button>
        <span class="status" role="status" data-l-ignore></span>
      </div>
    </div>
    <p>On the server: version <b id="version">${version}</b>, <b id="length">${saved.length}</b> characters.</p>
  `,
})

/** @param {import('express').Request} request */
export async function widgetsPage(request) {
  return framed(
    {
      path: '/widgets',
      title: 'Widgets',
      styles: ['forms.css', 'widgets.css'],
      scripts: ['scripts/chart.js', 'scripts/editor.js'],
    },
    `<header>
      <h1>Widgets</h1>
      <p>Libraries of npm, each in a hook: a chart that the server feeds, and an editor that asks the server.</p>
    </header>
    <main class="single">
      <section class="card" aria-labelledby="chart">
        <h2 id="chart">A chart <code>widgets.mjs</code></h2>
        ${await loom.mount(load, {}, { request })}
      </section>
      <section class="card" aria-labelledby="editor">
        <h2 id="editor">An editor</h2>
        ${await loom.mount(settings, {}, { request })}
      </section>
    </main>`,
  )
}
