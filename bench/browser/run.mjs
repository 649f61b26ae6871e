// Measures the browser's side in headless Chromium: `node bench/browser/run.mjs [samples]`. Prints a table.

import { createServer } from 'node:http'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, constants } from 'node:zlib'
import packed from '@sparticuz/chromium'
import { build } from 'esbuild'
import { chromium } from 'playwright-core'

const here = dirname(fileURLToPath(import.meta.url))
const samples = Number(process.argv[2] ?? 15)

async function bundle(contents, resolveDir = here) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir, loader: 'ts' },
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

const script = await bundle("import './page'")
const server = createServer((request, response) => {
  // With these headers the page's clock has steps of 5 µs instead of 100.
  response.setHeader('cross-origin-opener-policy', 'same-origin')
  response.setHeader('cross-origin-embedder-policy', 'require-corp')
  const isScript = request.url === '/page.js'
  response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html; charset=utf-8')
  response.end(
    isScript
      ? script
      : '<!doctype html><link rel="icon" href="data:,"><body><script type="module" src="/page.js"></script>',
  )
})
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
const args = ['--headless=new', '--no-sandbox', '--disable-gpu', '--no-first-run']
const browser = await chromium.launch({ executablePath: await packed.executablePath(), args })
try {
  const page = await browser.newPage()
  page.on('pageerror', (error) => console.error(error))
  await page.goto(`http://127.0.0.1:${server.address().port}/`)
  await page.waitForFunction(() => 'measure' in window)
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
      "export { adopt } from '../../client/adopt'; export { patch } from '../../client/patch'",
    ),
    'lit-html with repeat, without adoption and checks': await bundle(
      "export { html, render } from 'lit-html'; export { repeat } from 'lit-html/directives/repeat.js'; export { unsafeHTML } from 'lit-html/directives/unsafe-html.js'",
    ),
    morphdom: await bundle("export { default } from 'morphdom'"),
    'a decoder for the binary form': await bundle("export { decode } from './binary'"),
  }
  console.log('\n| code | minified | brotli |\n| --- | --- | --- |')
  for (const [name, bytes] of Object.entries(sizes)) console.log(`| ${name} | ${bytes.length} | ${brotli(bytes)} |`)
} finally {
  await browser.close()
  server.close()
}

function show(us) {
  return us < 10 ? us.toFixed(1) : Math.round(us).toLocaleString('en')
}
