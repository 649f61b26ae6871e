// Measures tests of pages: a page of `loom-live/testing`, its parts, and the tests of the demo.
//
//   node bench/tests.mjs                     # --pages 200 --rounds 5

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Window } from 'happy-dom'
import { createLoom, html } from 'loom-live'
import { openPage } from 'loom-live/testing'
import { spread } from './support/statistics.mjs'

const { values } = parseArgs({ options: { pages: { type: 'string' }, rounds: { type: 'string' } } })
const PAGES = Number(values.pages ?? 200)
const ROUNDS = Number(values.rounds ?? 5)

const loom = createLoom({ secret: 's'.repeat(32), development: false })
const counter = loom.register('counter', {
  props: { count: 0 },
  handle: { add: ({ count }) => ({ count: count + 1 }) },
  render: ({ count }) => html`<button data-l-click="add">Add</button><output>${count}</output>`,
})

/** The times of the steps, in their order; each step gets what the one before it has returned. */
async function timed(...steps) {
  const times = []
  let given
  for (const step of steps) {
    const began = performance.now()
    given = await step(given)
    times.push(performance.now() - began)
  }
  return times
}

const window = () =>
  timed(
    () => new Window({ url: 'http://localhost/', width: 1024, height: 768 }),
    (made) => made.happyDOM.close(),
  )

const page = () =>
  timed(
    () => openPage(loom, counter),
    async (opened) => {
      await opened.click('button')
      return opened
    },
    (opened) => opened.close(),
  )

async function measure(names, once) {
  const all = []
  // What comes first loads and compiles.
  for (let count = -20; count < PAGES; count++) {
    const times = await once()
    if (count >= 0) all.push(times)
  }
  for (const [at, name] of names.entries()) {
    const times = all.map((one) => one[at])
    console.log(`${name}: ${spread(times)} ms`)
  }
}

/** The milliseconds that the demo's tests took, without the start of Node, and how many there are. */
function demo() {
  const tests = fileURLToPath(new URL('../examples/demo/tests/components.test.mjs', import.meta.url))
  const { stdout } = spawnSync(process.execPath, ['--test-reporter=tap', tests], {
    encoding: 'utf8',
    env: { ...process.env, NODE_ENV: 'production', LOOM_SECRET: 's'.repeat(32) },
  })
  const times = [...stdout.matchAll(/^ {2}duration_ms: ([\d.]+)$/gm)].map(([, time]) => Number(time))
  return { count: times.length, sum: times.reduce((all, time) => all + time, 0) }
}

await measure(['happy-dom alone: a window', 'happy-dom alone: its end'], window)
await measure(['a page: openPage', 'a page: click', 'a page: close'], page)
await loom.close()
const rounds = Array.from({ length: ROUNDS }, demo)
const sums = rounds.map(({ sum }) => sum)
console.log(`${rounds[0].count} tests of the demo: ${spread(sums, 0)} ms`)
