/** Visits under stress: receivers that hang or throw, floods, and what a visit leaves undone. */

import { html, type Loom, type Message } from 'loom-live'
import { atEnd } from '../support/cleanup'
import type { LivePage } from '../support/live_page'
import { away, comeBack, gone, pageOf, shows, startPage as start } from '../support/pages'
import { Site } from '../support/site'
import { Gate, until } from '../support/until'

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Handlers that have messages wait together: timers that are due while an event is handled. */
const together = (names: readonly string[]) => ({
  go(props: object, _: unknown, ctx: { after(name: string, ms: number): void }) {
    for (const name of names) ctx.after(name, 0)
    return props
  },
  async hold(props: object) {
    await sleep(50)
    return props
  },
})

describe('a receiver that takes too long', () => {
  test('no further message of its visit is begun once the visit was given up', async () => {
    const begun: string[] = []
    const names = ['a', 'b', 'c']
    // The first `b` hangs until its visit is given up, which is when `a` is handled anew.
    const hung = new Gate()
    const { page } = await start(
      (loom) =>
        loom.register('long', {
          props: { all: '' },
          handle: together(names) as never,
          receive: Object.fromEntries(
            names.map((name) => [
              name,
              async (props: Readonly<{ all: string }>) => {
                begun.push(name)
                const times = begun.filter((one) => one === name).length
                if (name === 'a' && times === 2) hung.open()
                if (name === 'b' && times === 1) await hung.promise
                return { all: props.all + name }
              },
            ]),
          ),
          render: ({ all }) => html`${all}`,
        }),
      { limits: { handlerTime: 1_000 } },
    )
    page.event('go')
    page.event('hold')
    await shows(page, 'abc')
    expect(begun).toEqual(['a', 'b', 'a', 'b', 'c'])
  })

  test('events are handled between messages whose receivers hang', async () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f']
    let begun = 0
    let before = 0
    const { page } = await start(
      (loom) =>
        loom.register('hangs', {
          props: { count: 0 },
          handle: {
            ...(together(names) as object),
            add: ({ count }: { count: number }) => {
              before = begun
              return { count: count + 1 }
            },
          },
          receive: Object.fromEntries(
            names.map((name) => [
              name,
              () => {
                begun += 1
                return new Promise<never>(() => undefined)
              },
            ]),
          ),
          render: ({ count }) => html`${count}`,
        }),
      { limits: { handlerTime: 300 } },
    )
    page.event('go')
    page.event('hold')
    await until('a receiver to hang', () => begun > 0)
    page.event('add')
    await shows(page, '1')
    await until('each message to be over', () => begun === 7)
    expect(before).toBeLessThan(7)
  })

  test('a timer that is cancelled while its message waits does not fire', async () => {
    let hung = 0
    const fired: string[] = []
    const { page } = await start(
      (loom) =>
        loom.register('cancels', {
          props: { count: 0 },
          handle: {
            ...(together(['hangs', 'late']) as object),
            stop: ({ count }: { count: number }, _: unknown, ctx: { cancel(name: string): void }) => {
              ctx.cancel('late')
              return { count: count + 1 }
            },
          },
          receive: {
            hangs: () => {
              hung += 1
              return new Promise<never>(() => undefined)
            },
            late: () => {
              fired.push('late')
            },
          },
          render: ({ count }) => html`${count}`,
        }),
      // It is cancelled in this time.
      { limits: { handlerTime: 1_000 } },
    )
    page.event('go')
    page.event('hold')
    await until('the receiver to hang', () => hung === 1)
    page.event('stop')
    await shows(page, '1')
    await until('the receiver to have hung again', () => hung === 2)
    await sleep(500)
    expect(fired).toEqual([])
  })
})

test('what a topic carries is there for each message of a visit, however much comes meanwhile', async () => {
  let go: () => void = () => undefined
  const held = new Promise<void>((resolve) => (go = resolve))
  let isHeld = false
  let isBusy = false
  const site = await Site.start()
  const { name } = site.loom.register('waits', {
    props: { got: [] as unknown[] },
    async connected(_, ctx) {
      await ctx.subscribe('slow', 'arrived')
    },
    handle: {
      async hold(props) {
        isBusy = true
        await sleep(50)
        return props
      },
    },
    receive: {
      async arrived({ got }, { data }: Message) {
        isHeld = true
        await held
        return { got: [...got, String(data)] }
      },
    },
    render: ({ got }) => html`${JSON.stringify(got)}`,
  })
  const other = site.loom.register('reads', {
    props: { count: 0 },
    async connected(_, ctx) {
      await ctx.subscribe('fast', 'arrived')
    },
    handle: {},
    receive: { arrived: ({ count }) => ({ count: count + 1 }) },
    render: ({ count }) => html`${count}`,
  })
  const page = await pageOf(site, name)
  const reader = await pageOf(site, other.name)
  page.event('hold')
  await until('the handler to run', () => isBusy)
  // Both wait, and are handled in one visit.
  await Promise.all([site.loom.publish('slow', 'a'), site.loom.publish('slow', 'b')])
  await until('the first message to be handled', () => isHeld)
  for (let batch = 1; batch <= 12; batch++) {
    await Promise.all(Array.from({ length: 100 }, (_, at) => site.loom.publish('fast', at)))
    await shows(reader, String(batch * 100))
  }
  go()
  await until('both messages', () => page.text === '["a","b"]' || page.text.includes('undefined'))
  expect(page.text).toBe('["a","b"]')
})

