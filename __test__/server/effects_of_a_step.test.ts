/** What a step asks for beside its props: it happens if the step commits, under ids that make it count once. */

import { html, type LiveContext, type Loom, type Message } from 'loom-live'
import { atEnd } from '../support/cleanup'
import { LivePage } from '../support/live_page'
import { pageOf, shows, startPage as start } from '../support/pages'
import { openShared } from '../support/shared'
import { Site } from '../support/site'
import { type Register, sqlite, twoProcesses } from '../support/two_processes'
import { until } from '../support/until'

type Context = Omit<LiveContext, 'keepForm' | 'reply'>

const settled = (page: LivePage): Promise<unknown> => until('all answers', () => page.isSettled)

/** What may be asked for. */
const EFFECTS: Record<string, (ctx: Context) => unknown> = {
  subscribe: (ctx) => ctx.subscribe('new', 'new'),
  unsubscribe: (ctx) => {
    ctx.unsubscribe('old')
  },
  publish: (ctx) => {
    ctx.publish('out', 'published')
  },
  send: (ctx) => {
    ctx.send(ctx.self, 'sent', 1)
  },
  every: (ctx) => {
    ctx.every('every', 50)
  },
  after: (ctx) => {
    ctx.after('after', 0)
  },
  cancel: (ctx) => {
    ctx.cancel('clock')
  },
  task: (ctx) => {
    ctx.task('task', () => Promise.resolve(1))
  },
  track: (ctx) => {
    ctx.track('people', {})
  },
  push: (ctx) => {
    ctx.push('pushed')
  },
  flash: (ctx) => {
    ctx.flash('info', 'flashed')
  },
  announce: (ctx) => {
    ctx.announce('announced')
  },
  redirect: (ctx) => {
    ctx.redirect('/elsewhere')
  },
}

const RECEIVERS = ['new', 'old', 'out', 'sent', 'every', 'after', 'clock', 'task', 'marker']

/** A context whose functions are called without it. */
const takenOut = (ctx: Context): Context =>
  new Proxy(ctx, {
    get: (_, name: keyof Context) => {
      const member: unknown = ctx[name]
      return typeof member === 'function'
        ? (...given: unknown[]): unknown => Reflect.apply(member, undefined, given)
        : member
    },
  })

/** Shows each message that it has got, by the name of its receiver. */
const asking = (loom: Loom): { name: string } =>
  loom.register('asking', {
    props: { got: [] as string[], isBad: false },
    async connected(_, ctx) {
      await ctx.subscribe('old', 'old')
      await ctx.subscribe('out', 'out')
      ctx.every('clock', 50)
    },
    handle: {
      async commits(props, { value = '' }, ctx) {
        await EFFECTS[value]?.(ctx)
        return { ...props }
      },
      async 'takes out'(props, { value = '' }, ctx) {
        await EFFECTS[value]?.(takenOut(ctx))
        return { ...props }
      },
      async throws(_, { value = '' }, ctx) {
        await EFFECTS[value]?.(ctx)
        throw new Error('the handler fails')
      },
      async 'cannot be rendered'(props, { value = '' }, ctx) {
        await EFFECTS[value]?.(ctx)
        return { ...props, isBad: true }
      },
      mark: (props, _, ctx) => {
        ctx.after('marker', 250)
        return { ...props }
      },
    },
    receive: Object.fromEntries(
      RECEIVERS.map((name) => [
        name,
        (props: Readonly<{ got: string[]; isBad: boolean }>) => ({ ...props, got: [...props.got, name] }),
      ]),
    ),
    render: ({ got, isBad }) => {
      if (isBad) throw new Error('the render fails')
      return html`${got.join(' ')}`
    },
  })

/** What has happened, once all of it has had its time. */
async function happened(site: Site, page: LivePage): Promise<string[]> {
  const ticks = (): number => page.text.split(' ').filter((one) => one === 'clock').length
  const before = ticks()
  page.event('mark')
  await settled(page)
  await site.loom.publish('new', 1)
  await site.loom.publish('old', 1)
  await until('the marker', () => page.text.includes('marker'))
  await until('the old topic', () => site.loom.stats().callsInFlight === 0)
  const got = page.text.split(' ')
  const happens: Record<string, boolean> = {
    subscribe: got.includes('new'),
    unsubscribe: !got.includes('old'),
    publish: got.includes('out'),
    send: got.includes('sent'),
    every: got.includes('every'),
    after: got.includes('after'),
    cancel: ticks() === before,
    task: got.includes('task'),
    track: (await site.loom.presence('people')).count > 0,
    push: page.pushes.some(([name]) => name === 'pushed'),
    flash: page.pushes.some(([, data]) => Array.isArray(data) && data.includes('flashed')),
    announce: page.pushes.some(([, data]) => data === 'announced'),
    redirect: page.redirects.length > 0,
  }
  return Object.keys(happens).filter((name) => happens[name])
}

