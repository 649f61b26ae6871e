import { Harness, container, hasRead, sendJoin, tree, until, type Changes } from './harness'

const harness = new Harness()

const counter = tree(['<button data-l-click="up" l-no-disable>', '</button><input>'], '0')

test('a dropped connection comes back, and the component goes on where it was', async () => {
  const live = await harness.live(counter)
  const { id } = live
  live.patch({ 0: '5' })
  await live.settled()
  live.wire.drop()
  live.wire = await harness.server.connection()
  const join = await live.wire.next('join')
  expect(join).toMatchObject({ module: 'demo', token: 'secret', secret: 'a.secret', seen: 0 })
  expect(join.id).not.toBe(id)
  live.wire.send(['a', join.id, 0, 'another.secret'])
  await live.state('live')
  expect(await live.text('button')).toBe('5')
  expect(await live.count('loom:join')).toBe(1)
  live.wire.drop()
  expect(await live.rejoined(counter)).toMatchObject({ secret: 'another.secret' })
  await live.page.waitForSelector('button:text("0")')
  expect(await live.count('loom:join')).toBe(2)
})

test('it shows that it is offline, and sends what was clicked then after the return', async () => {
  const live = await harness.live(counter)
  harness.server.accepting = false
  live.wire.drop()
  await live.state('offline')
  await live.page.click('button')
  await live.page.fill('input', 'typed offline')
  await live.page.waitForSelector('.l-loading')
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

test('what was sent and not answered is sent again, with its age, and waits on', async () => {
  const live = await harness.live(counter)
  await live.page.click('button')
  await live.page.click('button')
  expect([(await live.event()).number, (await live.event()).number]).toEqual([1, 2])
  live.patch({ 0: '1' })
  await live.page.waitForSelector('button:text("1")')
  live.wire.drop()
  live.wire = await harness.server.connection()
  const join = await live.wire.next('join')
  expect(join.seen).toBe(1)
  live.id = join.id
  live.wire.send(['a', live.id, 1, 'b.c'])
  const again = await live.event()
  expect(again).toMatchObject({ number: 2, seen: 1, handler: 'up' })
  expect(again.age).toBeGreaterThanOrEqual(0)
  await live.state('waiting')
  live.patch({ 0: '2' })
  await live.page.waitForSelector('button:text("2")')
  await live.state('live')
  expect(live.wire.received).toHaveLength(2)
  expect(await live.seen('loom:lost')).toEqual([])
})

test('answers that were missed follow, and what they answer is sent only where they do not', async () => {
  const live = await harness.live(counter)
  for (let click = 0; click < 3; click++) await live.page.click('button')
  await live.event()
  live.wire.drop()
  live.wire = await harness.server.connection()
  live.id = (await live.wire.next('join')).id
  live.wire.send([
    ['a', live.id, 2, 'b.c'],
    [live.id, 1, 0, '1'],
    [live.id, 2, 0, '2'],
  ])
  expect((await live.event()).number).toBe(3)
  await live.page.waitForSelector('button:text("2")')
  expect(live.wire.received).toHaveLength(2)
})

test('a tree in place of the answers counts for all of them', async () => {
  const live = await harness.live(counter)
  await live.page.click('button')
  await live.page.click('button')
  await live.event()
  live.wire.drop()
  live.wire = await harness.server.connection()
  live.id = (await live.wire.next('join')).id
  sendJoin(live.wire, live.id, tree(['<button data-l-click="up" l-no-disable>', '</button><input>'], '2'), 2)
  await live.page.waitForSelector('button:text("2")')
  await live.state('live')
  expect(live.wire.received).toHaveLength(1)
})

test('another server catches up from the checkpoint before anything older is shown', async () => {
  const live = await harness.live(counter)
  const { page } = live
  for (let click = 1; click <= 3; click++) {
    await page.click('button')
    await live.event()
    live.patch({ 0: String(click) })
    if (click === 1) live.wire.send(['c', live.id, 1, 'checkpoint'])
    await page.waitForSelector(`button:text("${click}")`)
  }
  await page.click('button')
  await page.evaluate(() => {
    const shown: string[] = []
    Object.assign(window, { shown })
    const button = document.querySelector('button') as Element
    new MutationObserver(() => shown.push(button.textContent)).observe(button, { characterData: true, subtree: true })
  })
  live.wire.drop()
  live.wire = await harness.server.connection()
  const join = await live.wire.next('join')
  expect(join).toMatchObject({ token: 'checkpoint', secret: 'a.secret', seen: 3 })
  sendJoin(live.wire, join.id, tree(['<button data-l-click="up" l-no-disable>', '</button><input>'], '1'), 1)
  const again = [await live.event(), await live.event(), await live.event()]
  expect(again.map(({ number }) => number)).toEqual([2, 3, 4])
  // Those that were answered are repeated whatever their age.
  expect(again.map(({ age }) => age === undefined)).toEqual([true, true, false])
  for (const number of [2, 3, 4]) live.wire.send([join.id, number, 0, String(number)])
  await page.waitForSelector('button:text("4")')
  await live.state('live')
  expect(await page.evaluate(() => (window as unknown as { shown: string[] }).shown)).not.toContain('1')
  expect(await live.seen('loom:lost')).toEqual([])
})

test('what has come since the checkpoint stays as it is while another server catches up', async () => {
  const closed = tree(['<button data-l-click="up" l-no-disable>', '</button>', ''], '1', '')
  const dialog = (title: string) => tree(['<dialog open><h1>', '</h1><input></dialog>'], title)
  const live = await harness.live(closed)
  const { page } = live
  const click = async (changes: Changes) => {
    // The focus stays elsewhere.
    await page.evaluate(() => document.querySelector('button')?.click())
    await live.event()
    live.patch(changes)
  }
  await click({ 0: '2' })
  live.wire.send(['c', live.id, 1, 'checkpoint'])
  await click({ 1: dialog('Open') })
  await click({ 1: { p: { 0: 'Open still' } } })
  await page.waitForSelector('h1:text("Open still")')
  await page.fill('input', 'half a name')
  await page.evaluate(() => {
    const changes: string[] = []
    const dialog = document.querySelector('dialog') as Element
    Object.assign(window, { changes, dialog })
    new MutationObserver((all) => changes.push(...all.map(({ type, target }) => `${type} ${target.nodeName}`))).observe(
      document.body,
      { characterData: true, childList: true, subtree: true },
    )
  })
  live.wire.drop()
  live.wire = await harness.server.connection()
  const join = await live.wire.next('join')
  expect(join).toMatchObject({ token: 'checkpoint', seen: 3 })
  live.id = join.id as number
  live.answered = 1
  live.joined(tree(closed.s, '2', ''))
  await live.event()
  await live.event()
  live.patch({ 1: dialog('Open') })
  await hasRead(page, live.wire)
  live.patch({ 1: { p: { 0: 'Open still' } } })
  await live.state('live')
  await click({ 1: { p: { 0: 'Open anew' } } })
  await page.waitForSelector('h1:text("Open anew")')
  const now = await page.evaluate(() => {
    const { changes, dialog } = window as unknown as { changes: string[]; dialog: Element }
    const { activeElement } = document
    return [changes, dialog.isConnected, activeElement?.nodeName, (activeElement as HTMLInputElement).value]
  })
  expect(now).toEqual([['characterData #text'], true, 'INPUT', 'half a name'])
})

test('an anchor stands behind the token that the page was rendered with, until there is a checkpoint', async () => {
  const live = await harness.live(counter)
  live.wire.send(['c', live.id, 0, '.anchor'])
  live.wire.drop()
  expect(await live.rejoined(counter)).toMatchObject({ token: 'secret.anchor' })
  live.wire.send(['c', live.id, 0, '.another'])
  live.wire.drop()
  expect(await live.rejoined(counter)).toMatchObject({ token: 'secret.another' })
  live.wire.send(['c', live.id, 0, 'checkpoint'])
  live.wire.drop()
  expect(await live.rejoined(counter)).toMatchObject({ token: 'checkpoint' })
})

test('what is repeated is sent a window at a time, also while nothing of it is shown', async () => {
  const live = await harness.live(counter)
  for (let click = 1; click <= 70; click++) {
    await live.page.evaluate(() => document.querySelector('button')?.click())
    await live.event()
    live.patch({ 0: String(click) })
  }
  await live.page.waitForSelector('button:text("70")')
  live.wire.drop()
  live.wire = await harness.server.connection()
  const { id } = await live.wire.next('join')
  sendJoin(live.wire, id, counter, 0)
  for (let number = 1; number <= 70; number++) {
    expect((await live.event()).number).toBe(number)
    expect(live.wire.received.length).toBeLessThanOrEqual(32 + number)
    live.wire.send([id, number, 0, String(number)])
  }
  await live.state('live')
  expect(await live.text('button')).toBe('70')
})

test('an event that failed is not sent again', async () => {
  const live = await harness.live(counter)
  await live.page.click('button')
  await live.event()
  live.error('no')
  await live.state('live')
  live.wire.drop()
  await live.rejoined(counter)
  await live.state('live')
  expect(live.wire.received).toHaveLength(1)
})

test('what waited too long is not sent, and the page is told', async () => {
  const live = await harness.live(counter, { stopped: true })
  live.wire.send(['o', 1_000, 1 << 20, 32, 35_000])
  await live.settled()
  harness.server.accepting = false
  live.wire.drop()
  await live.state('offline')
  await live.page.click('button')
  await live.page.clock.runFor(900)
  await live.page.click('button')
  await live.page.clock.runFor(200)
  expect(await live.seen('loom:lost')).toEqual([{ reason: 'expired', events: [{ handler: 'up', event: 'click' }] }])
  harness.server.accepting = true
  await live.page.evaluate(() => dispatchEvent(new Event('online')))
  await live.rejoined(counter)
  await live.event()
  expect(live.wire.received).toHaveLength(2)
})

test('what the server finds too old is reported too', async () => {
  const live = await harness.live(counter)
  await live.page.click('button')
  const { number = 0 } = await live.event()
  live.wire.send(['e', live.id, number, 'too late', 1])
  await live.state('live')
  expect(await live.seen('loom:lost')).toEqual([{ reason: 'expired', events: [{ handler: 'up', event: 'click' }] }])
})

test('a state that is gone is said to be', async () => {
  const live = await harness.live(counter)
  await live.page.click('button')
  await live.event()
  live.wire.send(['c', live.id, 0, null])
  live.patch({ 0: '1' })
  await live.page.waitForSelector('button:text("1")')
  expect(await live.count('loom:fragile')).toBe(1)
  live.wire.drop()
  live.wire = await harness.server.connection()
  const join = await live.wire.next('join')
  expect(join.token).toBe('secret')
  sendJoin(live.wire, join.id, counter, 0)
  await live.page.waitForSelector('button:text("0")')
  expect(await live.count('loom:reset')).toBe(1)
  await live.page.click('button')
  expect((await live.event()).number).toBe(2)
})

test('a busy server is asked again, and one that refuses is not', async () => {
  const page = await harness.open(container('<p>x</p>'), true)
  const wire = await harness.server.connection()
  const { id } = await wire.next('join')
  wire.send(['f', id, 'busy', 'busy'])
  await hasRead(page, wire)
  await page.clock.runFor(5_000)
  const again = await wire.next('join')
  wire.send(['f', again.id, 'log in', 'redirect', '/login'])
  await page.waitForURL('**/login')
})

test('who was told to come back later, and has come back on another connection, asks there once', async () => {
  const page = await harness.open(container('<p>x</p>'), true)
  const wire = await harness.server.connection()
  wire.send(['f', (await wire.next('join')).id, 'busy', 'busy'])
  await hasRead(page, wire)
  wire.drop()
  await page.waitForSelector('[data-l-state=offline]')
  await page.clock.runFor(200)
  const next = await harness.server.connection()
  await next.next('join')
  await page.clock.runFor(5_000)
  await page.waitForTimeout(50)
  expect(next.received).toHaveLength(1)
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
  await live.page.evaluate(
    (type) => (type === 'visibilitychange' ? document : window).dispatchEvent(new Event(type)),
    name,
  )
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
  await live.state('waiting')
  await live.event()
  expect(await live.count('loom:lost')).toBe(0)
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
  await hasRead(page, wire)
  await page.clock.runFor(30_000)
  expect(wire.closed).toBe(false)
  live.patch({})
  await live.state('live')
})

test('a server that goes away with 1012 is returned to, by its pages one after the other', async () => {
  const live = await harness.live(counter, { stopped: true })
  await live.page.evaluate(() => (Math.random = () => 0.9))
  live.wire.close(1012)
  await live.state('offline')
  await live.page.clock.runFor(8_900)
  expect(harness.server.wires).toHaveLength(1)
  await live.page.clock.runFor(200)
  await live.rejoined(counter)
  await live.state('live')
})

test('who was told to come back later, and has left the page meanwhile, does not', async () => {
  const page = await harness.open(
    '<p data-l-live="one" data-l-token="a"></p><p data-l-live="two" data-l-token="b"></p>',
    true,
  )
  const wire = await harness.server.connection()
  const { id } = await wire.next('join')
  await wire.next('join')
  wire.send(['f', id, 'busy', 'busy'])
  await hasRead(page, wire)
  await page.evaluate(() => document.querySelector('[data-l-live=one]')?.remove())
  await page.clock.runFor(5_000)
  await wire.next('leave')
  await page.waitForTimeout(50)
  expect(wire.received).toHaveLength(3)
})

test.each([0, 400, 10_000])(
  'a server that restarts says within what time its pages are to come back: %s ms',
  async (within) => {
    const live = await harness.live(counter, { stopped: true })
    await live.page.evaluate(() => (Math.random = () => 0.9))
    live.wire.close(1012, String(within))
    await live.state('offline')
    if (within) {
      await live.page.clock.runFor(within * 0.8)
      await live.page.waitForTimeout(50)
      expect(harness.server.attempts).toBe(1)
    }
    await live.page.clock.runFor(within * 0.2 + 1)
    await live.rejoined(counter)
    await live.state('live')
  },
)

test.each(['', 'going away', '20000', '-'])('what says no such time (%p) means ten seconds', async (reason) => {
  const live = await harness.live(counter, { stopped: true })
  await live.page.evaluate(() => (Math.random = () => 0.9))
  live.wire.close(1012, reason)
  await live.state('offline')
  await live.page.clock.runFor(8_900)
  await live.page.waitForTimeout(50)
  expect(harness.server.attempts).toBe(1)
  await live.page.clock.runFor(200)
  await live.rejoined(counter)
})

test('after a restart a page comes back at once where a click waits for its answer', async () => {
  const live = await harness.live(counter, { stopped: true })
  await live.page.click('button')
  await live.event()
  live.wire.close(1012, '10000')
  // The clock stands still: no timer brings it back.
  await live.rejoined(counter)
  expect((await live.event()).number).toBe(1)
  live.patch({ 0: '1' })
  await live.state('live')
})

test('after a restart a page comes back at once when somebody clicks meanwhile', async () => {
  const live = await harness.live(counter, { stopped: true })
  live.wire.close(1012, '10000')
  await live.state('offline')
  await live.page.waitForTimeout(50)
  expect(harness.server.attempts).toBe(1)
  await live.page.click('button')
  await live.rejoined(counter)
  expect((await live.event()).handler).toBe('up')
})

test('where the server is not there yet, clicks do not make the page try more often', async () => {
  const live = await harness.live(counter, { stopped: true })
  harness.server.accepting = false
  live.wire.close(1012, '10000')
  await live.state('offline')
  await live.page.click('button')
  await until('the attempt at once', () => harness.server.attempts === 2)
  await live.page.waitForTimeout(50)
  for (let click = 0; click < 5; click++) {
    await live.page.click('button')
    await live.page.waitForTimeout(20)
  }
  expect(harness.server.attempts).toBe(2)
  harness.server.accepting = true
  await live.page.clock.runFor(200)
  await live.rejoined(counter)
  for (let click = 0; click < 6; click++) await live.event()
})

test('to a server that has too much to do, nobody comes back earlier', async () => {
  const live = await harness.live(counter, { stopped: true })
  await live.page.evaluate(() => (Math.random = () => 0.9))
  await live.page.click('button')
  await live.event()
  live.wire.close(1013)
  await live.state('offline')
  await live.page.click('button')
  await live.page.clock.runFor(8_900)
  await live.page.waitForTimeout(50)
  expect(harness.server.attempts).toBe(1)
  await live.page.clock.runFor(200)
  await live.rejoined(counter)
})

test.each([1002, 1003, 1007, 1008, 1009, 1011])(
  'a connection that is closed with %s again and again is tried ever less, and the page is told',
  async (code) => {
    const live = await harness.live(counter, { stopped: true })
    const { page } = live
    await page.evaluate(() => (Math.random = () => 1))
    for (const wait of [200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]) {
      const { attempts } = harness.server
      live.wire.close(code)
      await live.state('offline')
      await page.clock.runFor(wait - 1)
      await page.waitForTimeout(30)
      expect(harness.server.attempts).toBe(attempts)
      await page.clock.runFor(1)
      await live.rejoined(counter)
      await live.state('live')
    }
    const told = await live.seen('loom:error')
    expect(told).toHaveLength(8)
    expect(told[0]).toEqual({ message: `closed with ${code}` })
    expect(told.slice(1)).toEqual(Array(7).fill({ message: `closed with ${code}`, action: 'reload' }))
    // A connection that has held has nothing to do with it.
    await page.clock.runFor(10_001)
    live.wire.close(code)
    await live.state('offline')
    await page.clock.runFor(200)
    await live.rejoined(counter)
    expect((await live.seen('loom:error'))[8]).toEqual({ message: `closed with ${code}` })
  },
)

test('the bounds that follow from options are the server’s: events under way', async () => {
  harness.server.greeting = [60_000, 1 << 20, 2, 35_000]
  const live = await harness.live(counter)
  for (let click = 0; click < 4; click++) await live.page.click('button')
  await live.event()
  await live.event()
  await live.page.waitForTimeout(50)
  expect(live.wire.received).toHaveLength(3)
  live.patch({ 0: '1' })
  await live.event()
})

test.each([5_000, 65_000])(
  'the bounds that follow from options are the server’s: %s ms of silence',
  async (silence) => {
    harness.server.greeting = [60_000, 1 << 20, 32, silence]
    const live = await harness.live(counter, { stopped: true })
    await live.page.click('button')
    await live.event()
    const { wire } = live
    await live.page.clock.runFor(silence - 1_000)
    expect(wire.closed).toBe(false)
    await live.page.clock.runFor(2_000)
    await until('the connection to close', () => wire.closed)
  },
)

test('a server that accepts and says nothing is left', async () => {
  const live = await harness.live(counter, { stopped: true })
  harness.server.mute = true
  live.wire.drop()
  await live.state('offline')
  await live.page.clock.runFor(200)
  const wire = await harness.server.connection()
  await wire.next('join')
  await live.page.clock.runFor(15_000)
  await until('the connection to close', () => wire.closed)
  harness.server.mute = false
  await live.page.clock.runFor(400)
  await live.rejoined(counter)
})

test('before the server’s first word no click is too old, and then those are that it says', async () => {
  harness.server.accepting = false
  const page = await harness.open(container('<button data-l-click="up" l-no-disable>0</button>'), true)
  await page.waitForSelector('[data-l-state=offline]', { state: 'attached' })
  await page.click('button')
  await page.clock.runFor(100_000)
  await page.click('button')
  const seen = () => page.evaluate(() => (window as unknown as { seen: { name: string; detail: unknown }[] }).seen)
  expect(await seen()).toEqual([])
  harness.server.greeting = [50_000, 1 << 20, 32, 35_000]
  harness.server.accepting = true
  await page.evaluate(() => dispatchEvent(new Event('online')))
  const wire = await harness.server.speaking()
  const { id } = await wire.next('join')
  sendJoin(wire, id, counter)
  expect((await wire.next('event')).number).toBe(1)
  expect((await seen()).filter(({ name }) => name === 'loom:lost')).toEqual([
    { name: 'loom:lost', detail: { reason: 'expired', events: [{ handler: 'up', event: 'click' }] } },
  ])
})
