/** Receivers, timers, tasks and pushes: what comes from the server enters a component's state. */

import { setTimeout as sleep } from 'node:timers/promises'
import { html, type Loom, type LoomOptions, type Message } from 'loom-live'
import { Barrier } from '../support/barrier'
import { LivePage } from '../support/live_page'
import { atEnd } from '../support/cleanup'
import { away, back, pageOf, shows, startPage as start } from '../support/pages'
import { Site } from '../support/site'
import { until } from '../support/until'

describe('timers', () => {
  test('an interval sends its receiver messages, and cancel ends it', async () => {
    const ids = new Set<string>()
    const { page } = await start((loom) =>
      loom.register('clock', {
        props: { ticks: 0 },
        connected: (_, ctx) => {
          ctx.every('tick', 50)
        },
        handle: {
          stop: (props, _, ctx) => {
            ctx.cancel('tick')
            return props
          },
        },
        receive: {
          tick: ({ ticks }, message) => {
            ids.add(message.id)
            expect(message).toMatchObject({ from: 'timer', done: false })
            return { ticks: ticks + 1 }
          },
        },
        render: ({ ticks }) => html`${ticks}`,
      }),
    )
    await until('some ticks', () => Number(page.text) >= 3)
    page.event('stop')
    await until('the answer', () => page.isSettled)
    const at = page.text
    await new Promise((resolve) => setTimeout(resolve, 150))
    expect(page.text).toBe(at)
    expect(ids.size).toBe(Number(at))
    expect(page.unasked).toBeGreaterThanOrEqual(3)
  })

  test('one of a name: a second takes the place of the first, with its data', async () => {
    const { page } = await start((loom) =>
      loom.register('late', {
        props: { said: [] as unknown[] },
        connected: (_, ctx) => {
          ctx.after('say', 30_000, 'late')
          ctx.after('say', 20, { at: 'once' })
        },
        handle: {},
        receive: { say: ({ said }, { data }) => ({ said: [...said, data] }) },
        render: ({ said }) => html`${JSON.stringify(said)}`,
      }),
    )
    await until('the message', () => page.text.includes('once'))
    expect(page.text).toContain('[{&quot;at&quot;:&quot;once&quot;}]'.replaceAll('&quot;', '"'))
  })

  test.each([
    ['an interval of 0', 0],
    ['an interval of NaN', NaN],
    ['an interval below 50', 49],
    ['an interval of a million years', 4e16],
  ])('%s is an error of the step', async (_, ms) => {
    const { site, page } = await start((loom) =>
      loom.register('wrong', {
        props: { count: 0 },
        handle: {
          go: ({ count }, _event, ctx) => {
            ctx.every('tick', ms)
            return { count: count + 1 }
          },
        },
        receive: { tick: (props) => props },
        render: ({ count }) => html`${count}`,
      }),
    )
    page.event('go')
    await until('the answer', () => page.waiting === 0)
    expect(page.text).toBe('0')
    await until('the log', () => site.log.all.includes('Expected milliseconds from 50'))
  })

  test('an interval of 40 days does not fire at once', async () => {
    const { page } = await start((loom) =>
      loom.register('long', {
        props: { count: 0 },
        connected: (_, ctx) => {
          ctx.every('tick', 40 * 86_400_000)
        },
        handle: {},
        receive: { tick: ({ count }) => ({ count: count + 1 }) },
        render: ({ count }) => html`${count}`,
      }),
    )
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(page.text).toBe('0')
  })

  test('a receiver that the module lacks is named, with what it may have been', async () => {
    const { site, page } = await start((loom) =>
      loom.register('typo', {
        props: { count: 0 },
        handle: {
          go: (props, _, ctx) => {
            ctx.every('tikc', 1000)
            return props
          },
        },
        receive: { tick: (props) => props },
        render: () => html`x`,
      }),
    )
    page.event('go')
    await until('the answer', () => page.waiting === 0)
    await until('the log', () => site.log.all.includes('did you mean "tick"'))
  })
})