describe('what a receiver asked for before it threw', () => {
  test('neither a redirect nor a task', async () => {
    let begun = 0
    const { page } = await start((loom) =>
      loom.register('threw', {
        props: { got: '' },
        handle: together(['good', 'bad', 'last']) as never,
        receive: {
          bad: (_, __, ctx) => {
            ctx.redirect('/never')
            ctx.task('last', () => {
              begun += 1
              return Promise.resolve()
            })
            throw new Error('no')
          },
          good: ({ got }) => ({ got: `${got}good` }),
          last: ({ got }) => ({ got: `${got} last` }),
        },
        render: ({ got }) => html`${got}`,
      }),
    )
    page.event('go')
    page.event('hold')
    await shows(page, 'good last')
    expect(page.redirects).toEqual([])
    expect(begun).toBe(0)
  })

  test('the bound on effects is for each message, not for those that happen to wait together', async () => {
    const names = ['a', 'b', 'c', 'd']
    const { page } = await start((loom) =>
      loom.register('many', {
        props: { all: '' },
        handle: together(names) as never,
        receive: Object.fromEntries(
          names.map((name) => [
            name,
            (props: Readonly<{ all: string }>, _: Message, ctx: { push(name: string): void }) => {
              for (let at = 0; at < 300; at++) ctx.push(name)
              return { all: props.all + name }
            },
          ]),
        ),
        render: ({ all }) => html`${all}`,
      }),
    )
    page.event('go')
    page.event('hold')
    await until('the last message', () => page.text.endsWith('d'))
    expect(page.text).toBe('abcd')
    expect(page.pushes.length).toBe(1200)
  })
})

/** The log tells of a circle, nothing more is handled in it, and the page goes on. */
async function isStopped(site: Site, page: LivePage, handled: () => number): Promise<void> {
  await until('the log', () => site.log.all.includes('in a circle'))
  await until('the end of the circle', async () => {
    const before = handled()
    await sleep(200)
    return handled() === before
  })
  page.event('add')
  await shows(page, '1')
}

