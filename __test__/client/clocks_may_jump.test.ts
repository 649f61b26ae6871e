import { clientBundle } from './fake_server'
import { Harness, tree } from './harness'

const harness = new Harness()

const counter = tree(['<button data-l-click="up" l-no-disable>', '</button>'], '0')

test('the client does not ask what time of day it is', () => {
  expect(clientBundle()).not.toMatch(/\bDate\b|\.timeStamp\b/)
})

/** From now on the page's clock shows another time. */
function setClock(by: number): void {
  const { now } = Date
  Date.now = () => now() + by
}

test.each([-3_600_000, -1_000, 0, 1_000, 3_600_000])(
  'a clock that is set by %s ms loses no click, and makes none older',
  async (by) => {
    const live = await harness.live(counter)
    await live.page.click('button')
    await live.event()
    await live.page.evaluate(setClock, by)
    harness.server.accepting = false
    live.wire.drop()
    await live.state('offline')
    await live.page.click('button')
    harness.server.accepting = true
    live.wire = await harness.server.speaking()
    const { id } = await live.wire.next('join')
    live.wire.send(['a', id, 0, 'b.c'])
    const [again, fresh] = [await live.event(), await live.event()]
    expect([again.number, fresh.number]).toEqual([1, 2])
    const age = again.age as number
    expect(Number.isInteger(age) && age >= 0 && age < 10_000).toBe(true)
    expect(fresh.age).toBeUndefined()
    live.wire.send([id, 1, 0, '1'])
    live.wire.send([id, 2, 0, '2'])
    await live.page.waitForSelector('button:text("2")')
    await live.state('live')
    expect(await live.seen('loom:lost')).toEqual([])
  },
)

test('every age is a whole number', async () => {
  const live = await harness.live(counter)
  await live.page.click('button')
  await live.event()
  for (let again = 0; again < 5; again++) {
    live.wire.drop()
    live.wire = await harness.server.connection()
    const { id } = await live.wire.next('join')
    live.wire.send(['a', id, 0, 'b.c'])
    const { age } = await live.event()
    expect(Number.isInteger(age) && (age as number) >= 0).toBe(true)
  }
})
