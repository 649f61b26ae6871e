import { Harness, tree, until } from './harness'

const harness = new Harness()

const counter = tree(['<button data-l-click="up" l-no-disable>', '</button><input>'], '0')

test('a dropped connection comes back, and the component joins with its token', async () => {
  const live = await harness.live(counter)
  const { id } = live
  live.patch({ 0: '5' })
  await live.settled()
  live.wire.drop()
  const join = await live.rejoined(counter)
  expect(join).toMatchObject({ module: 'demo', token: 'secret' })
  expect(join.id).not.toBe(id)
  await live.page.waitForSelector('button:text("0")')
  await live.state('live')
  expect(await live.count('loom:join')).toBe(2)
})

test('it shows that it is offline, and sends what was clicked then after the return', async () => {
  const live = await harness.live(counter)
  harness.server.accepting = false
  live.wire.drop()
  await live.state('offline')
  await live.page.click('button')
  await live.page.fill('input', 'typed offline')
  expect(await live.page.locator('.l-loading').count()).toBe(1)
  harness.server.accepting = true
  await live.rejoined(counter)
  expect((await live.event()).handler).toBe('up')
  await live.state('waiting')
  live.patch({ 0: '1' })
  await live.state('live')
  expect(await live.page.inputValue('input')).toBe('typed offline')
  expect(await live.page.locator('.l-loading').count()).toBe(0)
})

test('the page is told of events whose answer was lost, and they stop waiting', async () => {
  const live = await harness.live(counter)
  await live.page.click('button')
  await live.event()
  live.wire.drop()
  await live.rejoined(counter)
  await live.state('live')
  expect(await live.seen('loom:lost')).toEqual([
    { reason: 'connection', events: [{ handler: 'up', event: 'click' }] },
  ])
  expect(await live.page.locator('.l-loading').count()).toBe(0)
  expect(live.wire.received).toHaveLength(1)
})

test('attempts are spread out ever more, up to ten seconds, and never end', async () => {
  const page = await harness.blank()
  await page.clock.install()
  await page.addInitScript(() => {
    const delays: number[] = []
    const sockets: WebSocket[] = []
    Object.assign(window, { delays, sockets })
    Math.random = () => 1
    const timer = window.setTimeout.bind(window)
    // What the client would wait is noted, and not waited for; its limit for connecting is no such wait.
    Object.assign(window, {
      setTimeout: (work: () => void, ms = 0) => {
        if (ms !== 15_000) delays.push(ms)
        return ms === 15_000 ? 0 : timer(work, delays.length > 12 ? ms : 0)
      },
    })
  })
  harness.server.accepting = false
  harness.server.body = '<div data-l-live="demo" data-l-token="t"></div>'
  await page.goto(harness.server.url)
  const delays = () => page.evaluate(() => (window as unknown as { delays: number[] }).delays)
  for (let attempt = 1; attempt <= 12; attempt++) {
    await page.clock.runFor(1)
    await until(`attempt ${attempt}`, () => harness.server.attempts >= attempt)
    await page.waitForFunction((count) => (window as unknown as { delays: number[] }).delays.length >= count, attempt)
  }
  expect((await delays()).slice(0, 8)).toEqual([200, 400, 800, 1600, 3200, 6400, 10_000, 10_000])
})

test.each(['online', 'pageshow', 'visibilitychange'])('tries at once on %s', async (name) => {
  const live = await harness.live(counter, { stopped: true })
  harness.server.accepting = false
  live.wire.drop()
  await live.state('offline')
  const { attempts } = harness.server
  harness.server.accepting = true
  // The clock stands still: no timer of the client's can be what brings it back.
  await live.page.evaluate((type) => (type === 'visibilitychange' ? document : window).dispatchEvent(new Event(type)), name)
  await live.rejoined(counter)
  await live.state('live')
  expect(harness.server.attempts).toBeGreaterThan(attempts)
})

test('offline means closed at once', async () => {
  const live = await harness.live(counter)
  const { wire } = live
  await live.page.evaluate(() => dispatchEvent(new Event('offline')))
  await until('the connection to close', () => wire.closed)
  await live.rejoined(counter)
  await live.state('live')
})

test('a page that goes into the cache closes its connection, and opens one when it comes back', async () => {
  const live = await harness.live(counter)
  const { wire } = live
  await live.page.evaluate(() => dispatchEvent(new Event('pagehide')))
  await until('the connection to close', () => wire.closed)
  await live.state('offline')
  expect(harness.server.wires).toHaveLength(1)
  await live.page.evaluate(() => dispatchEvent(new Event('pageshow')))
  await live.rejoined(counter)
  await live.state('live')
})

test('a connection that says nothing for 35 s while an answer is due is taken for dead', async () => {
  const live = await harness.live(counter, { stopped: true })
  const { page, wire } = live
  await page.click('button')
  await live.event()
  await page.clock.runFor(34_000)
  expect(wire.closed).toBe(false)
  await page.clock.runFor(2_000)
  await until('the connection to close', () => wire.closed)
  await page.clock.runFor(1_000)
  await live.rejoined(counter)
  await live.state('live')
  expect(await live.count('loom:lost')).toBe(1)
})

test('an idle connection, and a slow answer on one that is alive, are left alone', async () => {
  const live = await harness.live(counter, { stopped: true })
  const { page, wire } = live
  await page.clock.runFor(100_000)
  await page.click('button')
  await live.event()
  await page.clock.runFor(30_000)
  wire.send([1_000])
  live.wire.template(['a'], '')
  await page.waitForTimeout(50)
  await page.clock.runFor(30_000)
  expect(wire.closed).toBe(false)
  live.patch({})
  await live.state('live')
})

test('a server that goes away with 1012 is returned to', async () => {
  const live = await harness.live(counter)
  live.wire.close(1012)
  await live.rejoined(counter)
  await live.state('live')
})