describe('a receiver', () => {
  test('gets props, message and ctx as a handler does, and returns the next props, later too, or nothing', async () => {
    const { site, page } = await start((loom) =>
      loom.register('as-a-handler', {
        props: { said: 'first' },
        connected: async (_, ctx) => ctx.subscribe('news', 'heard'),
        handle: {},
        receive: {
          async heard(props, { data }, ctx) {
            await sleep(5)
            ctx.push('heard', [props.said, ctx.request.address, ctx.module])
            if (data === 'nothing') return
            return { said: String(data) }
          },
        },
        render: ({ said }) => html`${said}`,
      }),
    )
    await site.loom.publish('news', 'second')
    await shows(page, 'second')
    await site.loom.publish('news', 'nothing')
    await until('the pushes', () => page.pushes.length === 2)
    expect(page.text).toBe('second')
    const at = ['127.0.0.1', 'as-a-handler']
    expect(page.pushes.map(([, data]) => data)).toEqual([
      ['first', ...at],
      ['second', ...at],
    ])
  })

  test('takes one message at a time, in turn with the events: no two callbacks of a component overlap', async () => {
    let running = 0
    let most = 0
    let address = ''
    const alone = async <T>(value: T): Promise<T> => {
      running += 1
      most = Math.max(most, running)
      await sleep(2)
      running -= 1
      return value
    }
    const { site, page } = await start((loom) =>
      loom.register('turns', {
        props: { events: 0, topic: 0, timer: 0, task: 0, sent: 0 },
        async connected(_, ctx) {
          address = ctx.self
          await ctx.subscribe('news', 'topic')
        },
        handle: {
          begin: (props, _, ctx) => {
            ctx.every('timer', 50)
            ctx.task('task', async function* () {
              for (let value = 0; value < 20; value++) yield await Promise.resolve(value)
            })
            return alone({ ...props })
          },
          click: (props) => alone({ ...props, events: props.events + 1 }),
        },
        receive: {
          topic: (props) => alone({ ...props, topic: props.topic + 1 }),
          timer: (props) => alone({ ...props, timer: props.timer + 1 }),
          task: (props, { done }) => alone({ ...props, task: props.task + (done ? 0 : 1) }),
          sent: (props) => alone({ ...props, sent: props.sent + 1 }),
        },
        render: ({ events, topic, task, sent, timer }) =>
          html`${events} ${topic} ${task} ${sent} ${timer > 1 ? 'rung' : ''}`,
      }),
    )
    page.event('begin')
    for (let round = 0; round < 20; round++) {
      page.event('click')
      await site.loom.publish('news', round)
      await site.loom.send(address, 'sent', round)
    }
    await shows(page, '20 20 20 20 rung')
    expect(most).toBe(1)
  })

  test('is told where a message comes from, and what belongs to that', async () => {
    const seen: Message[] = []
    let address = ''
    const { site, page } = await start((loom) =>
      loom.register('sources', {
        props: { count: 0 },
        async connected(_, ctx) {
          address = ctx.self
          await ctx.subscribe('news', 'got')
        },
        handle: {
          timer: (props, _, ctx) => {
            ctx.after('got', 0, 'timer')
            return { ...props }
          },
          task: (props, _, ctx) => {
            ctx.task('got', async function* () {
              yield await Promise.resolve('value')
              throw new Error('broken')
            })
            return { ...props }
          },
          send: (props, _, ctx) => {
            ctx.send(ctx.self, 'got', 'sent')
            return { ...props }
          },
        },
        receive: {
          got: ({ count }, message) => {
            seen.push(message)
            return { count: count + 1 }
          },
        },
        render: ({ count }) => html`${count}`,
      }),
    )
    await site.loom.publish('news', 'topic')
    await shows(page, '1')
    for (const [event, count] of [
      ['timer', '2'],
      ['task', '4'],
      ['send', '5'],
    ] as const) {
      page.event(event)
      await shows(page, count)
    }
    await site.loom.send(address, 'got', 'server')
    await shows(page, '6')
    const rest = { gap: false, done: false }
    expect(seen.map(({ id, ...message }) => [typeof id, message])).toEqual([
      ['string', { ...rest, from: 'topic', topic: 'news', data: 'topic' }],
      ['string', { ...rest, from: 'timer', data: 'timer' }],
      ['string', { ...rest, from: 'task', data: 'value' }],
      ['string', { gap: false, done: true, from: 'task', data: undefined, error: new Error('broken') }],
      ['string', { ...rest, from: 'component', data: 'sent' }],
      ['string', { ...rest, from: 'server', data: 'server' }],
    ])
    expect(new Set(seen.map(({ id }) => id)).size).toBe(6)
  })
})

