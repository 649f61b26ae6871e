/** Timers: Rust keeps them, in the committed state; there is one of a name, and none rings twice for the same moment. */

import { setTimeout as sleep } from 'node:timers/promises'
import { html, type Loom, type Message } from 'loom-live'
import { away, back, pageOf, shows, startPage } from '../support/pages'
import { Site } from '../support/site'
import { Gate, until } from '../support/until'

test('a second timer of a name takes the place of the first, whether it rings once or again and again', async () => {
  const { page } = await startPage((loom) =>
    loom.register('names', {
      props: { said: '', ticks: 0 },
      connected(_, ctx) {
        ctx.after('say', 50, 'first')
        ctx.after('say', 100, 'second')
        ctx.every('tick', 50)
      },
      handle: {
        late(props, _, ctx) {
          ctx.after('tick', 600_000)
          return { ...props, ticks: 0 }
        },
      },
      receive: {
        say: (props, { data }) => ({ ...props, said: `${props.said}${String(data)} ` }),
        tick: (props) => ({ ...props, ticks: props.ticks + 1 }),
      },
      render: ({ said, ticks }) => html`${said}| ${ticks}`,
    }),
  )
  await until('both timers', () => page.text.includes('second') && !page.text.endsWith(' 0'))
  expect(page.text).toMatch(/^second \|/)
  page.event('late')
  await shows(page, 'second | 0')
  await sleep(200)
  expect(page.text).toBe('second | 0')
})

test('what ctx.after gives its receiver is the data, or nothing, once', async () => {
  const messages: Message[] = []
  const { page } = await startPage((loom) =>
    loom.register('once', {
      props: { rung: 0 },
      connected(_, ctx) {
        ctx.after('bare', 0)
        ctx.after('loaded', 20, { list: [1] })
      },
      handle: {},
      receive: Object.fromEntries(
        ['bare', 'loaded'].map((name) => [
          name,
          ({ rung }: Readonly<{ rung: number }>, message: Message) => {
            messages.push(message)
            return { rung: rung + 1 }
          },
        ]),
      ),
      render: ({ rung }) => html`${rung}`,
    }),
  )
  await shows(page, '2')
  await sleep(100)
  expect(messages.map(({ from, data, done, gap }) => ({ from, data, done, gap }))).toEqual([
    { from: 'timer', data: undefined, done: false, gap: false },
    { from: 'timer', data: { list: [1] }, done: false, gap: false },
  ])
})

test('a step that fails begins no timer, and cancels none', async () => {
  const { page } = await startPage((loom) =>
    loom.register('fails', {
      props: { kept: 0, never: 0 },
      connected: (_, ctx) => ctx.every('kept', 50),
      handle: {
        fail(_, __, ctx) {
          ctx.every('never', 50)
          ctx.cancel('kept')
          throw new Error('no')
        },
      },
      receive: {
        kept: (props) => ({ ...props, kept: props.kept + 1 }),
        never: (props) => ({ ...props, never: props.never + 1 }),
      },
      render: ({ kept, never }) => html`${kept} ${never}`,
    }),
  )
  page.event('fail')
  await until('the answer', () => page.waiting === 0)
  const before = Number(page.text.split(' ')[0])
  await until('some ticks', () => Number(page.text.split(' ')[0]) >= before + 3)
  expect(page.text).toMatch(/ 0$/)
})

test('timers are Rust’s: JavaScript has none for them', async () => {
  const { page } = await startPage((loom) =>
    loom.register('many', {
      props: { count: 0 },
      handle: {
        begin({ count }, _, ctx) {
          for (let number = 0; number < 100; number++) ctx.every(`t${number}`, 600_000)
          return { count: count + 1 }
        },
      },
      receive: Object.fromEntries(Array.from({ length: 100 }, (_, number) => [`t${number}`, () => undefined])),
      render: ({ count }) => html`${count}`,
    }),
  )
  const own = (): number => process.getActiveResourcesInfo().filter((one) => one === 'Timeout').length
  const before = own()
  page.event('begin')
  await shows(page, '1')
  expect(own() - before).toBeLessThan(50)
})

