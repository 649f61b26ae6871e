// Measures the browser's side in headless Chromium and prints tables: `node bench/browser/run.mjs [samples]`. With
// `--against CLONE` it compares the client with that of another clone of this repository, in the same browser.

import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { brotliCompressSync, constants } from 'node:zlib'
import packed from '@sparticuz/chromium'
import { build } from 'esbuild'
import { chromium } from 'playwright-core'
import { spread } from '../support/statistics.mjs'
import { table } from '../support/table.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const { values, positionals } = parseArgs({ options: { against: { type: 'string' } }, allowPositionals: true })
const samples = Number(positionals[0] ?? 15)

/**
 * The file of a clone that corresponds to this path. Clones from before the client's folders have all files in one
 * folder.
 */
function fileIn(clone, path) {
  const inRoom = `${join(clone, path)}.ts`
  return existsSync(inRoom) ? inRoom : `${join(clone, 'client', basename(path))}.ts`
}

/** With `clone`, the client of that clone is measured. */
async function bundle(contents, clone) {
  const fromClone = {
    name: 'client',
    setup({ onResolve }) {
      onResolve({ filter: /^\.\.\/\.\.\/client\// }, ({ path }) => ({ path: fileIn(clone, path.slice(6)) }))
    },
  }
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: here, loader: 'ts' },
    plugins: clone ? [fromClone] : [],
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2020',
    write: false,
  })
  return Buffer.from(outputFiles[0].contents)
}

function brotli(bytes) {
  return brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length
}

const scripts = {
  '/page.js': await bundle("import './page'"),
  '/before.js': values.against && (await bundle("import './page'", values.against)),
}
const server = createServer((request, response) => {
  // With these headers the page's clock has steps of 5 µs instead of 100.
  response.setHeader('cross-origin-opener-policy', 'same-origin')
  response.setHeader('cross-origin-embedder-policy', 'require-corp')
  const script = scripts[request.url]
  response.setHeader('content-type', script ? 'text/javascript' : 'text/html; charset=utf-8')
  const source = request.url === '/before' ? '/before.js' : '/page.js'
  response.end(
    script ?? `<!doctype html><link rel="icon" href="data:,"><body><script type="module" src="${source}"></script>`,
  )
})
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
const args = ['--headless=new', '--no-sandbox', '--disable-gpu', '--no-first-run']
const browser = await chromium.launch({ executablePath: await packed.executablePath(), args })
try {
  if (values.against) await compare()
  else await measure(await open('/'))
} finally {
  await browser.close()
  server.close()
}

async function open(path) {
  const page = await browser.newPage()
  page.on('pageerror', (error) => console.error(error))
  await page.goto(`http://127.0.0.1:${server.address().port}${path}`)
  await page.waitForFunction(() => 'measure' in window)
  return page
}

/** The client before and now, one sample after the other. */
async function compare() {
  const pages = [await open('/before'), await open('/')]
  const names = await pages[0].evaluate(() => window.operations)
  const rows = []
  for (const count of [1_000, 10_000]) {
    for (const name of names) {
      const found = [[], []]
      for (let sample = 0; sample < samples; sample++) {
        for (const [at, page] of pages.entries()) {
          const [own] = await page.evaluate(([a, b]) => window.measure(a, b, 1, 'loom-live'), [name, count])
          found[at].push(own.us)
        }
      }
      const [before, now] = found
      rows.push([String(count), name, spread(before), spread(now), spread(now.map((us, at) => us / before[at]))])
    }
  }
  console.log(table(['rows', 'operation', 'before, µs', 'now, µs', 'now : before'], rows))
}

async function measure(page) {
  const names = await page.evaluate(() => window.operations)
  console.log(`Chromium ${browser.version()}, ${samples} samples, medians (quartiles) in microseconds.\n`)
  console.log(
    '| rows | operation | loom-live | lit-html with `repeat` | morphdom | lit : ours | morph : ours | with layout: ours, lit, morph |',
  )
  console.log('| --- | --- | --- | --- | --- | --- | --- | --- |')
  for (const count of [1_000, 10_000]) {
    for (const name of names) {
      const [own, lit, morph] = await page.evaluate(([a, b, c]) => window.measure(a, b, c), [name, count, samples])
      const cell = ({ us, low, high }) => `${show(us)} (${show(low)}–${show(high)})`
      const ratios = [lit, morph].map(({ us }) => `${(us / own.us).toFixed(us / own.us < 10 ? 1 : 0)}×`)
      const laidOut = [own, lit, morph].map(({ layout }) => show(layout)).join(', ')
      console.log(
        `| ${count.toLocaleString('en')} | ${[name, ...[own, lit, morph].map(cell), ...ratios, laidOut].join(' | ')} |`,
      )
    }
  }
  console.log('\n| a page of the server becomes live, ms | 1,000 rows | 10,000 rows |\n| --- | --- | --- |')
  const [few, many] = [
    await page.evaluate((n) => window.joining(1_000, n), samples),
    await page.evaluate((n) => window.joining(10_000, n), samples),
  ]
  few.forEach(([name, us], at) =>
    console.log(`| ${name} | ${(us / 1000).toFixed(1)} | ${(many[at][1] / 1000).toFixed(1)} |`),
  )
  console.log(
    '\n| message | JSON text, bytes | binary, bytes | JSON.parse, µs | binary decoder, µs |\n| --- | --- | --- | --- | --- |',
  )
  for (const { name, text, bytes, textUs, bytesUs } of await page.evaluate(() => window.encodings())) {
    console.log(`| ${name} | ${text} | ${bytes} | ${textUs.toFixed(2)} | ${bytesUs.toFixed(2)} |`)
  }
  const sizes = {
    'whole client': await bundle("import '../../client/index'"),
    'of it the engine: templates, patches, adoption': await bundle(
      "export { adopt } from '../../client/dom/adopt'; export { patch } from '../../client/dom/patch'",
    ),
    'lit-html with repeat, without adoption and checks': await bundle(
      "export { html, render } from 'lit-html'; export { repeat } from 'lit-html/directives/repeat.js'; export { unsafeHTML } from 'lit-html/directives/unsafe-html.js'",
    ),
    morphdom: await bundle("export { default } from 'morphdom'"),
    'a decoder for the binary form': await bundle("export { decode } from './binary'"),
  }
  console.log('\n| code | minified | brotli |\n| --- | --- | --- |')
  for (const [name, bytes] of Object.entries(sizes)) console.log(`| ${name} | ${bytes.length} | ${brotli(bytes)} |`)
}

function show(us) {
  return us < 10 ? us.toFixed(1) : Math.round(us).toLocaleString('en')
}
