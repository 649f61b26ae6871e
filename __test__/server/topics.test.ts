/** Topics: what is published enters each subscribed state exactly once, in order, or a gap is said. */

import { html, type Loom, type LoomOptions, type Message } from 'loom-live'
import { LivePage } from '../support/live_page'
import { atEnd } from '../support/cleanup'
import { away, back, pageOf, shows, startPage } from '../support/pages'
import { Site, type SiteOptions } from '../support/site'
import { until } from '../support/until'

/** Shows all that it got: data, and `gap` for a gap. */
function room(loom: Loom, topic = 'room', options?: { from: 'now' | 'history' }): { name: string } {
  return loom.register('room', {
    props: { got: [] as unknown[] },
    async connected(_, ctx) {
      await ctx.subscribe(topic, 'arrived', options)
    },
    handle: {
      say(props, event, ctx) {
        ctx.publish(topic, event.value)
        return props
      },
      fail(_, event, ctx) {
        ctx.publish(topic, event.value)
        throw new Error('no')
      },
      quit(props, _, ctx) {
        ctx.unsubscribe(topic)
        return props
      },
    },
    receive: {
      arrived: ({ got }, { data, gap }: Message) => ({ got: [...got, gap ? 'gap' : data] }),
    },
    render: ({ got }) => html`${got.join(' ')}`,
  })
}

const start = (register: (loom: Loom) => { name: string } = room, options: SiteOptions = {}) =>
  startPage(register, options)

const numbers = (count: number): string => Array.from({ length: count }, (_, at) => at + 1).join(' ')

test('what is published from anywhere reaches all who have subscribed, in order', async () => {
  const { site, name, page } = await start()
  const other = await pageOf(site, name)
  await site.loom.publish('room', 1)
  page.event('say', '2')
  await shows(page, '1 2')
  other.event('say', '3')
  await site.loom.publish('elsewhere', 'no')
  await Promise.all([shows(page, '1 2 3'), shows(other, '1 2 3')])
})

test('what a step publishes is not published if it fails', async () => {
  const { page } = await start()
  page.event('fail', 'never')
  page.event('say', 'once')
  await shows(page, 'once')
})

describe('ctx.subscribe', () => {
  /** Subscribes in a handler, which then waits for the test. */
  async function entering() {
    let goOn: (fails: boolean) => void = () => undefined
    let isWaiting = false
    const started = await start((loom) =>
      loom.register('enters', {
        props: { got: [] as unknown[] },
        handle: {
          async enter(props, _, ctx) {
            await ctx.subscribe('room', 'arrived')
            const fails = await new Promise<boolean>((resolve) => {
              goOn = resolve
              isWaiting = true
            })
            isWaiting = false
            if (fails) throw new Error('no')
            return { ...props }
          },
        },
        receive: { arrived: ({ got }, { data, gap }: Message) => ({ got: [...got, gap ? 'gap' : data] }) },
        render: ({ got }) => html`${got.join(' ')}`,
      }),
    )
    const enter = async (): Promise<void> => {
      started.page.event('enter')
      await until('the handler to have subscribed', () => isWaiting)
    }
    return { ...started, enter, commits: () => goOn(false), fails: () => goOn(true) }
  }

  test('fixes the position at the call: what is published before the step commits is delivered, and after it', async () => {
    const { site, page, enter, commits } = await entering()
    await site.loom.publish('room', 'before')
    await enter()
    await site.loom.publish('room', 'a')
    await site.loom.publish('room', 'b')
    expect([page.text, page.waiting]).toEqual(['', 1])
    commits()
    await shows(page, 'a b')
    await site.loom.publish('room', 'c')
    await shows(page, 'a b c')
    expect(page.waiting).toBe(0)
  })

  test('is forgotten if its step fails: the next one begins where it is called', async () => {
    const { site, page, enter, commits, fails } = await entering()
    await enter()
    await site.loom.publish('room', 'missed')
    fails()
    await until('the answer', () => page.isSettled)
    await site.loom.publish('room', 'missed')
    await enter()
    await site.loom.publish('room', 'a')
    commits()
    await shows(page, 'a')
  })

  test('in connected begins before what connected loads: nothing between the two is missed', async () => {
    const kept = ['old']
    const site = await Site.start()
    const { name } = site.loom.register('loads', {
      props: { got: [] as unknown[] },
      async connected(_, ctx) {
        await ctx.subscribe('room', 'arrived')
        const loaded = [...kept]
        await site.loom.publish('room', 'new')
        return { got: loaded }
      },
      handle: {},
      receive: { arrived: ({ got }, { data }: Message) => ({ got: [...got, data] }) },
      render: ({ got }) => html`${got.join(' ')}`,
    })
    const page = await pageOf(site, name)
    await shows(page, 'old new')
  })
})