describe.each(Object.keys(EFFECTS))('ctx.%s', (effect) => {
  test('takes effect if its step commits', async () => {
    const { site, page } = await start(asking)
    page.event('commits', effect)
    await settled(page)
    expect(await happened(site, page)).toEqual([effect])
  })

  test('may be taken out of ctx, as in const { … } = ctx', async () => {
    const { site, page } = await start(asking)
    page.event('takes out', effect)
    await settled(page)
    expect(await happened(site, page)).toEqual([effect])
  })

  test.each(['throws', 'cannot be rendered'])('has none if its step %s', async (how) => {
    const { site, page } = await start(asking)
    const outcomes: string[] = []
    page.onAnswer = ({ handler }, outcome) => outcomes.push(`${handler} ${outcome}`)
    page.event(how, effect)
    await settled(page)
    expect(await happened(site, page)).toEqual([])
    expect(outcomes[0]).toBe(`${how} failed`)
  })
})

describe('after its step', () => {
  const ALL: Record<string, (ctx: Context) => unknown> = {
    ...EFFECTS,
    self: (ctx) => ctx.self,
    send: (ctx) => {
      ctx.send('address', 'sent', 1)
    },
    untrack: (ctx) => {
      ctx.untrack('people')
    },
    presence: (ctx) => {
      ctx.presence('people', 'new')
    },
  }

  test.each(Object.keys(ALL))(
    'ctx.%s throws LOOM_STEP_OVER, in a handler, a receiver and connected',
    async (effect) => {
      const kept: Record<string, Context> = {}
      const { site, page } = await start((loom) =>
        loom.register('keeps', {
          props: { got: 0 },
          connected: async (_, ctx) => {
            kept['connected'] = ctx as unknown as Context
            await ctx.subscribe('keep', 'new')
          },
          handle: {
            keep: ({ got }, _, ctx) => {
              kept['handle'] = ctx
              return { got: got + 1 }
            },
          },
          receive: {
            new: ({ got }, _, ctx) => {
              kept['receive'] = ctx
              return { got: got + 1 }
            },
          },
          render: ({ got }) => html`${got}`,
        }),
      )
      page.event('keep')
      await site.loom.publish('keep', 1)
      await shows(page, '2')
      expect(Object.keys(kept).sort()).toEqual(['connected', 'handle', 'receive'])
      for (const ctx of Object.values(kept)) {
        const late = async (): Promise<unknown> => await ALL[effect]?.(ctx)
        await expect(late()).rejects.toMatchObject({ code: 'LOOM_STEP_OVER' })
      }
      expect([page.pushes, page.redirects]).toEqual([[], []])
    },
  )
})