describe('a visit', () => {
  test('takes all messages that wait: one revision, one render, and each event alone', async () => {
    const calls: string[] = []
    const { site, page } = await start(
      (loom) =>
        loom.register('together', {
          props: { all: '' },
          connected: async (_, ctx) => ctx.subscribe('news', 'heard'),
          handle: {
            async hold({ all }) {
              for (const value of ['a', 'b', 'c', 'd']) await site.loom.publish('news', value)
              return { all: `${all}1` }
            },
            add: ({ all }) => ({ all: `${all}2` }),
          },
          receive: { heard: ({ all }, { data }) => ({ all: all + String(data) }) },
          render: ({ all }) => {
            calls.push(all)
            return html`${all}`
          },
        }),
      // In development a render is tried twice.
      { development: false },
    )
    const { revision } = page
    calls.length = 0
    page.event('hold')
    page.event('add')
    page.event('add')
    await until('all of it', () => page.text.length === 7 && page.isSettled)
    expect(page.text.replaceAll(/\d/g, '')).toBe('abcd')
    // Two of them are rendered one after the other, however often they wait together.
    expect(calls).toHaveLength(4)
    expect(calls.filter((all) => /abcd/.test(all)).length).toBeGreaterThan(0)
    expect(calls.filter((all) => /[abc]$/.test(all))).toEqual([])
    expect(page.revision).toBe(revision + 4)
  })

  test('a receiver that throws ends the visit: what came before stays, the message is over, the rest goes on', async () => {
    const handled: unknown[] = []
    const { site, page } = await start((loom) =>
      loom.register('visit', {
        props: { all: [] as unknown[] },
        handle: {
          go(props, _, ctx) {
            for (const value of ['a', 'b', 'c', 'd']) ctx.after(value, 0, value)
            return props
          },
          hold: async (props) => {
            await new Promise((resolve) => setTimeout(resolve, 50))
            return props
          },
        },
        receive: Object.fromEntries(
          ['a', 'b', 'c', 'd'].map((name) => [
            name,
            (props: Readonly<{ all: unknown[] }>, { data }: Message) => {
              handled.push(data)
              if (data === 'b') throw new Error('b is bad')
              return { all: [...props.all, data] }
            },
          ]),
        ),
        render: ({ all }) => html`${all.join('')}`,
      }),
    )
    page.event('go')
    page.event('hold')
    await shows(page, 'acd')
    expect(handled).toEqual(['a', 'b', 'c', 'd'])
    await until('the log', () => site.log.all.includes('b is bad'))
  })

  test('if the render throws, the messages are handled again one by one', async () => {
    const { site, page } = await start((loom) =>
      loom.register('render', {
        props: { all: '' },
        handle: {
          go: (props, _, ctx) => {
            for (const name of ['a', 'b', 'c']) ctx.after(name, 0)
            return props
          },
          hold: async (props) => {
            await new Promise((resolve) => setTimeout(resolve, 50))
            return props
          },
        },
        receive: Object.fromEntries(
          ['a', 'b', 'c'].map((name) => [name, (props: Readonly<{ all: string }>) => ({ all: props.all + name })]),
        ),
        render: ({ all }) => {
          if (all.endsWith('b') || all === 'abc') throw new Error('cannot show b')
          return html`${all}`
        },
      }),
    )
    page.event('go')
    page.event('hold')
    await shows(page, 'ac')
    await until('the log', () => site.log.all.includes('cannot show b'))
  })

  test('props are frozen, and a receiver that changes them in place fails', async () => {
    const { site, page } = await start((loom) =>
      loom.register('frozen', {
        props: { list: [1], count: 0 },
        connected: (_, ctx) => {
          ctx.after('push', 0)
          ctx.after('add', 10)
        },
        handle: {},
        receive: {
          push: (props) => {
            ;(props as { list: number[] }).list.push(2)
          },
          add: (props) => ({ ...props, count: props.count + 1 }),
        },
        render: ({ list, count }) => html`${list.length} ${count}`,
      }),
    )
    await shows(page, '1 1')
    await until('the log', () => /object is not extensible/.test(site.log.all))
  })

  test('what a receiver asked for before it threw does not happen', async () => {
    const { page } = await start((loom) =>
      loom.register('atomic', {
        props: { count: 0 },
        connected: (_, ctx) => {
          ctx.after('fails', 0)
          ctx.after('tells', 30)
        },
        handle: {},
        receive: {
          fails: (_, __, ctx) => {
            ctx.push('never', 1)
            throw new Error('no')
          },
          tells: ({ count }, _, ctx) => {
            ctx.push('told', count)
            return { count: count + 1 }
          },
        },
        render: ({ count }) => html`${count}`,
      }),
    )
    await shows(page, '1')
    expect(page.pushes).toEqual([['told', 0]])
  })

  test('ctx has no effect after its step, and says so', async () => {
    let late: unknown
    const { page } = await start((loom) =>
      loom.register('over', {
        props: { count: 0 },
        handle: {
          go: ({ count }, _, ctx) => {
            setTimeout(() => {
              try {
                ctx.push('late')
              } catch (error) {
                late = error
              }
            }, 20)
            return { count: count + 1 }
          },
        },
        render: ({ count }) => html`${count}`,
      }),
    )
    page.event('go')
    await shows(page, '1')
    await until('the late call', () => late !== undefined)
    expect(late).toMatchObject({ code: 'LOOM_STEP_OVER' })
    expect(page.pushes).toEqual([])
  })

  test('a browser cannot call a receiver', async () => {
    const { site, page } = await start((loom) =>
      loom.register('closed', {
        props: { count: 0 },
        handle: {},
        receive: { secret: ({ count }) => ({ count: count + 1 }) },
        render: ({ count }) => html`${count}`,
      }),
    )
    page.event('secret')
    await until('the answer', () => page.waiting === 0)
    expect(page.text).toBe('0')
    await until('the log', () => site.log.all.includes('no handler "secret"'))
  })
})

