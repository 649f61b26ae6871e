/** A component whose page is away handles nothing from the server; when the page is back, it catches up first. */

import { setTimeout as sleep } from 'node:timers/promises'
import { html, type Message } from 'loom-live'
import { away, back, pageOf, shows, startPage } from '../support/pages'
import { Site, type SiteOptions } from '../support/site'
import { Gate, until } from '../support/until'

test('a component whose page is away handles nothing: no topic, no timer, no value, no presence, nothing sent', async () => {
  const handled: string[] = []
  let address = ''
  const value = new Gate<string>()
  const site = await Site.start({ limits: { presenceGrace: 0 } })
  const receive = Object.fromEntries(
    ['arrived', 'rang', 'value', 'people', 'sent'].map((name) => [
      name,
      (props: Readonly<{ got: string }>) => {
        handled.push(name)
        return { got: `${props.got}${name} ` }
      },
    ]),
  )
  const { name } = site.loom.register('all', {
    props: { got: '' },
    async connected(_, ctx) {
      address = ctx.self
      await ctx.subscribe('news', 'arrived')
      ctx.presence('room', 'people')
      ctx.task('value', () => value.promise)
    },
    handle: {
      begin(_, __, ctx) {
        ctx.every('rang', 100)
        return { got: '' }
      },
    },
    receive,
    render: ({ got }) => html`${got}`,
  })
  const guest = site.loom.register('guest', {
    props: {},
    connected: (_, ctx) => ctx.track('room', 1),
    handle: {},
    render: () => html`guest`,
  })
  const page = await pageOf(site, name)
  await until('everybody', () => handled.length === 1)
  page.event('begin')
  await until('the answer', () => page.isSettled)
  await away(site, page)
  await until('the last tick before the page went', () => site.loom.stats().callsInFlight === 0)
  handled.length = 0
  await site.loom.publish('news', 1)
  await site.loom.send(address, 'sent', 1)
  value.open('value')
  const other = await pageOf(site, guest.name)
  await sleep(300)
  expect(handled).toEqual([])
  expect(site.loom.stats().callsInFlight).toBe(0)
  await back(page)
  expect([...new Set(handled)].sort()).toEqual(['arrived', 'people', 'rang', 'sent', 'value'])
  for (const one of ['arrived', 'people', 'rang', 'sent', 'value']) expect(page.text).toContain(one)
  other.end()
})

/** Counts the messages of a topic; its receiver waits at the message behind so many, until the test goes on. */
async function counting(waitsBehind: number, options: SiteOptions) {
  const gate = new Gate()
  const handled = { begun: 0 }
  const started = await startPage(
    (loom) =>
      loom.register('counts', {
        props: { count: 0 },
        connected: (_, ctx) => ctx.subscribe('many', 'arrived'),
        handle: {},
        receive: {
          async arrived({ count }, { gap }: Message) {
            handled.begun += 1
            if (count === waitsBehind) await gate.promise
            return { count: gap ? -1_000 : count + 1 }
          },
        },
        render: ({ count }) => html`${count}`,
      }),
    options,
  )
  return { ...started, gate, handled }
}

test('it catches up with 256 messages at most before its page is shown, and with the others after it', async () => {
  const { site, page, gate } = await counting(256, { limits: { topicMessages: 10_000 } })
  await away(site, page)
  for (let number = 0; number < 600; number++) await site.loom.publish('many', number)
  // The 257th message waits for the test: the page does not.
  await back(page)
  expect(page.text).toBe('256')
  gate.open()
  await shows(page, '600')
})

test('it catches up for two seconds at most: then the page is shown what it knows, and it goes on', async () => {
  const { site, page, gate, handled } = await counting(0, {})
  await away(site, page)
  await site.loom.publish('many', 1)
  // The receiver waits for the test, and would for as long as a handler may take.
  await back(page)
  expect([page.text, handled.begun > 0]).toEqual(['0', true])
  gate.open()
  await shows(page, '1')
})

test('to catch up it has a turn, as joins have', async () => {
  const gates: Gate[] = []
  const site = await Site.start({ limits: { joins: 1 } })
  const { name } = site.loom.register('turns', {
    props: { got: 0 },
    connected: (_, ctx) => ctx.subscribe('news', 'arrived'),
    handle: {},
    receive: {
      async arrived({ got }) {
        const gate = new Gate()
        gates.push(gate)
        await gate.promise
        return { got: got + 1 }
      },
    },
    render: ({ got }) => html`${got}`,
  })
  const pages = [await pageOf(site, name), await pageOf(site, name)]
  for (const page of pages) await away(site, page)
  await site.loom.publish('news', 1)
  for (const page of pages) page.comeBack()
  await until('one of them to catch up', () => gates.length === 1)
  await sleep(100)
  expect([gates.length, pages.filter(({ isLive }) => isLive).length]).toEqual([1, 0])
  gates[0]?.open()
  const second = await until('the other one to have its turn', () => gates[1])
  expect(pages.filter(({ isLive, text }) => isLive && text === '1')).toHaveLength(1)
  second.open()
  await Promise.all(pages.map((page) => shows(page, '1')))
})