/** Counts ticks, and keeps the counts that were rendered. */
function ticking(
  loom: Loom,
  interval: number,
  holding: { gate: Gate | undefined },
): { name: string; counts: number[] } {
  const counts: number[] = []
  const { name } = loom.register('ticking', {
    props: { ticks: 0, held: 0 },
    connected: (_, ctx) => ctx.every('tick', interval),
    handle: {
      async hold(props) {
        holding.gate = new Gate()
        await holding.gate.promise
        return { ...props, held: props.held + 1 }
      },
    },
    receive: { tick: (props) => ({ ...props, ticks: props.ticks + 1 }) },
    render: ({ ticks, held }) => {
      counts.push(ticks)
      return html`${ticks} ${held}`
    },
  })
  return { name, counts }
}

/** By how much each rendered count was more than the one before: what one visit has handled. */
const steps = (counts: number[]): number[] => counts.slice(1).map((count, at) => count - (counts[at] ?? 0))

test('of an interval that fell due many times while a handler ran, one tick waits', async () => {
  const site = await Site.start()
  const holding: { gate: Gate | undefined } = { gate: undefined }
  const { name, counts } = ticking(site.loom, 50, holding)
  const page = await pageOf(site, name)
  page.event('hold')
  const gate = await until('the handler to wait', () => holding.gate)
  await sleep(500)
  const at = counts.length
  gate.open()
  await until('more ticks', () => counts.length > at + 4)
  expect(Math.max(...steps(counts))).toBe(1)
})

test('a tick that waits already is not queued again', async () => {
  const counts: number[] = []
  const { site, page } = await startPage((loom) =>
    loom.register('waits', {
      props: { ticks: 0 },
      handle: {
        // Both fall due while the next event is handled: they wait together, and the one that fails is first.
        begin(props, _, ctx) {
          ctx.after('fails', 45)
          ctx.every('tick', 50)
          return { ...props }
        },
        async hold(props) {
          await sleep(150)
          return { ...props }
        },
      },
      receive: {
        async fails() {
          // Meanwhile the next tick falls due, and the last one waits behind this message.
          await sleep(150)
          throw new Error('the visit ends here')
        },
        tick: ({ ticks }) => ({ ticks: ticks + 1 }),
      },
      render: ({ ticks }) => {
        counts.push(ticks)
        return html`${ticks}`
      },
    }),
  )
  page.event('begin')
  page.event('hold')
  await until('the visit to end', () => site.log.all.includes('the visit ends here'))
  await until('some ticks', () => Number(page.text) >= 3)
  expect(Math.max(...steps(counts))).toBe(1)
})

test('one that fell due several times while nobody looked rings once', async () => {
  const site = await Site.start()
  const { name, counts } = ticking(site.loom, 50, { gate: undefined })
  const page = await pageOf(site, name)
  await until('a tick', () => counts.length > 1)
  await away(site, page)
  await until('the last tick before the page went', () => site.loom.stats().callsInFlight === 0)
  const before = Math.max(...counts)
  await sleep(500)
  expect(Math.max(...counts)).toBe(before)
  await back(page)
  expect(Number(page.text.split(' ')[0])).toBeGreaterThan(before)
  expect(Math.max(...steps(counts))).toBe(1)
})

test('one that rings once, and fell due while nobody looked, rings once when the page is back', async () => {
  const gate = new Gate()
  const { site, page } = await startPage((loom) =>
    loom.register('late', {
      props: { rung: '' },
      handle: {
        // The timer is set while the page is away, so that it cannot ring before.
        async begin(props, _, ctx) {
          await gate.promise
          ctx.after('ring', 50, 'late')
          return { ...props }
        },
      },
      receive: { ring: ({ rung }, { data }) => ({ rung: rung + String(data) }) },
      render: ({ rung }) => html`${rung}`,
    }),
  )
  page.event('begin')
  await until('the handler to run', () => site.loom.stats().callsInFlight === 1)
  await away(site, page)
  gate.open()
  await until('the step', () => site.loom.stats().events === 1)
  await sleep(200)
  expect(page.text).toBe('')
  await back(page)
  expect(page.text).toBe('late')
  await away(site, page)
  await back(page)
  expect(page.text).toBe('late')
})