describe('tasks', () => {
  const chat = (loom: Loom, stream: (signal: AbortSignal) => AsyncIterable<string> | Promise<string>) =>
    loom.register('chat', {
      props: { text: '', state: 'idle', clicks: 0 },
      handle: {
        ask: (props, _, ctx) => {
          ctx.task('token', stream)
          return { ...props, text: '', state: 'running' }
        },
        click: (props) => ({ ...props, clicks: props.clicks + 1 }),
        stop: (props, _, ctx) => {
          ctx.cancel('token')
          return { ...props, state: 'stopped' }
        },
      },
      receive: {
        token: (props, { data, done, error }) => {
          if (error !== undefined) return { ...props, state: error.message }
          const text = data === undefined ? props.text : props.text + (data as string)
          return { ...props, text, state: done ? 'done' : props.state }
        },
      },
      render: ({ text, state, clicks }) => html`${text}|${state}|${clicks}`,
    })

  test('each value is a message, the next is asked for when it is handled, and the last says so', async () => {
    const { page } = await start((loom) =>
      chat(loom, async function* () {
        for (const word of ['one ', 'two ', 'three']) {
          await new Promise((resolve) => setTimeout(resolve, 5))
          yield word
        }
      }),
    )
    page.event('ask')
    await shows(page, 'one two three|done|0')
  })

  test('a promise is one value, the last', async () => {
    const { page } = await start((loom) => chat(loom, () => Promise.resolve('all')))
    page.event('ask')
    await shows(page, 'all|done|0')
  })

  test('events are handled while a task runs, and cancel aborts it', async () => {
    let aborted = false
    let cleaned = false
    const { page } = await start((loom) =>
      chat(loom, async function* (signal) {
        signal.addEventListener('abort', () => (aborted = true))
        try {
          for (let count = 0; ; count++) {
            await new Promise((resolve) => setTimeout(resolve, 5))
            yield '.'
          }
        } finally {
          cleaned = true
        }
      }),
    )
    page.event('ask')
    await until('some values', () => page.text.startsWith('..'))
    page.event('click')
    await until('the click', () => page.text.endsWith('|1'))
    page.event('stop')
    await until('the stop', () => page.text.includes('stopped'))
    await until('the signal', () => aborted)
    await until('the generator to end', () => cleaned)
    const at = page.text
    await new Promise((resolve) => setTimeout(resolve, 40))
    expect(page.text).toBe(at)
  })

  test('a task that throws sends an error; in production the text is not the application’s', async () => {
    const register = (loom: Loom): { name: string } => chat(loom, () => Promise.reject(new Error('the key is 123')))
    const { site, page } = await start(register, { development: false })
    page.event('ask')
    await shows(page, '|The task failed.|0')
    await until('the log', () => site.log.all.includes('the key is 123'))
  })

  test('a second task of the name takes the place of the first, whose values do not come', async () => {
    const signals: AbortSignal[] = []
    const { page } = await start((loom) =>
      chat(loom, async function* (signal) {
        signals.push(signal)
        const mark = String(signals.length)
        await new Promise((resolve) => setTimeout(resolve, 20))
        yield mark
      }),
    )
    page.event('ask')
    page.event('ask')
    await shows(page, '2|done|0')
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false])
  })

  test('a task does not begin if its step fails', async () => {
    let begun = 0
    const { page } = await start((loom) =>
      loom.register('fails', {
        props: { count: 0 },
        handle: {
          go: (_, __, ctx) => {
            ctx.task('value', () => ++begun)
            throw new Error('no')
          },
        },
        receive: { value: (props) => props },
        render: ({ count }) => html`${count}`,
      }),
    )
    page.event('go')
    await until('the answer', () => page.waiting === 0)
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(begun).toBe(0)
  })

  test('tasks are aborted when their component ends, and more than a component may run fail their step', async () => {
    const signals: AbortSignal[] = []
    const options: LoomOptions = { limits: { tasksPerComponent: 2, parkTime: 0 } }
    const { site, page } = await start(
      (loom) =>
        loom.register('many', {
          props: { count: 0 },
          handle: {
            go: ({ count }, _, ctx) => {
              for (const name of ['a', 'b', 'c'].slice(0, count + 2)) {
                ctx.task(name, (signal) => {
                  signals.push(signal)
                  return new Promise<never>(() => undefined)
                })
              }
              return { count: count + 1 }
            },
          },
          receive: { a: (props) => props, b: (props) => props, c: (props) => props },
          render: ({ count }) => html`${count}`,
        }),
      options,
    )
    page.event('go')
    await shows(page, '1')
    page.event('go')
    await until('the answer', () => page.waiting === 0)
    expect(page.text).toBe('1')
    await until('the log', () => site.log.all.includes('limits.tasksPerComponent'))
    await until('both tasks', () => signals.length === 2)
    expect(site.loom.stats().tasks).toBe(2)
    page.end()
    await until('the end', () => signals.every(({ aborted }) => aborted))
    await until('no task', () => site.loom.stats().tasks === 0)
  })
})

