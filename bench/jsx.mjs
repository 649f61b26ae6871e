// Measures a page in JSX beside the same page in `html`: with the compile step, and as compilers make it without.
//
//   node bench/jsx.mjs                       # --rounds 15 --millis 300 --only request

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { transformSync } from 'esbuild'
import { createLoom } from 'loom-live'
import { compileJsx } from 'loom-live/jsx-compiler'
import * as written from './pages/orders.mjs'
import { median, spread } from './support/statistics.mjs'

const { values } = parseArgs({
  options: { rounds: { type: 'string' }, millis: { type: 'string' }, only: { type: 'string' } },
})
const ROUNDS = Number(values.rounds ?? 15)
const MILLIS = Number(values.millis ?? 300)

/** The module that JSX becomes: by the compile step and esbuild, or by esbuild alone. */
function compiled(isCompiled) {
  const filename = new URL('pages/orders.jsx', import.meta.url)
  const source = readFileSync(filename, 'utf8')
  const { code } = transformSync(isCompiled ? compileJsx(source, { filename: filename.pathname }).code : source, {
    loader: 'jsx',
    format: 'cjs',
    target: 'node20',
    jsx: 'automatic',
    jsxImportSource: 'loom-live',
  })
  const module = { exports: {} }
  new Function('require', 'module', 'exports', code)(createRequire(import.meta.url), module, module.exports)
  return module.exports
}

const VARIANTS = { 'html': written, 'JSX, compiled': compiled(true), 'JSX, not compiled': compiled(false) }

const order = (id) => ({
  id,
  customer: id % 17,
  name: `Customer ${id % 17}`,
  total: (id * 37) % 1000,
  isPaid: id % 3 > 0,
})
const orders = (count) => Array.from({ length: count }, (_, id) => order(id))
const common = {
  path: '/orders',
  owner: 'Ada & Co',
  textError: '',
  since: '2026-01-01',
  sinceError: 'in the future',
  count: 9,
  note: '',
}

const changes = {
  /** A part of the page that is no row. */
  type: (props) => ({ ...props, text: props.text === 'a' ? 'b' : 'a', number: (props.number % 9) + 1 }),
  /** One row. */
  pay: (props) => {
    const all = props.orders.slice()
    const at = (props.number * 7) % all.length
    all[at] = { ...all[at], isPaid: !all[at].isPaid }
    return { ...props, orders: all, number: (props.number % 9) + 1 }
  },
}

const loom = createLoom({ secret: 'x'.repeat(32), development: false, limits: { eventRate: 1e9, eventBurst: 1e9 } })

const module = (name, render, count) =>
  loom.register(name, { props: { ...common, text: '', number: 1, orders: orders(count) }, handle: changes, render })

/** Returns `once`, which does the work one time and resolves when it is done. */
async function mounting(name, render, count) {
  const registered = module(name, render, count)
  return { once: () => loom.mount(registered, {}), end: () => undefined }
}

async function eventing(name, render, count, handler) {
  const registered = module(name, render, count)
  const props = JSON.stringify({ ...common, text: '', number: 1, orders: orders(count) })
  let answered = () => undefined
  const socket = await loom.start(name, (message) => answered(message), registered, props)
  const once = () =>
    new Promise((resolve, reject) => {
      answered = (message) => (message.type === 'error' ? reject(new Error(JSON.stringify(message))) : resolve())
      socket.send({ type: 'event', handler, event: 'click' })
    })
  return { once, end: () => socket.stop() }
}

const WORKLOADS = {
  'the page, rendered for a request: 20 orders': (name, { page }) => mounting(name, page, 20),
  'the page, rendered for a request: 200 orders': (name, { page }) => mounting(name, page, 200),
  'an event that changes a text: 200 orders': (name, { page }) => eventing(name, page, 200, 'type'),
  'an event that changes a row: 200 orders': (name, { page }) => eventing(name, page, 200, 'pay'),
  'an event, all of 1,000 keyed rows rendered': (name, { table }) => eventing(name, table, 1_000, 'pay'),
}

/** CPU time of all threads for one call of `once`, in microseconds. */
async function cost(once, millis) {
  const end = performance.now() + millis
  const before = process.cpuUsage()
  let count = 0
  while (performance.now() < end) {
    for (let more = 0; more < 8; more++) await once()
    count += 8
  }
  const { user, system } = process.cpuUsage(before)
  return (user + system) / count
}

// A live socket does not keep the process alive, so a timer does.
const stays = setInterval(() => undefined, 1_000)
console.log('| what | variant | CPU µs | of html |\n| --- | --- | ---: | ---: |')
for (const [what, begin] of Object.entries(WORKLOADS)) {
  if (!what.includes(values.only ?? '')) continue
  const running = []
  for (const [variant, pages] of Object.entries(VARIANTS)) {
    running.push({ variant, costs: [], ...(await begin(`${what} ${variant}`, pages)) })
  }
  for (const { once } of running) await cost(once, MILLIS * 2)
  for (let round = 0; round < ROUNDS; round++) {
    // In turn, and each one comes first once, so that other work of the machine slows all of them alike.
    for (let at = 0; at < running.length; at++) {
      const one = running[(at + round) % running.length]
      one.costs.push(await cost(one.once, MILLIS))
    }
  }
  const [plain] = running
  for (const { variant, costs, end } of running) {
    const ratios = costs.map((one, round) => one / plain.costs[round])
    console.log(
      `| ${what} | ${variant} | ${median(costs).toFixed(1)} | ${variant === 'html' ? '' : `**${spread(ratios)}**`} |`,
    )
    await end()
  }
  await sleep(100)
}
clearInterval(stays)
await loom.close({ timeout: 0 })
