/** The site that is made of docs/: it builds, each link of it leads somewhere, and axe finds nothing in its pages. */

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { extname, join, posix } from 'node:path'
import axe from 'axe-core'
import type { Browser } from 'playwright-core'
import { launchBrowser } from '../browser'
import { ROOT } from './installed'

const folder = mkdtempSync(join(tmpdir(), 'loom-live-site-'))
const TYPES: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' }

let server: Server
let browser: Browser
let files: string[]

/** An address without its host: what the server has there, if it is one. */
const address = (path: string): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`

beforeAll(async () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/docs.mjs', 'build', folder], {
    cwd: ROOT,
    encoding: 'utf8',
    // VitePress takes it for a development build otherwise.
    env: { ...process.env, NODE_ENV: 'production' },
  })
  if (status !== 0) throw new Error(`${stdout}\n${stderr}`)
  files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => name.replaceAll('\\', '/'))
  server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://site')
    const name = decodeURIComponent(pathname.slice(1)) || 'index.html'
    if (!files.includes(name)) return response.writeHead(404).end()
    response.writeHead(200, { 'content-type': TYPES[extname(name)] ?? 'application/octet-stream' })
    return response.end(readFileSync(join(folder, name)))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  browser = await launchBrowser()
}, 240_000)

afterAll(async () => {
  await browser?.close()
  server?.close()
  rmSync(folder, { recursive: true, force: true })
})

const pages = (): string[] => files.filter((name) => name.endsWith('.html') && name !== '404.html')

test('each file of docs/ is a page, and so is each export of index.d.ts', () => {
  const docs = readdirSync(join(ROOT, 'docs')).filter((name) => name.endsWith('.md'))
  for (const name of docs) expect(files).toContain(name.replace(/\.md$/, '.html'))
  for (const name of ['security.html', 'architecture.html', 'measurements.html', 'api/index.html'])
    expect(files).toContain(name)
  const types = readFileSync(join(ROOT, 'index.d.ts'), 'utf8')
  const reference = pages().filter((name) => name.startsWith('api/index/'))
  for (const [, name = ''] of types.matchAll(/^export (?:declare )?(?:function|class|const|interface|type) (\w+)/gm))
    expect([name, reference.some((page) => page.endsWith(`/${name}.html`))]).toEqual([name, true])
})

test('each entry of the package is in the reference', () => {
  const { exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { exports: object }
  // Only compilers call what jsx-dev-runtime has beside jsx-runtime.
  const others = ['./package.json', './jsx-dev-runtime']
  const entries = Object.keys(exports).filter((name) => !others.includes(name))
  expect(entries.length).toBeGreaterThan(7)
  for (const entry of entries) expect(files).toContain(`api/${entry === '.' ? 'index' : entry.slice(2)}/index.html`)
})

test('each link leads to a file of the site, and to a heading that is there', () => {
  const ids = new Map<string, Set<string>>()
  const idsOf = (page: string): Set<string> => {
    let found = ids.get(page)
    if (found === undefined) {
      const text = readFileSync(join(folder, page), 'utf8')
      ids.set(page, (found = new Set([...text.matchAll(/ id="([^"]*)"/g)].map(([, id = '']) => id))))
    }
    return found
  }
  const dead: string[] = []
  let links = 0
  for (const page of pages()) {
    for (const [, link = ''] of readFileSync(join(folder, page), 'utf8').matchAll(/ (?:href|src)="([^"]*)"/g)) {
      if (/^(?:[a-z]+:|\/\/)/.test(link)) continue
      links += 1
      const [path = '', hash = ''] = link.replaceAll('&amp;', '&').split('#')
      const file = path === '' ? page : posix.join(path.startsWith('/') ? '' : posix.dirname(page), path)
      const name = decodeURIComponent(file.replace(/^\//, '').replace(/(^|\/)$/, '$1index.html'))
      const isThere = files.includes(name)
      // The search and the menu have links to the page itself.
      if (!isThere || (hash !== '' && name.endsWith('.html') && !idsOf(name).has(decodeURIComponent(hash))))
        dead.push(`${page}: ${link}`)
    }
  }
  expect(links).toBeGreaterThan(1_000)
  expect(dead).toEqual([])
})

test('the sidebar has each page of docs/ once', () => {
  const text = readFileSync(join(folder, 'first-steps.html'), 'utf8')
  const [, sidebar = ''] = /<aside class="VPSidebar"[^>]*>([^]*?)<\/aside>/.exec(text) ?? []
  const linked = [...sidebar.matchAll(/ href="\/([\w-]+)\.html"/g)].map(([, name = '']) => name).sort()
  const own = pages().filter((name) => !name.includes('/') && name !== 'index.html')
  expect(linked).toEqual(own.map((name) => name.replace('.html', '')).sort())
})

/** What axe finds, and whether a page is wider than its window. */
async function faultsOf(names: string[], look: { width: number; colorScheme: 'dark' | 'light' }): Promise<unknown[]> {
  const context = await browser.newContext({
    viewport: { width: look.width, height: 800 },
    colorScheme: look.colorScheme,
    reducedMotion: 'reduce',
  })
  const page = await context.newPage()
  const faults: unknown[] = []
  page.on('pageerror', (error) => faults.push([page.url(), error.message]))
  for (const name of names) {
    await page.goto(address(`/${name}`))
    await page.waitForFunction(() => document.documentElement.classList.contains('dark') !== undefined)
    await page.evaluate(axe.source)
    const found = await page.evaluate(async () => {
      const { violations } = await (
        window as unknown as { axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> } }
      ).axe.run()
      const wide = document.documentElement.scrollWidth > window.innerWidth
      return [
        ...violations.map(({ id, nodes }) => [id, nodes.slice(0, 3).map(({ html }) => html.slice(0, 300))]),
        ...(wide ? [['wider than the window', document.documentElement.scrollWidth]] : []),
      ]
    })
    if (found.length > 0) faults.push([name, look, found])
  }
  await context.close()
  return faults
}

const LOOKS = [
  { width: 1_280, colorScheme: 'light' },
  { width: 1_280, colorScheme: 'dark' },
  { width: 360, colorScheme: 'light' },
  { width: 360, colorScheme: 'dark' },
] as const

test.each(LOOKS)(
  'axe finds nothing in a window of $width, $colorScheme',
  async (look) => {
    // Each page in one of the looks, those with a layout or content of their own kind in all.
    const all = ['index.html', 'first-steps.html', 'errors.html', 'performance.html', 'api/index/interfaces/Loom.html']
    const others = pages().filter((name) => !all.includes(name) && !name.startsWith('api/'))
    const own = others.filter((_, index) => index % LOOKS.length === LOOKS.indexOf(look))
    const reference = pages().filter((name) => /^api\/.*\/(?:createLoom|js|LoomError|LiveRequest)\.html$/.test(name))
    expect(pages()).toEqual(expect.arrayContaining(all))
    expect(await faultsOf([...all, ...own, ...reference.slice(0, 2)], look)).toEqual([])
  },
  120_000,
)

test('the search finds a page without a server', async () => {
  const page = await browser.newPage()
  await page.goto(address('/first-steps.html'), { waitUntil: 'networkidle' })
  await page.keyboard.press('Control+k')
  await page.fill('#localsearch-input', 'LOOM_STEP_OVER')
  await page.locator('#localsearch-list a[href$="errors.html#loom_step_over"]').click()
  await page.waitForURL(/errors\.html#loom_step_over/)
  await page.close()
}, 60_000)