test('a topic keeps 256 messages, and from the history a subscription gets these', async () => {
  const site = await Site.start()
  const { name } = room(site.loom, 'room', { from: 'history' })
  for (let number = 1; number <= 300; number++) await site.loom.publish('room', number)
  const page = await pageOf(site, name)
  await shows(page, numbers(300).split(' ').slice(44).join(' '))
})

test('an unsubscribed component gets nothing more', async () => {
  const { site, name, page } = await start()
  const other = await pageOf(site, name)
  await site.loom.publish('room', 'a')
  await shows(page, 'a')
  page.event('quit')
  await until('the answer', () => page.isSettled)
  await site.loom.publish('room', 'b')
  await shows(other, 'a b')
  expect(page.text).toBe('a')
})

test('a page whose connection is cut again and again has each message once, in order', async () => {
  const { site, page } = await start(room, { limits: { topicMessages: 10_000 } })
  for (let number = 1; number <= 300; number++) {
    await site.loom.publish('room', number)
    if (number % 25 === 0) page.cut()
  }
  await shows(page, numbers(300))
  expect(site.loom.stats().components).toBe(1)
})

test('what comes while the page is away enters the state when it is back', async () => {
  const { site, page } = await start()
  await away(site, page)
  for (let number = 1; number <= 50; number++) await site.loom.publish('room', number)
  await back(page)
  // Before it is shown.
  expect(page.text).toBe(numbers(50))
})

test('beyond the history there is one gap, and then what the topic has', async () => {
  const { site, page } = await start(room, { limits: { topicMessages: 4 } })
  await site.loom.publish('room', 'first')
  await shows(page, 'first')
  await away(site, page)
  for (let number = 1; number <= 10; number++) await site.loom.publish('room', number)
  await back(page)
  await shows(page, 'first gap')
  await site.loom.publish('room', 'next')
  await shows(page, 'first gap next')
})

test('a new process has no history: the state goes on with a gap', async () => {
  const sites = [await Site.start(), await Site.start()] as [Site, Site]
  for (const { loom } of sites) room(loom)
  let [site] = sites
  const page = new LivePage({ url: () => site.url(), module: 'room', token: await site.token('room') })
  atEnd(() => {
    page.end()
  })
  await until('the page to be live', () => page.isLive)
  await site.loom.publish('room', 'a')
  await shows(page, 'a')
  await until('a checkpoint', () => page.memory.checkpoint !== undefined)
  page.event('quit')
  await until('the answer', () => page.isSettled)
  site = sites[1]
  page.cut()
  await until('the page to be back', () => page.joins === 2)
  // `connected` subscribes again in the new life.
  await site.loom.publish('room', 'b')
  await until('the message', () => page.text.endsWith('b'))
  expect(page.text).toMatch(/^a( gap)? b$/)
})

test('from the history a subscription gets what the topic has kept', async () => {
  const site = await Site.start()
  const { name } = room(site.loom, 'room', { from: 'history' })
  for (const value of ['a', 'b']) await site.loom.publish('room', value)
  const page = await pageOf(site, name)
  await shows(page, 'a b')
  await site.loom.publish('room', 'c')
  await shows(page, 'a b c')
})

test('what has been read of a topic that a step leaves is handled no more', async () => {
  const { site, page } = await start((loom) =>
    loom.register('leaves', {
      props: { got: [] as unknown[] },
      async connected(_, ctx) {
        await ctx.subscribe('room', 'arrived')
      },
      handle: {
        wait: async (props) => {
          for (const value of ['a', 'leave', 'throw', 'b', 'c']) await site.loom.publish('room', value)
          return props
        },
        back: async (props, _, ctx) => {
          await ctx.subscribe('room', 'arrived')
          return props
        },
      },
      receive: {
        arrived: ({ got }, { data }: Message, ctx) => {
          if (data === 'leave') ctx.unsubscribe('room')
          if (data === 'throw') throw new Error('here the visit ends')
          return { got: [...got, data] }
        },
      },
      render: ({ got }) => html`${got.join(' ')}`,
    }),
  )
  page.event('wait')
  await shows(page, 'a leave')
  page.event('back')
  await until('the answer', () => page.isSettled)
  await site.loom.publish('room', 'd')
  await shows(page, 'a leave d')
})

