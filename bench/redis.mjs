// How much one Redis carries: its own CPU time and memory for each state, each message of a topic, each process that
// hears it, and each change of a shared component. Starts a Redis of its own. See README.md.
//
//   node bench/redis.mjs [seconds]        after npm run build; about a minute with 5 seconds for each

import { spawn, execFileSync } from 'node:child_process'
import { createServer as createHttp } from 'node:http'
import { createServer } from 'node:net'
import { createLoom, html } from 'loom-live'
import WebSocket from 'ws'

const seconds = Number(process.argv[2] ?? 5)
const port = await new Promise((resolve) => {
  const probe = createServer().listen(0, '127.0.0.1', () => {
    const { port } = probe.address()
    probe.close(() => resolve(port))
  })
})
const server = spawn('redis-server', ['--port', String(port), '--save', '', '--bind', '127.0.0.1'], { stdio: 'ignore' })
await new Promise((go) => setTimeout(go, 500))
const redis = `redis://127.0.0.1:${port}`
const ask = (...command) => execFileSync('redis-cli', ['-p', String(port), ...command], { encoding: 'utf8' }).trim()
/** The CPU time of Redis so far, in seconds. */
const cpu = () => {
  const info = ask('INFO', 'cpu')
  return ['used_cpu_user', 'used_cpu_sys'].reduce(
    (sum, name) => sum + Number(new RegExp(`${name}:(\\S+)`).exec(info)[1]),
    0,
  )
}

const secret = 's'.repeat(32)
const logger = { error: console.error, warn() {} }
async function start(options) {
  const loom = createLoom({
    secret,
    logger,
    limits: { eventRate: 1e6, eventRatePerAddress: 1e6, patchRate: 1000 },
    ...options,
  })
  loom.register('counter', {
    props: { count: 0 },
    handle: { add: ({ count }) => ({ count: count + 1 }) },
    render: ({ count }) => html`<p>${count}</p>`,
  })
  loom.register('reader', {
    props: { got: 0 },
    connected: (_, ctx) => ctx.subscribe('news', 'told'),
    handle: {},
    receive: { told: ({ got }) => ({ got: got + 1 }) },
    render: ({ got }) => html`<p>${got}</p>`,
  })
  const http = createHttp()
  loom.attach(http)
  await new Promise((go) => http.listen(0, '127.0.0.1', go))
  return { loom, http, url: `ws://127.0.0.1:${http.address().port}/loom/ws` }
}

/** A page that shows a component; `click` clicks, and again at each answer. */
async function page({ loom, url }, module, options, click = false) {
  const token = /data-l-token="([^"]+)"/.exec(String(await loom.mount(module, options ? {} : undefined, options)))[1]
  const ws = new WebSocket(url, 'loom.2')
  const one = { answers: 0, ws }
  let number = 0
  const send = () => ws.send(JSON.stringify(['e', 1, ++number, number - 1, 'add', 'click', {}]))
  await new Promise((joined) => {
    ws.on('open', () => ws.send(JSON.stringify(['j', 1, module, token])))
    ws.on('message', (data) => {
      const frame = JSON.parse(data)
      for (const message of Array.isArray(frame[0]) ? frame : [frame]) {
        if (message[0] === 'j') joined()
        if (message[0] === 1) {
          one.answers++
          if (one.clicks) send()
        }
      }
    })
  })
  one.begin = () => {
    one.clicks = true
    send()
  }
  if (click) one.begin()
  return one
}

const rows = []
async function measure(what, begin) {
  const { count, end } = await begin()
  await new Promise((go) => setTimeout(go, 500))
  const [from, before] = [cpu(), count()]
  await new Promise((go) => setTimeout(go, seconds * 1000))
  const each = ((cpu() - from) / (count() - before)) * 1e6
  rows.push([what, Math.round((count() - before) / seconds), each])
  await end()
}

const close = (all) => Promise.all(all.map(async ({ loom, http }) => (http.close(), loom.close({ timeout: 0 }))))

await measure('a state: an event of a component with `store`', async () => {
  const site = await start({ store: { redis } })
  const pages = await Promise.all(Array.from({ length: 50 }, () => page(site, 'counter', undefined, true)))
  return { count: () => pages.reduce((sum, { answers }) => sum + answers, 0), end: () => close([site]) }
})
for (const processes of [1, 3]) {
  await measure(`a message of a topic that ${processes} process${processes > 1 ? 'es hear' : ' hears'}`, async () => {
    const sites = []
    for (let number = 0; number < processes; number++) sites.push(await start({ backplane: { redis } }))
    await Promise.all(sites.map((site) => page(site, 'reader')))
    let [sent, runs] = [0, true]
    const publish = async () => {
      while (runs) {
        await sites[0].loom.publish('news', { price: 7 })
        sent++
      }
    }
    for (let number = 0; number < 16; number++) void publish()
    return {
      count: () => sent,
      end: () => ((runs = false), new Promise((go) => setTimeout(go, 200)).then(() => close(sites))),
    }
  })
}
await measure('a change of a shared component that one process owns and two follow', async () => {
  const sites = [
    await start({ backplane: { redis } }),
    await start({ backplane: { redis } }),
    await start({ backplane: { redis } }),
  ]
  const pages = []
  for (const site of sites) pages.push(await page(site, 'counter', { shared: 'one' }))
  pages[0].begin()
  return { count: () => pages[0].answers, end: () => close(sites) }
})

console.log('| what | each second here | CPU of Redis for each | at 70 % of one core |\n| --- | --- | --- | --- |')
for (const [what, rate, each] of rows)
  console.log(
    `| ${what} | ${rate} | ${each.toFixed(1)} µs | ${Math.round(700_000 / each).toLocaleString('en')} a second |`,
  )

const size = (pattern) => {
  const keys = ask('KEYS', pattern).split('\n').filter(Boolean)
  const bytes = keys.map((key) => Number(ask('MEMORY', 'USAGE', key)))
  return keys.length === 0 ? 'none' : `${Math.round(bytes.reduce((sum, one) => sum + one, 0) / keys.length)} bytes`
}
console.log('\n| key | memory |\n| --- | --- |')
for (const kind of ['state', 'topic', 'messages', 'owner', 'home', 'process'])
  console.log(`| \`${kind}:{…}\` | ${size(`loom:${kind}:*`)} |`)
server.kill()
process.exit()
