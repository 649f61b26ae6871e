import type { Page } from 'playwright-core'
import { clientBundle } from './fake_server'
import { container, Harness, plain, sendJoin, tree, until } from './harness'

const harness = new Harness()

const at = (address: string) => container('<p></p>').replace('/loom/ws', address)

test.each([
  'ws://evil.test/loom/ws',
  'wss://evil.test/',
  '//evil.test/ws',
  '/\\\\evil.test/ws',
  'https://evil.test/ws',
  'javascript:1',
])('a container cannot connect the page to %s', async (address) => {
  const page = await harness.blank()
  const asked: string[] = []
  page.on('websocket', (socket) => asked.push(socket.url()))
  harness.server.body = at(address)
  await page.goto(harness.server.url)
  await page.waitForSelector('[data-l-state=error]', { state: 'attached' })
  expect(asked).toEqual([])
  expect(harness.server.attempts).toBe(0)
})

test('a foreign server that the client’s own script lists is connected to', async () => {
  const address = `ws://localhost:${harness.server.host.split(':')[1] ?? ''}/other`
  harness.server.script = `<script type="module" src="/client.js" data-l-client data-l-allow="wss://x.test/ ${address}"></script>`
  await harness.open(at(address))
  const wire = await harness.server.connection()
  expect(wire.request.headers.host).toMatch(/^localhost:/)
  expect(wire.request.url).toBe('/other')
})

test('over https the connection is wss', async () => {
  const page = await harness.blank()
  const asked: string[] = []
  await page.route('https://app.test/**', (route) =>
    route.request().url().endsWith('.js')
      ? route.fulfill({ contentType: 'text/javascript', body: clientBundle() })
      : route.fulfill({ contentType: 'text/html', body: container('') + harness.server.script }),
  )
  await page.routeWebSocket(/.*/, (socket) => void asked.push(socket.url()))
  await page.goto('https://app.test/')
  await until('a connection', () => asked.length > 0)
  expect(asked).toEqual(['wss://app.test/loom/ws'])
})

test('a redirect goes where the server says', async () => {
  const live = await harness.live(plain('<p></p>'))
  live.wire.send(['r', '/next?a=1'])
  await live.page.waitForURL(`${harness.server.url}next?a=1`)
})

test.each([
  'javascript:document.title="bad"',
  ' java\nscript:document.title="bad"',
  'data:text/html,bad',
  'file:///etc/passwd',
  'http://[',
])('a redirect to %j is refused', async (url) => {
  const live = await harness.live(plain('<p></p>'))
  const said: string[] = []
  live.page.on('console', (message) => said.push(message.text()))
  live.wire.send(['r', url])
  await live.settled()
  expect(live.page.url()).toBe(harness.server.url)
  expect(await live.page.title()).toBe('test')
  expect(said.join()).toContain('redirect refused')
})

async function violations(page: Page): Promise<string[]> {
  return page.evaluate(() => (window as unknown as { violations: string[] }).violations)
}

test("script-src 'self' and Trusted Types suffice", async () => {
  harness.server.headers = {
    'content-security-policy':
      "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src data:; " +
      "require-trusted-types-for 'script'; trusted-types loom-live",
  }
  const page = await harness.blank()
  await page.addInitScript(() => {
    const violations: string[] = []
    Object.assign(window, { violations })
    document.addEventListener('securitypolicyviolation', (event) => violations.push(event.violatedDirective))
  })
  const content = tree(['<button data-l-click="go" l-loading-text="…">go <i l-loading>…</i></button><p>', '</p>'], '1')
  harness.server.body = container('<button data-l-click="go" l-loading-text="…">go <i l-loading>…</i></button><p>1</p>')
  await page.goto(harness.server.url)
  const wire = await harness.server.connection()
  const { id } = await wire.next('join')
  sendJoin(wire, id, content)
  await page.click('button')
  await wire.next('event')
  wire.send([id, 1, 0, '2'])
  await page.waitForSelector('p:text("2")')
  await page.waitForSelector('[data-l-state=live]')
  expect(await violations(page)).toEqual([])
})

test('scripts in what the server renders do not run', async () => {
  const live = await harness.live(tree(['<div>', '</div>'], ''))
  live.patch({ 0: { h: '<script>document.title = "bad"</script><img src="data:," onerror="0"><b>there</b>' } })
  await live.page.waitForSelector('b')
  expect(await live.page.title()).toBe('test')
})