test('a topic that is subscribed already begins anew where the step says, and only then', async () => {
  const { site, page } = await start((loom) =>
    loom.register('again', {
      props: { got: [] as unknown[] },
      async connected(_, ctx) {
        await ctx.subscribe('room', 'arrived')
      },
      handle: {
        async same(props, _, ctx) {
          await ctx.subscribe('room', 'arrived')
          return { got: [...props.got, '|'] }
        },
        async history(props, _, ctx) {
          await ctx.subscribe('room', 'arrived', { from: 'history' })
          return { got: [...props.got, '|'] }
        },
      },
      receive: { arrived: ({ got }, { data, gap }: Message) => ({ got: [...got, gap ? 'gap' : data] }) },
      render: ({ got }) => html`${got.join(' ')}`,
    }),
  )
  for (const value of ['a', 'b']) await site.loom.publish('room', value)
  await shows(page, 'a b')
  page.event('same')
  await site.loom.publish('room', 'c')
  await until('the message', () => page.isSettled && page.text.includes('c'))
  expect(page.text.replace(' |', '')).toBe('a b c')
  page.event('history')
  await until('the history', () => page.text.endsWith('| a b c'))
})

test('a message under an id that was published is not published again', async () => {
  const { site, page } = await start()
  await site.loom.publish('room', 'a', { id: 'order 7' })
  await site.loom.publish('room', 'b', { id: 'order 7' })
  await site.loom.publish('room', 'c', { id: 'order 8' })
  await shows(page, 'a c')
})

test('a message has its id, its topic and where it comes from, and its data is shared and frozen', async () => {
  const seen: Message[] = []
  const site = await Site.start()
  const { name } = site.loom.register('seen', {
    props: { count: 0 },
    async connected(_, ctx) {
      await ctx.subscribe('a', 'got')
    },
    handle: {},
    receive: {
      got: ({ count }, message) => {
        seen.push(message)
        return { count: count + 1 }
      },
    },
    render: ({ count }) => html`${count}`,
  })
  const pages = [await pageOf(site, name), await pageOf(site, name)]
  await site.loom.publish('a', { list: [1] }, { id: 'mine' })
  await Promise.all(pages.map((page) => shows(page, '1')))
  expect(seen).toHaveLength(2)
  expect(seen[0]).toEqual({ id: 'mine', from: 'topic', topic: 'a', gap: false, done: false, data: { list: [1] } })
  expect(seen[0]?.data).toBe(seen[1]?.data)
  expect(Object.isFrozen((seen[0]?.data as { list: number[] }).list)).toBe(true)
})

test('a typed topic is the topic of its name', async () => {
  const { site, page } = await start()
  const typed = site.loom.topic<number>('room')
  await typed.publish(1)
  await typed.publish(2, { id: 'once' })
  await typed.publish(3, { id: 'once' })
  await site.loom.publish('room', 4)
  await site.loom.publish(typed, 5)
  await shows(page, '1 2 4 5')
})

test('an object with a name is no topic: what was meant for a meta or for data does not make one', async () => {
  const said = 'Expected a string that is not empty, or what loom.topic gives, for the topic of '
  const { site, page } = await startPage((loom) =>
    loom.register('tracks', {
      props: { count: 0 },
      handle: {
        track({ count }, _, ctx) {
          ctx.track({ name: 'Ann' } as never)
          return { count: count + 1 }
        },
        add: ({ count }) => ({ count: count + 1 }),
      },
      render: ({ count }) => html`${count}`,
    }),
  )
  page.event('track')
  page.event('add')
  await shows(page, '1')
  expect(site.log.all).toContain(`${said}ctx.track but received a value of type object`)
  expect((await site.loom.presence('Ann')).count).toBe(0)
  await expect(site.loom.publish({ name: 'room' } as never, 1)).rejects.toThrow(`${said}loom.publish`)
  await site.loom.publish({ ...site.loom.topic('room') }, 1)
})

test('messages that wait together are handled in one visit and rendered once', async () => {
  let renders = 0
  const site = await Site.start()
  const { name } = site.loom.register('many', {
    props: { count: 0 },
    async connected(_, ctx) {
      await ctx.subscribe('many', 'got')
    },
    handle: {
      wait: async (props) => {
        for (let number = 0; number < 200; number++) await site.loom.publish('many', number)
        return props
      },
    },
    receive: { got: ({ count }) => ({ count: count + 1 }) },
    render: ({ count }) => {
      renders++
      return html`${count}`
    },
  })
  const page = await pageOf(site, name)
  const before = renders
  page.event('wait')
  await shows(page, '200')
  // In development a render is tried twice.
  expect(renders - before).toBeLessThan(20)
})