describe('connected', () => {
  test('runs at each start of a life, before the first render there, and not at a resume', async () => {
    const calls: { revived: boolean; behind: boolean }[] = []
    const { page } = await start((loom) =>
      loom.register('connected', {
        props: { connected: 0, clicks: 0 },
        // So that JavaScript is asked at a resume, too.
        authorize: () => true,
        connected: ({ connected }, { revived, behind }) => {
          calls.push({ revived, behind })
          return { connected: connected + 1 }
        },
        handle: { click: (props) => ({ ...props, clicks: props.clicks + 1 }) },
        render: ({ connected, clicks }) => html`${connected} ${clicks}`,
      }),
    )
    expect(page.text).toBe('1 0')
    page.event('click')
    await shows(page, '1 1')
    page.cut()
    await until('the page to be back', () => page.resumes === 1 && page.isLive)
    expect(page.text).toBe('1 1')
    expect(calls).toEqual([{ revived: false, behind: false }])
  })

  test('says that it is revived, from a checkpoint, also in a process that the page has been to', async () => {
    const calls: { revived: boolean; behind: boolean }[] = []
    const register = (loom: Loom): { name: string } =>
      loom.register('revived', {
        props: { ticks: 0, clicks: 0 },
        connected: (_, { revived, behind }) => {
          calls.push({ revived, behind })
        },
        handle: {
          click: (props) => ({ ...props, clicks: props.clicks + 1 }),
          later: (props, _, ctx) => {
            ctx.after('tick', 20)
            return props
          },
        },
        receive: { tick: (props) => ({ ...props, ticks: props.ticks + 1 }) },
        render: ({ ticks, clicks }) => html`${ticks} ${clicks}`,
      })
    const limits = { checkpointQuiet: 60_000, checkpointEvents: 1000 }
    const sites = [await Site.start({ limits }), await Site.start({ limits })]
    sites.forEach(({ loom }) => register(loom))
    let [site] = sites as [Site]
    const page = await pageOf(site, 'revived', () => site.url())
    page.event('click')
    await until('a checkpoint', () => page.memory.checkpoint !== undefined)
    page.event('click')
    await shows(page, '0 2')
    site = sites[1] as Site
    page.cut()
    await until('the page to be back', () => page.joins === 2 && page.isSettled)
    expect(page.text).toBe('0 2')
    expect(calls.at(-1)).toEqual({ revived: true, behind: false })
    page.event('later')
    await shows(page, '1 2')
    site = sites[0] as Site
    page.cut()
    await until('the page to be back', () => page.joins === 3 && page.isSettled)
    expect(calls.at(-1)?.revived).toBe(true)
  })

  test('refuses the join with a Refusal', async () => {
    const site = await Site.start()
    const { Refusal } = await import('loom-live')
    const { name } = site.loom.register('no', {
      connected: () => {
        throw new Refusal('Not here')
      },
      handle: {},
      render: () => html`x`,
    })
    const page = new LivePage({ url: () => site.url(), module: name, token: await site.token(name) })
    atEnd(() => {
      page.end()
    })
    await until('the refusal', () => page.refused !== undefined)
    expect(page.refused?.[0]).toBe('Not here')
    expect(site.log.errors).toEqual([])
  })

  test.each([
    ['throws', () => Promise.reject(new Error('the database is away'))],
    ['gives what are no props', () => Promise.resolve({ count: new Date() } as never)],
  ])('fails the join if it %s: the log says why, and nothing is left', async (_, connected) => {
    const site = await Site.start({ development: false })
    const { name } = site.loom.register('fails', {
      props: { count: 0 },
      connected: async (_, ctx) => {
        await ctx.subscribe('news', 'heard')
        return connected()
      },
      handle: {},
      receive: { heard: (props) => props },
      render: ({ count }) => html`${count}`,
    })
    const page = new LivePage({ url: () => site.url(), module: name, token: await site.token(name) })
    atEnd(() => {
      page.end()
    })
    await until('the refusal', () => page.refused !== undefined)
    expect(String(page.refused?.[0])).not.toContain('database')
    await until('the log', () => site.log.all.includes('connected'))
    expect(page.joins).toBe(0)
    await until('the component to end', () => site.loom.stats().components === 0)
  })

  test('runs after authorize and the loading of private props, before the first render; not in loom.mount', async () => {
    let calls: string[] = []
    const site = await Site.start({ development: false })
    const { name } = site.loom.register('order', {
      props: { shown: '', secret: '', kept: 'kept' },
      private: ['secret'],
      authorize: () => {
        calls.push('authorize')
        return true
      },
      mount: () => {
        calls.push('mount')
        return { secret: 'loaded' }
      },
      connected: ({ secret }) => {
        calls.push(`connected, ${secret}`)
        // What is returned is merged, as what mount returns is.
        return { shown: 'connected' }
      },
      handle: {},
      render: ({ shown, kept }) => {
        calls.push(`render ${shown}`)
        return html`${shown} ${kept}`
      },
    })
    const token = await site.token(name)
    expect(calls).toEqual(['mount', 'render '])
    calls = []
    const page = new LivePage({ url: () => site.url(), module: name, token })
    atEnd(() => {
      page.end()
    })
    await until('the page to be live', () => page.isLive)
    expect(calls).toEqual(['authorize', 'mount', 'connected, loaded', 'render connected'])
    expect(page.text).toBe('connected kept')
  })
})