describe('floods', () => {
  test('changes that are held back are shown while messages keep coming', async () => {
    let slept = 0
    const { site, page } = await start((loom) =>
      loom.register('flood', {
        props: { count: 0 },
        async connected(_, ctx) {
          await ctx.subscribe('flood', 'arrived')
        },
        handle: {},
        receive: {
          async arrived({ count }) {
            // About once in a visit, so that messages wait whenever one ends.
            if (performance.now() - slept > 10) {
              await sleep(10)
              slept = performance.now()
            }
            return { count: count + 1 }
          },
        },
        render: ({ count }) => html`${count}`,
      }),
    )
    const flood = setInterval(() => {
      for (let at = 0; at < 3; at++) void site.loom.publish('flood', at)
    }, 1)
    atEnd(() => {
      clearInterval(flood)
    })
    await until('changes during the flood', () => page.unasked >= 30)
    clearInterval(flood)
  })

  test('timers ring while events keep coming', async () => {
    let ticks = 0
    const { page } = await start((loom) =>
      loom.register('busy', {
        props: { count: 0 },
        connected: (_, ctx) => {
          ctx.every('tick', 50)
        },
        handle: {
          async add({ count }) {
            await sleep(5)
            return { count: count + 1 }
          },
        },
        receive: {
          tick: () => {
            ticks += 1
          },
        },
        render: ({ count }) => html`${count}`,
      }),
    )
    for (let at = 0; at < 100; at++) page.event('add')
    await until('most events', () => Number(page.text) >= 80)
    expect(ticks).toBeGreaterThanOrEqual(3)
  })

  test('a receiver that publishes to its own topic for ever is stopped, and the log says so', async () => {
    let handled = 0
    const { site, page } = await start((loom) =>
      loom.register('circle', {
        props: { count: 0 },
        async connected(_, ctx) {
          await ctx.subscribe('circle', 'arrived')
        },
        handle: { add: ({ count }) => ({ count: count + 1 }) },
        receive: {
          arrived: (_, { data }: Message, ctx) => {
            handled += 1
            ctx.publish('circle', data)
            ctx.publish('circle', data)
          },
        },
        render: ({ count }) => html`${count}`,
      }),
    )
    await site.loom.publish('circle', 1)
    await isStopped(site, page, () => handled)
  })

  test('a receiver that asks for the history each time that it gets a message of it is stopped, and the log says so', async () => {
    let handled = 0
    const { site, page } = await start((loom) =>
      loom.register('again', {
        props: { count: 0 },
        connected: async (_, ctx) => ctx.subscribe('again', 'arrived'),
        handle: { add: ({ count }) => ({ count: count + 1 }) },
        receive: {
          async arrived(_, __, ctx) {
            handled += 1
            await ctx.subscribe('again', 'arrived', { from: 'history' })
          },
        },
        render: ({ count }) => html`${count}`,
      }),
    )
    await site.loom.publish('again', 1)
    await isStopped(site, page, () => handled)
  })

  test('a topic with ever more messages does not keep a component from its other topics', async () => {
    const topics = Array.from({ length: 8 }, (_, at) => `rare ${at}`)
    let hot = 0
    const seen: number[] = []
    const register = (loom: Loom): { name: string } =>
      loom.register('two', {
        props: { rare: 0 },
        async connected(_, ctx) {
          for (const topic of topics) await ctx.subscribe(topic, 'rare')
          await ctx.subscribe('hot', 'hot')
        },
        handle: {},
        receive: {
          async hot() {
            hot += 1
            if (hot % 256 === 0) await sleep(10)
          },
          rare: ({ rare }) => {
            seen.push(hot)
            return { rare: rare + 1 }
          },
        },
        render: ({ rare }) => html`${rare}`,
      })
    const { site, page } = await start(register, { limits: { topicMessages: 30_000, topicBytes: 64 << 20 } })
    // Many more than one visit takes.
    for (let at = 0; at < 10_000; at++) void site.loom.publish('hot', at)
    await until('the flood', () => hot > 300)
    const from = hot
    await Promise.all(topics.map((topic) => site.loom.publish(topic, 1)))
    await shows(page, '8')
    // What was read already, and one visit.
    expect(Math.max(...seen) - from).toBeLessThan(256 * 4)
  })
})

test('a timer of a component whose page is away does not ring', async () => {
  let ticks = 0
  const { site, page } = await start((loom) =>
    loom.register('asleep', {
      props: { count: 0 },
      connected: (_, ctx) => {
        ctx.every('tick', 300)
      },
      handle: {},
      receive: {
        tick: ({ count }) => {
          ticks += 1
          return { count: count + 1 }
        },
      },
      render: ({ count }) => html`${count}`,
    }),
  )
  await until('a tick', () => ticks > 0)
  await away(site, page)
  await until('the last tick before the page went', () => site.loom.stats().callsInFlight === 0)
  const before = ticks
  await sleep(800)
  expect(ticks).toBe(before)
})

test('a message that fails is over: a revived state does not handle it again', async () => {
  const handled: unknown[] = []
  const { site, page } = await start(
    (loom) =>
      loom.register('poison', {
        props: { got: '' },
        async connected(_, ctx) {
          await ctx.subscribe('poison', 'arrived')
        },
        handle: {},
        receive: {
          arrived: (_, { data, gap }: Message) => {
            handled.push(gap ? 'gap' : data)
            if (data === 'bad') throw new Error('bad')
            return { got: String(data) }
          },
        },
        render: ({ got }) => html`${got}`,
      }),
    { limits: { parkTime: 50, checkpointQuiet: 50 } },
  )
  /** Checkpoints that have come since the last change was shown. */
  let since = 0
  page.onFrame = (frame) => {
    since = frame.toString().includes('["c",') ? since + 1 : 0
  }
  await site.loom.publish('poison', 'good')
  await shows(page, 'good')
  await until('its checkpoint', () => since === 1)
  await site.loom.publish('poison', 'bad')
  await until('the failure', () => handled.length === 2)
  // Nothing is shown of it, but it is in a checkpoint.
  await until('its checkpoint', () => since === 2)
  await gone(site, page)
  await until('the component to end', () => site.loom.stats().components === 0)
  const { joins } = page
  comeBack(page)
  await until('the page to have joined anew', () => page.joins > joins)
  await site.loom.publish('poison', 'last')
  await shows(page, 'last')
  expect(handled).toEqual(['good', 'bad', 'last'])
})