test('a component is sent messages by its address, and a forged one is an error', async () => {
  let address = ''
  const site = await Site.start()
  const { name } = site.loom.register('inbox', {
    props: { got: [] as unknown[] },
    connected(_, ctx) {
      address = ctx.self
    },
    handle: {
      self: (props, _, ctx) => {
        ctx.send(ctx.self, 'got', 'from myself')
        return props
      },
      forged: (props, _, ctx) => {
        ctx.send('AQx', 'got', 1)
        return { got: [...props.got, 'never'] }
      },
    },
    receive: { got: ({ got }, { data, from }) => ({ got: [...got, `${from}: ${String(data)}`] }) },
    render: ({ got }) => html`${got.join(', ')}`,
  })
  const page = await pageOf(site, name)
  const other = await pageOf(site, name)
  const toOther = address
  await site.loom.send(toOther, 'got', 'hello')
  await shows(other, 'server: hello')
  expect(page.text).toBe('')
  page.event('self')
  await shows(page, 'component: from myself')
  page.event('forged')
  await until('the answer', () => page.waiting === 0)
  expect(page.text).toBe('component: from myself')
  await until('the log', () => site.log.all.includes('the address of ctx.send or loom.send cannot be opened'))
  await expect(site.loom.send('AQx', 'got', 1)).rejects.toMatchObject({ code: 'LOOM_TOPIC' })
  const { loom: stranger } = await Site.start({ secret: 'another secret of at least thirty-two bytes' })
  await expect(stranger.send(toOther, 'got', 1)).rejects.toMatchObject({ code: 'LOOM_TOPIC' })
  // A message for a receiver that is not there is over, and harms nobody.
  await site.loom.send(toOther, 'nobody', 1)
  await site.loom.send(toOther, 'got', 'again')
  await shows(other, 'server: hello, server: again')
  await until('the log', () => site.log.all.includes('no receiver "nobody"'))
})

describe('what is no topic, or no data', () => {
  const bad: [string, unknown][] = [
    ['an empty name', ''],
    ['a name that is too long', 'x'.repeat(257)],
    ['no text', 7],
    ['a name of a component’s own', '\0abc'],
  ]
  test.each(bad)('%s is an error', async (_, topic) => {
    const { loom } = await Site.start()
    await expect(loom.publish(topic as string, 1)).rejects.toThrow(/topic of loom.publish/)
  })

  test.each([
    ['a Date', new Date()],
    ['NaN', NaN],
    ['a function', () => 1],
  ])('%s as data is an error', async (_, data) => {
    const { loom } = await Site.start()
    await expect(loom.publish('a', data)).rejects.toThrow(/messages are JSON values/)
    await expect(loom.send('a', 'got', data)).rejects.toThrow(/messages are JSON values/)
  })

  test('data beyond limits.messageBytes is an error', async () => {
    const { loom } = await Site.start({ limits: { messageBytes: 1000 } })
    await expect(loom.publish('a', 'x'.repeat(1001))).rejects.toMatchObject({ code: 'LOOM_TOPIC' })
  })

  test('a component subscribes to 100 topics at most', async () => {
    const { site, page } = await start((loom) =>
      loom.register('greedy', {
        props: { count: 0 },
        handle: {
          go: ({ count }, event, ctx) => {
            for (let number = 0; number < Number(event.value); number++) void ctx.subscribe(`t${number}`, 'got')
            return { count: count + 1 }
          },
        },
        receive: { got: (props) => props },
        render: ({ count }) => html`${count}`,
      }),
    )
    page.event('go', '100')
    await shows(page, '1')
    page.event('go', '101')
    await until('the answer', () => page.waiting === 0)
    expect(page.text).toBe('1')
    await until('the log', () => site.log.all.includes('100 subscriptions at most'))
  })
})

test('with a store, what was committed and not published is published at the revival, once', async () => {
  const { mkdtempSync, rmSync } = await import('node:fs')
  const { tmpdir } = await import('node:os')
  const { join } = await import('node:path')
  const folder = mkdtempSync(join(tmpdir(), 'loom-topics-'))
  atEnd(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  const options: LoomOptions = { store: { sqlite: join(folder, 'states.sqlite') } }
  const { site, page } = await start(room, options)
  page.event('say', 'a')
  page.event('say', 'b')
  await shows(page, 'a b')
  page.cut()
  await until('the page to be back', () => page.isSettled && page.resumes === 1)
  page.event('say', 'c')
  await shows(page, 'a b c')
  expect(site.log.errors).toEqual([])
})