describe('ids', () => {
  /** Hears what is published to the topic `said`, with the ids. */
  async function heard(site: Site): Promise<[data: unknown, id: string][]> {
    const all: [unknown, string][] = []
    const { name } = site.loom.register('hears', {
      props: { count: 0 },
      connected: async (_, ctx) => ctx.subscribe('said', 'heard'),
      handle: {},
      receive: {
        heard: ({ count }, { data, id }) => {
          all.push([data, id])
          return { count: count + 1 }
        },
      },
      render: ({ count }) => html`${count}`,
    })
    await pageOf(site, name)
    return all
  }

  /** Publishes twice whatever causes a step, and notes the cause. */
  const says =
    (causes: [from: string, id: string][]): Register =>
    (loom) =>
      loom.register('says', {
        props: { count: 0 },
        connected: async (_, ctx) => ctx.subscribe('news', 'hears'),
        handle: {
          event: ({ count }, { id }, ctx) => {
            causes.push(['event', id])
            ctx.publish('said', 1)
            ctx.publish('said', 2)
            return { count: count + 1 }
          },
          timer: ({ count }, _, ctx) => {
            ctx.after('hears', 0)
            return { count: count + 1 }
          },
          task: ({ count }, _, ctx) => {
            ctx.task('hears', () => Promise.resolve(1))
            return { count: count + 1 }
          },
          send: ({ count }, _, ctx) => {
            ctx.send(ctx.self, 'hears', 1)
            return { count: count + 1 }
          },
        },
        receive: {
          hears: ({ count }, { id, from }: Message, ctx) => {
            causes.push([from, id])
            ctx.publish('said', 1)
            ctx.publish('said', 2)
            return { count: count + 1 }
          },
        },
        render: ({ count }) => html`${count}`,
      })

  test.each([
    ['an event', 'event'],
    ['a timer', 'timer'],
    ['a task', 'task'],
  ])('what a step of %s publishes is named by its cause and a counter', async (_, cause) => {
    const causes: [string, string][] = []
    const { site, page } = await start(says(causes))
    const said = await heard(site)
    for (const count of [2, 4]) {
      page.event(cause)
      await until('its messages', () => said.length === count)
    }
    expect(causes.map(([from]) => from)).toEqual([cause, cause])
    const [[, one], [, two]] = causes as [[string, string], [string, string]]
    expect(one).not.toBe(two)
    expect(said).toEqual([
      [1, `${one}/1`],
      [2, `${one}/2`],
      [1, `${two}/1`],
      [2, `${two}/2`],
    ])
  })

  test('what a step of a topic’s message publishes is named by the component, the position and a counter', async () => {
    const causes: [string, string][] = []
    const { site, name } = await start(says(causes))
    await pageOf(site, name)
    const said = await heard(site)
    await site.loom.publish('news', 1)
    await until('what both have said', () => said.length === 4)
    const [[, position]] = causes as [[string, string]]
    // The epoch, and the number in it.
    expect(position).toMatch(/^[\w-]{22}:1$/)
    const ids = said.map(([, id]) => id)
    for (const id of ids) expect(id).toMatch(new RegExp(`^[\\w-]{22}-${position}/[12]$`))
    expect(new Set(ids).size).toBe(4)
  })

  test('what a step of a sent message publishes has its position, whatever id the sender chose', async () => {
    const causes: [string, string][] = []
    const { site, page } = await start(says(causes))
    const said = await heard(site)
    page.event('send')
    page.event('send')
    await until('what was said', () => said.length === 4)
    expect(causes.map(([from]) => from)).toEqual(['component', 'component'])
    const ids = said.map(([, id]) => id)
    for (const id of ids) expect(id).toMatch(/^[\w-]{22}-[\w-]{22}:[12]\/[12]$/)
    expect(new Set(ids).size).toBe(4)
  })

  test('of a shared component the viewer and the number of its event name the cause', async () => {
    const causes: [string, string][] = []
    const site = await Site.start()
    const viewers: string[] = []
    const module = site.loom.register('board', {
      props: { count: 0 },
      handle: {
        say: ({ count }, { id, viewer }, ctx) => {
          causes.push(['event', id])
          viewers.push(viewer?.id ?? '')
          ctx.publish('said', count)
          return { count: count + 1 }
        },
      },
      render: ({ count }) => html`${count}`,
    })
    const said = await heard(site)
    for (const number of [1, 2]) {
      const page = await openShared(site, module)
      page.event('say')
      await until('its message', () => said.length === number && page.isSettled)
    }
    expect(causes.map(([, id]) => id)).toEqual(viewers.map((viewer) => `${viewer}-1`))
    expect(said.map(([, id]) => id)).toEqual(causes.map(([, id]) => `${id}/1`))
    expect(viewers[0]).not.toBe(viewers[1])
  })

  test('event.id, which applications publish, does not say the name that resumes a component', async () => {
    const causes: [string, string][] = []
    const { site, page } = await start(says(causes))
    const said = await heard(site)
    page.event('event')
    page.event('event')
    await until('all messages', () => said.length === 4)
    const [instance = ''] = page.memory.secret.split('.')
    expect(instance.length).toBeGreaterThan(10)
    const ids = [...causes.map(([, id]) => id), ...said.map(([, id]) => id)]
    for (const id of ids) expect(id).not.toContain(instance)
    const [name] = (causes[0]?.[1] ?? '').split(/-\d+$/)
    expect(causes.map(([, id]) => id)).toEqual([`${name}-1`, `${name}-2`])
    // Nobody who knows it gets the component.
    const { secret } = page.memory
    const thief = new LivePage({ url: () => site.url(), module: 'says', token: await site.token('says') })
    atEnd(() => {
      thief.end()
    })
    await until('the other page to be live', () => thief.isLive)
    expect(thief.memory.secret.split('.')[0]).not.toBe(secret.split('.')[0])
  })
})

test('what a step sent is sent again at a revival, under its id, until a further step was made', async () => {
  const addresses: string[] = []
  const got: string[] = []
  const inbox = (loom: Loom): { name: string } =>
    loom.register('inbox', {
      props: { count: 0 },
      connected(_, ctx) {
        addresses.push(ctx.self)
      },
      handle: {},
      receive: {
        got: ({ count }, { id }) => {
          got.push(id)
          return { count: count + 1 }
        },
      },
      render: ({ count }) => html`${count}`,
    })
  const ids: string[] = []
  const { second, page, moves } = await twoProcesses(
    (loom) =>
      loom.register('sender', {
        props: { count: 0 },
        handle: {
          send: ({ count }, { id }, ctx) => {
            ids.push(id)
            ctx.send(addresses[0] ?? '', 'got', count)
            return { count: count + 1 }
          },
        },
        render: ({ count }) => html`${count}`,
      }),
    sqlite(),
  )
  // The address is that of a component of the other process, which alone knows its messages.
  const { name } = inbox(second.loom)
  const other = await pageOf(second, name)
  page.event('send')
  page.event('send')
  await settled(page)
  expect(other.text).toBe('0')
  await moves()
  await shows(other, '1')
  expect(got).toEqual([`${ids[1] ?? ''}/1`])
})