test('a message whose step cannot be committed leaves nothing of its props', async () => {
  const { site, page } = await start((loom) =>
    loom.register('forged', {
      props: { count: 0, list: ['a'] },
      connected: async (_, ctx) => ctx.subscribe('news', 'arrived'),
      handle: {},
      receive: {
        arrived({ count, list }, { data }, ctx) {
          // The step is refused when its receiver has ended already.
          if (data === 'bad') ctx.send('forged', 'arrived')
          return { count: count + 1, list: [...list, String(data)] }
        },
      },
      render: ({ count, list }) => html`${count} ${list.join(' ')}`,
    }),
  )
  await site.loom.publish('news', 'bad')
  await until('the failure', () => site.log.all.includes('cannot be opened'))
  await site.loom.publish('news', 'good')
  await shows(page, '1 a good')
})

test('a topic that is subscribed already is read again if the history is asked for', async () => {
  const { site, page } = await start((loom) =>
    loom.register('again', {
      props: { got: '' },
      async connected(_, ctx) {
        await ctx.subscribe('again', 'arrived')
      },
      handle: {
        async again(props, _, ctx) {
          await ctx.subscribe('again', 'arrived', { from: 'history' })
          return props
        },
      },
      receive: { arrived: ({ got }, { data }: Message) => ({ got: got + String(data) }) },
      render: ({ got }) => html`${got}`,
    }),
  )
  await site.loom.publish('again', 'a')
  await site.loom.publish('again', 'b')
  await shows(page, 'ab')
  page.event('again')
  await shows(page, 'abab')
})

test('a task takes the place of another one of its name, also if there are as many as may be', async () => {
  const { site, page } = await start(
    (loom) =>
      loom.register('full', {
        props: { got: '' },
        handle: {
          go(props, _, ctx) {
            for (const name of ['a', 'b'] as const) ctx.task(name, () => new Promise(() => undefined))
            return props
          },
          again(props, _, ctx) {
            ctx.task('a', () => Promise.resolve('new'))
            return props
          },
        },
        receive: { a: (_, { data }) => ({ got: String(data) }), b: (props) => props },
        render: ({ got }) => html`${got}`,
      }),
    { limits: { tasksPerComponent: 2 } },
  )
  page.event('go')
  page.event('again')
  await shows(page, 'new')
  expect(site.log.errors).toEqual([])
})

test('what is published seals no checkpoint of its own', async () => {
  let checkpoints = 0
  const { page } = await start((loom) =>
    loom.register('says', {
      // Not one of the small states, which are sealed often.
      props: { count: 0, text: 'x'.repeat(5_000) },
      handle: {
        say(props, event, ctx) {
          ctx.publish('said', event.value)
          return { ...props, count: props.count + 1 }
        },
      },
      receive: { said: (props) => props },
      render: ({ count }) => html`${count}`,
    }),
  )
  page.onFrame = (frame) => {
    checkpoints += frame.toString().split('["c"').length - 1
  }
  for (let at = 1; at <= 30; at++) {
    page.event('say', 'hello')
    await shows(page, String(at))
  }
  expect(checkpoints).toBeLessThan(10)
})

test('the data of topics is kept within a bound of bytes', async () => {
  const { setFlagsFromString } = await import('node:v8')
  const { runInNewContext } = await import('node:vm')
  setFlagsFromString('--expose_gc')
  const gc = runInNewContext('gc') as () => void
  const { site, page } = await start((loom) =>
    loom.register('large', {
      props: { count: 0 },
      async connected(_, ctx) {
        await ctx.subscribe('large', 'arrived')
      },
      handle: {},
      receive: { arrived: ({ count }) => ({ count: count + 1 }) },
      render: ({ count }) => html`${count}`,
    }),
  )
  gc()
  const before = process.memoryUsage().heapUsed
  for (let at = 1; at <= 80; at++) {
    await site.loom.publish('large', 'x'.repeat(60_000) + String(at).repeat(300_000))
    await shows(page, String(at))
  }
  gc()
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(28 << 20)
})

test('what was held back is in a checkpoint once it is shown', async () => {
  let checkpoints: number[] = []
  const { site, page } = await start(
    (loom) =>
      loom.register('held', {
        props: { count: 0, text: 'x'.repeat(2_000) },
        async connected(_, ctx) {
          await ctx.subscribe('held', 'arrived')
        },
        handle: {},
        receive: { arrived: (props) => ({ ...props, count: props.count + 1 }) },
        render: ({ count }) => html`${count}`,
      }),
    { limits: { patchRate: 2, checkpointQuiet: 50 } },
  )
  page.onFrame = (frame) => {
    const messages = JSON.parse(frame.toString()) as unknown[]
    for (const message of (Array.isArray(messages[0]) ? messages : [messages]) as unknown[][])
      if (message[0] === 'c') checkpoints.push(page.revision)
  }
  await site.loom.publish('held', 1)
  await shows(page, '1')
  await sleep(300)
  checkpoints = []
  await site.loom.publish('held', 2)
  await shows(page, '2')
  await until('a checkpoint', () => checkpoints.length > 0)
})
