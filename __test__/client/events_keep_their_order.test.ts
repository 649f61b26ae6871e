import { Harness, container, plain, sendJoin, tree, until, type Live, type Sent } from './harness'

const harness = new Harness()

const told = ({ handler, vars }: Sent) => `${handler}:${vars?.v ?? vars?.k ?? ''}`

async function tellAll(live: Live, count: number): Promise<string[]> {
  const all: string[] = []
  while (all.length < count) all.push(told(await live.event()))
  return all
}

test('typing waits for a pause, and is sent once', async () => {
  const live = await harness.live(plain('<input data-l-input="search" data-l-debounce="">'), { stopped: true })
  await live.page.locator('input').pressSequentially('abc')
  await live.page.clock.runFor(149)
  expect(live.wire.received).toHaveLength(1)
  await live.page.clock.runFor(1)
  expect(await tellAll(live, 1)).toEqual(['search:abc'])
})

const slow = 'data-l-debounce="60000"'

test('what is typed arrives before the Enter that follows it', async () => {
  const live = await harness.live(
    plain(`<form data-l-submit="save"><input name="q" data-l-input="typed" ${slow}><button>Save</button></form>`),
  )
  await live.page.locator('input').pressSequentially('abc')
  await live.page.keyboard.press('Enter')
  expect(await tellAll(live, 2)).toEqual(['typed:abc', 'save:q=abc'])
})

test('what is typed arrives before a key handler of another element, and before a click', async () => {
  const live = await harness.live(
    plain(`<div data-l-keydown="key"><input data-l-input="typed" ${slow}></div><button data-l-click="go">go</button>`),
  )
  await live.page.locator('input').pressSequentially('a')
  await live.page.keyboard.press('Enter')
  // Each key is its own event; the text goes out with the next of them.
  expect(await tellAll(live, 3)).toEqual(['key:', 'typed:a', 'key:a'])
  await live.page.locator('input').pressSequentially('b')
  await live.page.click('button')
  expect(await tellAll(live, 3)).toEqual(['key:a', 'typed:ab', 'go:'])
})

test('leaving the field sends what was typed at once', async () => {
  const live = await harness.live(plain(`<input id="a" data-l-input="typed" ${slow}><input id="b">`))
  await live.page.locator('#a').pressSequentially('abc')
  await live.page.focus('#b')
  expect(await tellAll(live, 1)).toEqual(['typed:abc'])
})

test('two fields that both wait leave in the order of typing', async () => {
  const live = await harness.live(
    plain(`<div data-l-keydown="key" ${slow}><input data-l-input="typed" data-l-blur="left" ${slow}></div><p>x</p>`),
  )
  await live.page.locator('input').pressSequentially('a')
  await live.page.locator('input').blur()
  expect(await tellAll(live, 3)).toEqual(['key:', 'typed:a', 'left:a'])
})

test('typing is sent although its field is gone', async () => {
  const live = await harness.live(tree(['<p>x</p>', ''], plain('<input data-l-input="typed" data-l-debounce="300">')))
  await live.page.locator('input').pressSequentially('abc')
  live.patch({ 0: '' })
  expect(await tellAll(live, 1)).toEqual(['typed:abc'])
})

test('typing is sent before the page goes away', async () => {
  const live = await harness.live(plain(`<input data-l-input="typed" ${slow}>`))
  await live.page.locator('input').pressSequentially('abc')
  await live.page.goto('about:blank')
  expect(await tellAll(live, 1)).toEqual(['typed:abc'])
})

test('typing is sent before its container leaves', async () => {
  const live = await harness.live(plain(`<input data-l-input="typed" ${slow}>`))
  await live.page.locator('input').pressSequentially('abc')
  await live.page.evaluate(() => document.querySelector('[data-l-live]')?.remove())
  expect(await tellAll(live, 1)).toEqual(['typed:abc'])
  await live.wire.next('leave')
})

test('clicks made before the join wait for it, in order and before later ones', async () => {
  const page = await harness.open(container('<button data-l-click="go" data-l-value="1" l-no-disable>go</button>'))
  const wire = await harness.server.connection()
  const { id } = await wire.next('join')
  await page.click('button')
  await page.evaluate(() => document.querySelector('button')?.setAttribute('data-l-value', '2'))
  await page.click('button')
  expect(wire.received).toHaveLength(1)
  sendJoin(wire, id, plain('<button data-l-click="go" data-l-value="3" l-no-disable>go</button>'))
  await page.waitForSelector('[data-l-value="3"]')
  await page.click('button')
  expect([await wire.next(), await wire.next(), await wire.next()].map(told)).toEqual(['go:1', 'go:2', 'go:3'])
})

test('what is made without a connection is bounded, and the page is told of the rest', async () => {
  const live = await harness.live(plain('<button data-l-click="go" l-no-disable>go</button>'))
  harness.server.accepting = false
  live.wire.drop()
  await live.state('offline')
  await live.page.evaluate(() => {
    for (let count = 0; count < 102; count++) document.querySelector('button')?.click()
  })
  const lost = { reason: 'full', events: [{ handler: 'go', event: 'click' }] }
  expect(await live.seen('loom:lost')).toEqual([lost, lost])
  harness.server.accepting = true
  await live.rejoined(plain('<button data-l-click="go" l-no-disable>go</button>'))
  // Not all at once: a server lets so many wait and no more.
  expect(await tellAll(live, 32)).toHaveLength(32)
  await live.page.waitForTimeout(50)
  expect(live.wire.received).toHaveLength(33)
  for (let answer = 0; answer < 100; answer++) {
    live.patch({})
    await until('the next event', () => live.wire.received.length >= Math.min(101, 34 + answer))
  }
  await live.state('live')
})