test('what is pushed reaches the page after the change of its step, once, also across a cut connection', async () => {
  const { page } = await start((loom) =>
    loom.register('push', {
      props: { count: 0 },
      handle: {
        go: ({ count }, _, ctx) => {
          ctx.push('count', { count: count + 1 })
          return { count: count + 1 }
        },
      },
      render: ({ count }) => html`${count}`,
    }),
  )
  for (let round = 1; round <= 20; round++) {
    page.event('go')
    if (round % 3 === 0) page.cut()
  }
  await until('all answers', () => page.isSettled)
  expect(page.text).toBe('20')
  expect(page.pushes).toEqual(Array.from({ length: 20 }, (_, at) => ['count', { count: at + 1 }]))
})

test('what a handler subscribed to while its page was away is caught up with before the page is shown it', async () => {
  const barrier = new Barrier()
  const { site, page } = await start((loom) =>
    loom.register('slow', {
      props: { got: '' },
      handle: {
        async enter(props, _, ctx) {
          await barrier.wait()
          await ctx.subscribe('news', 'arrived')
          return { ...props }
        },
      },
      receive: {
        async arrived(_, { data }) {
          await sleep(100)
          return { got: String(data) }
        },
      },
      render: ({ got }) => html`${got}`,
    }),
  )
  page.event('enter')
  await barrier.reached()
  await away(site, page)
  barrier.open()
  await until('the step', () => site.loom.stats().events === 1)
  await site.loom.publish('news', 'a')
  await back(page)
  expect(page.text).toBe('a')
})

test('while its page is away a component handles nothing from the server, and catches up before it is shown', async () => {
  let handled = 0
  const { site, page } = await start((loom) =>
    loom.register('away', {
      props: { ticks: 0 },
      connected: (_, ctx) => {
        ctx.every('tick', 50)
      },
      handle: {},
      receive: {
        tick: ({ ticks }) => {
          handled += 1
          return { ticks: ticks + 1 }
        },
      },
      render: ({ ticks }) => html`${ticks}`,
    }),
  )
  await until('a tick', () => Number(page.text) > 0)
  await away(site, page)
  await until('the last tick before the page went', () => site.loom.stats().callsInFlight === 0)
  const at = handled
  await sleep(300)
  expect(handled).toBe(at)
  await back(page)
  expect(Number(page.text)).toBeGreaterThan(at)
})
