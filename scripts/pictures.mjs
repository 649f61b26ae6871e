// `node scripts/pictures.mjs` makes docs/pictures/ of the demo: the moving picture of the README, and the demo's pages.

import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import sharp from 'sharp'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const pictures = join(root, 'docs', 'pictures')

/** The pages of the demo that are shown in the docs, by the names of the pictures. */
const PAGES = { demo: '/', orders: '/orders', board: '/board' }
const WINDOW = { width: 380, height: 556 }
const GAP = 16
/** The time of one frame of the moving picture. */
const FRAME_MS = 160

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address()
  await new Promise((resolve) => server.close(resolve))
  return port
}

/**
 * The Chromium of the tests. Their file is TypeScript, so it is bundled; node_modules has the packages that it imports.
 */
async function launch() {
  const { build } = await import('esbuild')
  const folder = mkdtempSync(join(root, 'node_modules', '.pictures-'))
  try {
    const outfile = join(folder, 'browser.mjs')
    await build({
      entryPoints: [join(root, '__test__/browser.ts')],
      outfile,
      bundle: true,
      platform: 'node',
      format: 'esm',
      packages: 'external',
    })
    const { launchBrowser } = await import(pathToFileURL(outfile).href)
    return await launchBrowser()
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function reachable(url) {
  for (let tries = 0; tries < 150; tries += 1) {
    try {
      if ((await fetch(url)).ok) return
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }
  throw new Error(`The demo does not answer at ${url}`)
}

const live = (page) =>
  page.waitForFunction(
    () =>
      document.querySelectorAll('[data-l-live]').length > 0 &&
      [...document.querySelectorAll('[data-l-live]')].every((one) => one.dataset.lState === 'live'),
  )

/** Makes the pictures of the pages, in the light and the dark colour scheme. */
async function pagesOf(browser, url) {
  for (const colorScheme of ['light', 'dark']) {
    const context = await browser.newContext({
      viewport: { width: 1_200, height: 900 },
      colorScheme,
      reducedMotion: 'reduce',
    })
    const page = await context.newPage()
    for (const [name, path] of Object.entries(PAGES)) {
      await page.goto(url + path)
      await live(page)
      const file = join(pictures, `${name}${colorScheme === 'dark' ? '-dark' : ''}.webp`)
      await sharp(await page.screenshot())
        .webp({ quality: 80 })
        .toFile(file)
    }
    await context.close()
  }
}

/** Makes the moving picture: two windows side by side. Each shows the text that is typed in the other. */
async function twoWindows(browser, url) {
  const windows = []
  for (const name of ['Ann', 'Ben']) {
    const context = await browser.newContext({ viewport: WINDOW, reducedMotion: 'reduce', bypassCSP: true })
    const page = await context.newPage()
    await page.goto(url)
    await live(page)
    await page.fill('#chat-name', name)
    await page.press('#chat-name', 'Tab')
    windows.push(page)
  }
  const [ann, ben] = windows
  await ben.getByText('Ann', { exact: false }).first().waitFor()
  for (const page of windows)
    // Only the card with the chat is shown: the demo's other parts are in another picture.
    await page.addStyleTag({
      content: `header, nav, footer, main > :not(.chat-card) { display: none !important }
        main { display: block !important; margin: 0 !important; padding: 8px !important }
        html { scrollbar-width: none }`,
    })
  for (const page of windows)
    await page.evaluate(() => {
      document.activeElement?.blur()
      window.scrollTo(0, 0)
    })

  const frames = []
  const shot = async (times = 1) => {
    const [left, right] = await Promise.all(windows.map((page) => page.screenshot()))
    const frame = await sharp({
      create: { width: 2 * WINDOW.width + GAP, height: WINDOW.height, channels: 3, background: '#8a8f98' },
    })
      .composite([
        { input: left, left: 0, top: 0 },
        { input: right, left: WINDOW.width + GAP, top: 0 },
      ])
      .png()
      .toBuffer()
    for (let count = 0; count < times; count += 1) frames.push(frame)
  }
  const say = async (page, other, text) => {
    const field = page.locator('.chat-card form input')
    await field.focus()
    for (let at = 0; at < text.length; at += 2) {
      await page.keyboard.type(text.slice(at, at + 2))
      await page.waitForTimeout(60)
      await shot()
    }
    await shot(2)
    await page.keyboard.press('Enter')
    await other.getByText(text).first().waitFor()
    await shot(6)
  }
  await shot(4)
  await say(ann, ben, 'Is there any bread left?')
  await say(ben, ann, 'No. I will buy some.')
  await shot(8)

  await sharp(frames, { join: { animated: true } })
    .webp({ quality: 70, effort: 6, loop: 0, delay: frames.map(() => FRAME_MS) })
    .toFile(join(pictures, 'two-windows.webp'))
}

mkdirSync(pictures, { recursive: true })
const port = await freePort()
const url = `http://127.0.0.1:${port}`
const demo = spawn(process.execPath, ['examples/demo/server.mjs'], {
  cwd: root,
  stdio: 'inherit',
  env: {
    ...process.env,
    PORT: String(port),
    NODE_ENV: 'production',
    LOOM_SECRET: 'pictures of the demo need a secret, too',
  },
})
try {
  await reachable(url)
  const browser = await launch()
  try {
    await twoWindows(browser, url)
    await pagesOf(browser, url)
  } finally {
    await browser.close()
  }
} finally {
  demo.kill()
}
