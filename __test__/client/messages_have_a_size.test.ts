import { container, Harness, sendJoin, tree } from './harness'

const harness = new Harness()

const form = tree(
  ['<textarea data-l-input="typed"></textarea><button data-l-click="up" l-no-disable>', '</button>'],
  '0',
)

/** What the page's next events carry. */
const type = (text: string) => `
  document.querySelector('textarea').value = ${text}
  document.querySelector('textarea').dispatchEvent(new Event('input', { bubbles: true }))`

test.each([
  ['letters', '"x".repeat(2000)'],
  // By three bytes each, and by six in JSON.
  ['characters', '"€".repeat(700)'],
  ['control characters', '"\\u0001".repeat(400)'],
])('an event that is larger than the server takes is reported lost, and all others go on: %s', async (_, text) => {
  harness.server.greeting = [60_000, 2_000, 32, 35_000]
  const live = await harness.live(form)
  const { page, wire } = live
  await page.click('button')
  await page.evaluate(type(text))
  await page.click('button')
  expect([await live.event(), await live.event()].map(({ handler }) => handler)).toEqual(['up', 'up'])
  expect(await live.seen('loom:lost')).toEqual([{ reason: 'large', events: [{ handler: 'typed', event: 'input' }] }])
  live.patch({ 0: '1' })
  live.patch({ 0: '2' })
  await live.state('live')
  expect(await live.text('button')).toBe('2')
  // What is a little smaller arrives.
  await page.evaluate(type('"x".repeat(1900)'))
  expect((await live.event()).vars?.v).toHaveLength(1900)
  expect([wire.closed, harness.server.attempts]).toEqual([false, 1])
})

test('its loading state ends', async () => {
  harness.server.greeting = [60_000, 2_000, 32, 35_000]
  const content = tree(['<form data-l-submit="save"><textarea name="t"></textarea><button>Save</button></form>'])
  const live = await harness.live(content)
  await live.page.fill('textarea', 'x'.repeat(3_000))
  await live.page.click('button')
  await live.page.waitForFunction(() =>
    (window as unknown as { seen: { name: string }[] }).seen.some(({ name }) => name === 'loom:lost'),
  )
  await live.page.waitForFunction(() => document.querySelector('.l-loading, [aria-busy], :disabled') === null)
  // What was typed is there, to be made shorter.
  expect(await live.page.inputValue('textarea')).toHaveLength(3_000)
  await live.state('live')
})

test('more large events than may be under way do not hold up what comes after them', async () => {
  harness.server.greeting = [60_000, 2_000, 2, 35_000]
  const live = await harness.live(form)
  harness.server.accepting = false
  live.wire.drop()
  await live.state('offline')
  for (let event = 0; event < 5; event++) await live.page.evaluate(type('"x".repeat(3000)'))
  await live.page.click('button')
  harness.server.accepting = true
  await live.rejoined(form)
  expect((await live.event()).handler).toBe('up')
  const lost = await live.seen('loom:lost')
  expect(lost.flatMap((one) => (one as { events: [] }).events)).toHaveLength(5)
})

test('what the page does when it is told comes after what was made before', async () => {
  harness.server.greeting = [60_000, 2_000, 32, 35_000]
  const live = await harness.live(form)
  await live.page.evaluate(() => {
    addEventListener('loom:lost', () => document.querySelector('button')?.click())
  })
  harness.server.accepting = false
  live.wire.drop()
  await live.state('offline')
  await live.page.evaluate(type('"x".repeat(3000)'))
  await live.page.evaluate(type('"last"'))
  harness.server.accepting = true
  await live.rejoined(form)
  const [first, second] = [await live.event(), await live.event()]
  expect([first.handler, second.handler]).toEqual(['typed', 'up'])
  expect(first.number as number).toBeLessThan(second.number as number)
})

test('a limit that has become smaller: what does not fit any more is not sent for ever', async () => {
  const live = await harness.live(form)
  await live.page.evaluate(type('"x".repeat(3000)'))
  await live.event()
  harness.server.greeting = [60_000, 2_000, 32, 35_000]
  live.wire.drop()
  live.wire = await harness.server.connection()
  const { id } = await live.wire.next('join')
  live.wire.send(['a', id, 0, 'b.c'])
  await live.state('live')
  expect(await live.seen('loom:lost')).toEqual([{ reason: 'large', events: [{ handler: 'typed', event: 'input' }] }])
  expect(live.wire.received).toHaveLength(1)
})

test('a join that is too large is told, not repeated, and the other components go on', async () => {
  harness.server.greeting = [60_000, 2_000, 32, 35_000]
  const page = await harness.open(`<p data-l-live="large" data-l-token="${'t'.repeat(3_000)}"></p>${container('')}`)
  // The first time nobody has told the page of the limit.
  const first = await harness.server.connection()
  await first.next('join')
  first.close(1009)
  const wire = await harness.server.connection()
  const join = await wire.next('join')
  expect(join.module).toBe('demo')
  sendJoin(wire, join.id, form)
  await page.waitForSelector('[data-l-live=demo][data-l-state=live]', { state: 'attached' })
  await page.waitForSelector('[data-l-live=large][data-l-state=error]', { state: 'attached' })
  expect(wire.received).toHaveLength(1)
  const told = await page.evaluate(() => (window as unknown as { seen: { name: string; detail: unknown }[] }).seen)
  expect(told.filter(({ name }) => name === 'loom:error').map(({ detail }) => detail)).toContainEqual({
    message: 'too large to join',
    action: 'reload',
  })
})
