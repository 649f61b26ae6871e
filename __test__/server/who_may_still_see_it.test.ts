/** Whoever may no longer see what a component shows: ctx.topics, authorize again, disconnect by topic, unsubscribe. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { html, type Loom, LoomError, type Message, Refusal } from 'loom-live'
import { Barrier } from '../support/barrier'
import { atEnd } from '../support/cleanup'
import { LivePage } from '../support/live_page'
import { away, back, comeBack, shows } from '../support/pages'
import { Site, type SiteOptions, testLoom } from '../support/site'
import { until } from '../support/until'

const byHeader: SiteOptions = { bind: ({ headers }) => headers['x-user']?.toString() }

/** Shorter than the test waits, and longer than what a machine that is busy takes for a join. */
const SOON: SiteOptions = { limits: { authorizeTime: 1_000 } }

/** Who may see which topic; everybody until somebody is removed. What was asked stands in `asked`. */
class Members {
  private readonly removed = new Set<string>()
  readonly asked: string[] = []
  /** Called before an answer is given. */
  before: () => Promise<void> | void = () => undefined

  remove(user: string, topic: string): void {
    this.removed.add(`${user} ${topic}`)
  }

  async may(user: string, topics: readonly string[]): Promise<boolean> {
    this.asked.push(`${user}: ${topics.join()}`)
    await this.before()
    return !topics.some((topic) => this.removed.has(`${user} ${topic}`))
  }
}

/** Shows what it got of its topics. Events subscribe and unsubscribe. */
function room(loom: Loom, members: Members, handled = { count: 0 }): { name: string } {
  return loom.register('room', {
    props: { got: [] as unknown[] },
    authorize: async ({ request, topics }, event) => {
      if (event !== undefined) return true
      return members.may(request.headers['x-user']?.toString() ?? '', topics)
    },
    handle: {
      async enter(props, { value = '' }, ctx) {
        await ctx.subscribe(value, 'arrived')
        return { ...props }
      },
      leave(props, { value = '' }, ctx) {
        ctx.unsubscribe(value)
        return { ...props }
      },
      clock(props, _, ctx) {
        ctx.every('arrived', 600_000)
        return { ...props }
      },
      work(props, _, ctx) {
        ctx.task('arrived', () => new Promise(() => undefined))
        return { ...props }
      },
      say: ({ got }, { value }) => ({ got: [...got, value] }),
    },
    receive: {
      arrived({ got }, { data, gap }: Message) {
        handled.count += 1
        return { got: [...got, gap ? 'gap' : data] }
      },
    },
    render: ({ got }) => html`${got.join(' ')}`,
  })
}

/** A page of this user; it ends when the test does. */
async function pageOf(site: Site, user: string, url = (): string => site.url()): Promise<LivePage> {
  const headers = { 'x-user': user }
  const request = { headers, socket: {}, url: '/' } as never
  const page = new LivePage({
    url,
    module: 'room',
    token: await site.token('room', {}, { request }),
    socket: { headers },
  })
  atEnd(() => {
    page.end()
  })
  await until('the page to be live', () => page.isLive)
  return page
}

async function event(page: LivePage, handler: string, value?: string): Promise<void> {
  page.event(handler, value)
  await until('the answer', () => page.isSettled)
}

async function start(options: SiteOptions = {}) {
  const members = new Members()
  const handled = { count: 0 }
  const site = await Site.start({ ...byHeader, ...options })
  room(site.loom, members, handled)
  return { site, members, handled, page: (user: string) => pageOf(site, user) }
}

const parked = (site: Site): Promise<unknown> =>
  until('the component to wait for its page', () => site.loom.stats().parked === 1)

describe('ctx.topics', () => {
  test('names topics whose presence the component gets, and those it is tracked in; loom.unsubscribe ends both', async () => {
    const site = await Site.start()
    const seen: (readonly string[])[] = []
    const { name } = site.loom.register('present', {
      props: { count: 0 },
      connected(_, ctx) {
        ctx.track('house', 'here')
        ctx.presence('garden', 'came')
      },
      handle: { look: (_, __, ctx) => void seen.push(ctx.topics) },
      receive: { came: (props, { data }) => ({ count: (data as { count: number }).count || props.count }) },
      render: ({ count }) => html`${count}`,
    })
    const page = new LivePage({ url: () => site.url(), module: name, token: await site.token(name) })
    atEnd(() => {
      page.end()
    })
    const look = async (): Promise<void> => {
      page.event('look')
      await until('the answer', () => page.isSettled)
    }
    await until('the page to be live', () => page.isLive)
    await look()
    expect((await site.loom.presence('house')).count).toBe(1)
    expect(site.loom.unsubscribe('house', {})).toBe(1)
    expect(site.loom.unsubscribe('garden', {})).toBe(1)
    await look()
    expect(seen).toEqual([['garden', 'house'], []])
    expect(site.loom.disconnect({ topic: 'house' })).toBe(0)
  })

  test('names the committed subscriptions, in every callback', async () => {
    const site = await Site.start()
    const seen: [string, readonly string[]][] = []
    const { name } = site.loom.register('topics', {
      props: { count: 0 },
      mount: (_, ctx) => void seen.push(['mount', ctx.topics]),
      authorize(ctx, event) {
        seen.push([`authorize ${event?.handler ?? 'join'}`, ctx.topics])
        return true
      },
      async connected(_, ctx) {
        await ctx.subscribe('a', 'got')
        await ctx.subscribe('b', 'got')
        // A component's own topic is no topic of the application's.
        expect(ctx.self).not.toBe('')
        seen.push(['connected', ctx.topics])
      },
      handle: {
        leave(props, _, ctx) {
          ctx.unsubscribe('a')
          seen.push(['leave', ctx.topics])
          return { ...props }
        },
      },
      receive: {
        got(props, _, ctx) {
          seen.push(['got', ctx.topics])
          return { ...props }
        },
      },
      render: ({ count }) => html`${count}`,
    })
    const page = new LivePage({ url: () => site.url(), module: name, token: await site.token(name) })
    atEnd(() => {
      page.end()
    })
    await until('the page to be live', () => page.isLive)
    await site.loom.publish('b', 1)
    await until('the message', () => seen.some(([where]) => where === 'got'))
    page.event('leave')
    await until('the answer', () => page.isSettled)
    await site.loom.publish('b', 2)
    await until('the next message', () => seen.filter(([where]) => where === 'got').length === 2)
    expect(seen).toEqual([
      ['mount', []],
      ['authorize join', []],
      ['connected', []],
      ['got', ['a', 'b']],
      ['authorize leave', ['a', 'b']],
      ['leave', ['a', 'b']],
      ['got', ['b']],
    ])
    for (const [, topics] of seen) expect(Object.isFrozen(topics)).toBe(true)
  })

  test('first read after the call is an error, and what was read stays good', async () => {
    const site = await Site.start()
    let late: (() => readonly string[]) | undefined
    let early: (() => readonly string[]) | undefined
    const { name } = site.loom.register('late', {
      props: { count: 0 },
      connected: async (_, ctx) => ctx.subscribe('a', 'got'),
      handle: {
        keep: ({ count }, _, ctx) => {
          late = () => ctx.topics
          return { count: count + 1 }
        },
        read: ({ count }, _, ctx) => {
          early = () => ctx.topics
          early()
          return { count: count + 1 }
        },
      },
      receive: { got: (props) => props },
      render: ({ count }) => html`${count}`,
    })
    const page = new LivePage({ url: () => site.url(), module: name, token: await site.token(name) })
    atEnd(() => {
      page.end()
    })
    page.event('keep')
    page.event('read')
    await shows(page, '2')
    expect(late).toThrow(expect.objectContaining({ code: 'LOOM_STOPPED' }) as LoomError)
    expect(early?.()).toEqual(['a'])
  })

  test('authorize knows those of a component that waited, and those of a checkpoint', async () => {
    const { site, members, page } = await start()
    const other = await Site.start(byHeader)
    const others = new Members()
    room(other.loom, others)
    let url = site.url()
    const ada = await pageOf(site, 'ada', () => url)
    await event(ada, 'enter', 'room:7')
    await event(ada, 'enter', 'room:8')
    ada.cut()
    await until('the page to be back', () => ada.resumes === 1 && ada.isLive)
    await until('a checkpoint', () => ada.memory.checkpoint !== undefined)
    url = other.url()
    ada.cut()
    await until('the page to be there', () => ada.joins === 2 && ada.isLive)
    expect(members.asked).toEqual(['ada: ', 'ada: room:7,room:8'])
    expect(others.asked).toEqual(['ada: room:7,room:8'])
    // A component without subscriptions has none.
    await page('ben')
    expect(members.asked.at(-1)).toBe('ben: ')
  })
})

test('an old checkpoint brings old subscriptions: authorize knows them, and may refuse the page', async () => {
  const few = { checkpointQuiet: 60_000, checkpointEvents: 1_000 }
  const { site } = await start({ limits: few })
  const other = await Site.start({ ...byHeader, limits: few })
  const others = new Members()
  room(other.loom, others)
  const [ada, thief] = [await pageOf(site, 'ada'), await pageOf(site, 'ada')]
  for (const page of [ada, thief]) {
    await event(page, 'enter', 'room:7')
    await until('a checkpoint', () => page.memory.checkpoint !== undefined)
  }
  const old = [ada, thief].map((page) => page.memory.checkpoint ?? '')
  for (const page of [ada, thief]) await event(page, 'leave', 'room:7')
  /** Joins the other process with a checkpoint of before. */
  const brings = (checkpoint: string): LivePage => {
    const socket = { headers: { 'x-user': 'ada' } }
    const page = new LivePage({ url: () => other.url(), module: 'room', token: checkpoint, socket })
    atEnd(() => {
      page.end()
    })
    return page
  }
  const first = brings(old[0] as string)
  await until('the page to be live', () => first.isLive)
  await other.loom.publish('room:7', 'old news')
  await until('the message', () => first.text.includes('old news'))
  others.remove('ada', 'room:7')
  const second = brings(old[1] as string)
  await until('the refusal', () => second.refused !== undefined)
  expect([second.refused, second.text]).toEqual([['Not allowed'], ''])
  expect(others.asked).toEqual(['ada: room:7', 'ada: room:7'])
})

describe('limits.authorizeTime', () => {
  test('a page with a subscription is asked about again, and ends if it is refused', async () => {
    const { site, members, page } = await start(SOON)
    const ada = await page('ada')
    await event(ada, 'enter', 'room:7')
    await until('it to be asked about again', () => members.asked.length >= 3)
    expect(new Set(members.asked.slice(1))).toEqual(new Set(['ada: room:7']))
    // Nothing has changed, and the component goes on.
    await site.loom.publish('room:7', 'a')
    await shows(ada, 'a')
    await event(ada, 'say', 'b')
    expect(ada.text).toBe('a b')
    members.remove('ada', 'room:7')
    await until('the refusal', () => ada.refused !== undefined)
    expect(ada.refused).toEqual(['Not allowed'])
    await until('the component to end', () => site.loom.stats().components === 0)
    expect(site.log.errors).toEqual([])
  })

  test('a timer counts as well, and so does a task; a page without any of them is not asked about', async () => {
    const { members, page } = await start(SOON)
    const [timer, task, still] = [await page('ada'), await page('cleo'), await page('ben')]
    await event(timer, 'clock')
    await event(task, 'work')
    for (const user of ['ada: ', 'cleo: ']) {
      await until('it to be asked about again', () => members.asked.filter((text) => text === user).length >= 4)
    }
    await event(still, 'say', 'still here')
    expect(members.asked.filter((text) => text === 'ben: ')).toHaveLength(1)
  })

  test('a component that only gets the presence of a topic counts, and so does one that is only tracked', async () => {
    const site = await Site.start(SOON)
    const asked = { watches: 0, tracked: 0 }
    let mayStay = true
    const register = (name: keyof typeof asked): void => {
      site.loom.register(name, {
        props: { count: 0 },
        authorize(ctx) {
          asked[name] += 1
          return mayStay || ctx.topics.length === 0
        },
        connected(_, ctx) {
          if (name === 'watches') ctx.presence('room:7', 'came')
          else ctx.track('room:7', 'here')
        },
        handle: {},
        receive: { came: (_, { data }) => ({ count: (data as { count: number }).count }) },
        render: ({ count }) => html`${count}`,
      })
    }
    register('watches')
    register('tracked')
    const pages: LivePage[] = []
    for (const module of ['watches', 'tracked']) {
      const page = new LivePage({ url: () => site.url(), module, token: await site.token(module) })
      atEnd(() => {
        page.end()
      })
      await until('the page to be live', () => page.isLive)
      pages.push(page)
    }
    await until('both to be asked about again', () => asked.watches >= 3 && asked.tracked >= 3)
    mayStay = false
    for (const page of pages) await until('the refusal', () => page.refused !== undefined)
    expect(pages.map(({ refused }) => refused)).toEqual([['Not allowed'], ['Not allowed']])
  })

  test('a Refusal says what the page is to do', async () => {
    const { members, page } = await start(SOON)
    const ada = await page('ada')
    await event(ada, 'enter', 'room:7')
    members.before = () => {
      throw new Refusal('You have left', { redirect: '/rooms' })
    }
    await until('the refusal', () => ada.refused !== undefined)
    expect(ada.refused).toEqual(['You have left', 'redirect', '/rooms'])
  })

  test('one that fails ends the component, and the page may join again with its state', async () => {
    const { site, members, page } = await start(SOON)
    const ada = await page('ada')
    await event(ada, 'enter', 'room:7')
    await site.loom.publish('room:7', 'a')
    await shows(ada, 'a')
    members.before = () => {
      throw new Error('the database is away')
    }
    await until('the refusal', () => ada.refused !== undefined)
    // The text is the log's; "busy" has the page ask again.
    expect(ada.refused?.[1]).toBe('busy')
    await until('the log', () => site.log.errors.join().includes('the database is away'))
    await until('the component to end', () => site.loom.stats().components === 0)
    members.before = () => undefined
    ada.cut()
    await until('the page to be back', () => ada.joins === 2 && ada.isLive)
    await site.loom.publish('room:7', 'b')
    await shows(ada, 'a b')
    expect(ada.resets).toBe(0)
  })

  test('events wait for the answer, and are handled after it', async () => {
    const { members, page } = await start(SOON)
    const ada = await page('ada')
    await event(ada, 'enter', 'room:7')
    const barrier = new Barrier()
    members.before = () => barrier.wait()
    await barrier.reached()
    ada.event('say', 'a')
    ada.event('say', 'b')
    members.before = () => undefined
    barrier.open()
    await shows(ada, 'a b')
  })

  test('a component that waits for its page is not asked about', async () => {
    const { site, members, page } = await start(SOON)
    const ada = await page('ada')
    await event(ada, 'enter', 'room:7')
    await away(site, ada)
    const { length } = members.asked
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    expect(members.asked).toHaveLength(length)
    await back(ada)
    // Once, since it is back.
    expect(members.asked).toHaveLength(length + 1)
  })
})

describe('disconnect by topic', () => {
  test('ends the components of the user that have subscribed, and nobody else’s', async () => {
    const { site, members, page } = await start()
    const [ada, elsewhere, ben] = [await page('ada'), await page('ada'), await page('ben')]
    await event(ada, 'enter', 'room:7')
    await event(elsewhere, 'enter', 'room:8')
    await event(ben, 'enter', 'room:7')
    members.remove('ada', 'room:7')
    expect(site.loom.disconnect({ topic: 'room:7', bind: 'ada' })).toBe(1)
    await site.loom.publish('room:7', 'secret')
    await until('the page to be told', () => ada.refused !== undefined)
    expect(ada.refused?.[1]).toBe('busy')
    await shows(ben, 'secret')
    // Its page joins again, on the same connection or on another, and is asked about.
    ada.cut()
    await until('the refusal', () => ada.refused?.[0] === 'Not allowed')
    expect(members.asked.at(-1)).toBe('ada: room:7')
    await event(elsewhere, 'say', 'on')
    expect([ada.text, elsewhere.text]).toEqual(['', 'on'])
    expect(elsewhere.closedWith).toEqual([])
    await until('the component to end', () => site.loom.stats().components === 2)
  })

  test('of all users, and those who may go on where they were', async () => {
    const { site, page } = await start()
    const [ada, ben] = [await page('ada'), await page('ben')]
    for (const one of [ada, ben]) await event(one, 'enter', 'room:7')
    await site.loom.publish('room:7', 'a')
    await Promise.all([shows(ada, 'a'), shows(ben, 'a')])
    const topic = site.loom.topic<string>('room:7')
    expect(site.loom.disconnect({ topic })).toBe(2)
    await topic.publish('b')
    for (const one of [ada, ben]) {
      await until('the page to be told', () => one.refused !== undefined)
      one.cut()
      await until('the page to be back', () => one.joins === 2 && one.isLive)
    }
    await Promise.all([shows(ada, 'a b'), shows(ben, 'a b')])
    expect(site.loom.disconnect({ topic: 'room:8' })).toBe(0)
  })

  test('by address, and other components of the page go on', async () => {
    const { site, members } = await start({ trustProxy: true })
    const client = await site.connect({ headers: { 'x-forwarded-for': '10.0.0.7', 'x-user': 'ada' } })
    const request = { headers: { 'x-user': 'ada' }, socket: {}, url: '/' } as never
    for (const id of ['c0', 'c1']) await client.joined(id, 'room', await site.token('room', {}, { request }))
    await client.shows('c0', 'enter', { value: 'room:7' })
    expect(site.loom.disconnect({ topic: 'room:7', address: '10.0.0.8' })).toBe(0)
    members.remove('ada', 'room:7')
    expect(site.loom.disconnect({ topic: 'room:7', address: '10.0.0.7' })).toBe(1)
    await until('the error', () => client.unexpected.some(({ type, id }) => type === 'error' && id === 'c0'))
    expect(await client.shows('c1', 'say', { value: 'on' })).toContain('on')
  })

  test('also one that waits for its page', async () => {
    const { site, members, page } = await start()
    const ada = await page('ada')
    await event(ada, 'enter', 'room:7')
    await until('a checkpoint', () => ada.memory.checkpoint !== undefined)
    await away(site, ada)
    members.remove('ada', 'room:7')
    expect(site.loom.disconnect({ topic: 'room:7', bind: 'ada' })).toBe(1)
    await site.loom.publish('room:7', 'secret')
    comeBack(ada)
    await until('the refusal', () => ada.refused !== undefined)
    expect([ada.refused, ada.text, ada.resumes]).toEqual([['Not allowed'], '', 0])
  })

  test('also one whose join is under way with a checkpoint that has the subscription', async () => {
    const { site, members, page } = await start({ limits: { parkTime: 0 } })
    const ada = await page('ada')
    await event(ada, 'enter', 'room:7')
    await until('a checkpoint', () => ada.memory.checkpoint !== undefined)
    const barrier = new Barrier()
    let asks = 0
    members.before = () => {
      asks += 1
      return barrier.wait()
    }
    // Asked before the removal, and answered after it: the answer does not count.
    const may = members.may.bind(members)
    members.may = async (user, topics) => (await may(user, topics)) || asks === 1
    ada.cut()
    await barrier.reached()
    members.remove('ada', 'room:7')
    expect(site.loom.disconnect({ topic: 'room:7', bind: 'ada' })).toBe(1)
    members.before = () => {
      asks += 1
    }
    barrier.open()
    await until('the page to be told', () => ada.refused !== undefined)
    expect([ada.refused?.[1], ada.joins]).toEqual(['busy', 1])
    await until('the component to end', () => site.loom.stats().components === 0)
    ada.cut()
    await until('the refusal', () => ada.refused?.[0] === 'Not allowed')
    expect(ada.joins).toBe(1)
  })

  test('also one whose call in flight subscribes', async () => {
    const site = await Site.start()
    const barrier = new Barrier()
    let mayJoin = true
    const { name } = site.loom.register('slow', {
      props: { got: '' },
      authorize: () => mayJoin,
      handle: {
        async enter(props, _, ctx) {
          await barrier.wait()
          await ctx.subscribe('room:7', 'arrived')
          return { ...props }
        },
      },
      receive: { arrived: (_, { data }) => ({ got: String(data) }) },
      render: ({ got }) => html`${got}`,
    })
    const page = new LivePage({ url: () => site.url(), module: name, token: await site.token(name) })
    atEnd(() => {
      page.end()
    })
    page.event('enter')
    await barrier.reached()
    mayJoin = false
    // It is not known yet.
    expect(site.loom.disconnect({ topic: 'room:7' })).toBe(0)
    barrier.open()
    await site.loom.publish('room:7', 'secret')
    await until('the page to be told', () => page.refused !== undefined)
    await until('the component to end', () => site.loom.stats().components === 0)
    expect(page.text).toBe('')
  })

  test('also one whose call in flight has it tracked, or has it get the presence', async () => {
    const site = await Site.start()
    const barrier = new Barrier()
    const { name } = site.loom.register('slow', {
      props: { count: 0 },
      handle: {
        async enter(props, { value }, ctx) {
          await barrier.wait()
          if (value === 'track') ctx.track('room:7', 'here')
          else ctx.presence('room:7', 'came')
          return { ...props }
        },
      },
      receive: { came: (_, { data }) => ({ count: (data as { count: number }).count }) },
      render: ({ count }) => html`${count}`,
    })
    for (const how of ['track', 'watch']) {
      const page = new LivePage({ url: () => site.url(), module: name, token: await site.token(name) })
      atEnd(() => {
        page.end()
      })
      page.event('enter', how)
      await barrier.reached()
      expect(site.loom.disconnect({ topic: 'room:7' })).toBe(0)
      barrier.open()
      await until('the page to be told', () => page.refused !== undefined)
      await until('the component to end', () => site.loom.stats().components === 0)
    }
  })

  test('during a visit, whose outcome counts for nothing', async () => {
    const site = await Site.start()
    const barrier = new Barrier()
    let handled = 0
    const { name } = site.loom.register('visited', {
      props: { got: '' },
      connected: async (_, ctx) => ctx.subscribe('room:7', 'arrived'),
      handle: {},
      receive: {
        async arrived(_, { data }) {
          handled += 1
          await barrier.wait()
          return { got: String(data) }
        },
      },
      render: ({ got }) => html`${got}`,
    })
    const page = new LivePage({ url: () => site.url(), module: name, token: await site.token(name) })
    atEnd(() => {
      page.end()
    })
    await until('the page to be live', () => page.isLive)
    await site.loom.publish('room:7', 'secret')
    await until('the receiver to run', () => handled === 1)
    expect(site.loom.disconnect({ topic: 'room:7' })).toBe(1)
    barrier.open()
    await until('the page to be told', () => page.refused !== undefined)
    await until('the component to end', () => site.loom.stats().components === 0)
    expect(page.text).toBe('')
    // A page that may go on has the message once.
    page.cut()
    await until('the page to be back', () => page.joins === 2 && page.isLive)
    await until('the receiver to run again', () => handled === 2)
    barrier.open()
    await shows(page, 'secret')
  })
})

describe('unsubscribe', () => {
  test('the component goes on without the topic, which is in a checkpoint at once', async () => {
    const few = { checkpointQuiet: 60_000, checkpointEvents: 1_000 }
    const { site, page, handled } = await start({ limits: few })
    const other = await Site.start({ ...byHeader, limits: few })
    room(other.loom, new Members())
    let url = site.url()
    const ada = await pageOf(site, 'ada', () => url)
    const ben = await page('ben')
    for (const one of [ada, ben]) for (const topic of ['room:7', 'room:8']) await event(one, 'enter', topic)
    await until('a checkpoint', () => ada.memory.checkpoint !== undefined)
    const { checkpoint } = ada.memory
    expect(site.loom.unsubscribe('room:7', { bind: 'ada' })).toBe(1)
    await until('another checkpoint', () => ada.memory.checkpoint !== checkpoint)
    await site.loom.publish('room:7', 'secret')
    await shows(ben, 'secret')
    await site.loom.publish('room:8', 'a')
    await shows(ada, 'a')
    expect([handled.count, ada.refused, ada.closedWith]).toEqual([3, undefined, []])
    // Revived, it is not there either.
    url = other.url()
    ada.cut()
    await until('the page to be there', () => ada.joins === 2 && ada.isLive)
    await other.loom.publish('room:7', 'secret')
    await other.loom.publish('room:8', 'b')
    await until('what is published there', () => ada.text.endsWith('b'))
    expect(ada.text).not.toContain('secret')
  })

  test('one that waits for its page takes it, too', async () => {
    const { site, members, page } = await start()
    const ada = await page('ada')
    await event(ada, 'enter', 'room:7')
    ada.retry = () => 300
    ada.cut()
    await parked(site)
    await site.loom.publish('room:7', 'missed')
    expect(site.loom.unsubscribe('room:7', {})).toBe(1)
    await site.loom.publish('room:7', 'secret')
    await until('the page to be back', () => ada.resumes === 1 && ada.isLive)
    await event(ada, 'say', 'on')
    expect(ada.text).toBe('on')
    expect(members.asked.at(-1)).toBe('ada: ')
    expect(site.loom.unsubscribe('room:7', {})).toBe(0)
  })

  test('messages that wait are dropped, and a subscription of the call that runs ends after it', async () => {
    const site = await Site.start()
    const barrier = new Barrier()
    const { name } = site.loom.register('slow', {
      props: { got: [] as unknown[] },
      handle: {
        async enter(props, _, ctx) {
          await ctx.subscribe('room:7', 'arrived')
          await barrier.wait()
          return { ...props }
        },
        say: ({ got }, { value }) => ({ got: [...got, value] }),
      },
      receive: { arrived: ({ got }, { data }) => ({ got: [...got, data] }) },
      render: ({ got }) => html`${got.join(' ')}`,
    })
    const page = new LivePage({ url: () => site.url(), module: name, token: await site.token(name) })
    atEnd(() => {
      page.end()
    })
    page.event('enter')
    await barrier.reached()
    await site.loom.publish('room:7', 'secret')
    site.loom.unsubscribe('room:7', {})
    barrier.open()
    page.event('say', 'on')
    await shows(page, 'on')
    await site.loom.publish('room:7', 'secret')
    page.event('say', 'still')
    await shows(page, 'on still')
  })

  test('with a store it is kept there', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'loom-unsubscribe-'))
    atEnd(() => {
      rmSync(folder, { recursive: true, force: true })
    })
    const store = { sqlite: join(folder, 'states.sqlite') }
    const { site } = await start({ store })
    const other = await Site.start({ ...byHeader, store })
    const others = new Members()
    room(other.loom, others)
    let url = site.url()
    const ada = await pageOf(site, 'ada', () => url)
    await event(ada, 'enter', 'room:7')
    await until('a checkpoint', () => ada.memory.checkpoint !== undefined)
    // The page keeps the checkpoint that has the subscription, as a thief would.
    ada.retry = () => 300
    ada.cut()
    await parked(site)
    expect(site.loom.unsubscribe('room:7', { bind: 'ada' })).toBe(1)
    await until('the step to be kept', () => site.loom.unsubscribe('room:7', { bind: 'ada' }) === 0)
    url = other.url()
    await until('the page to be there', () => ada.joins === 2 && ada.isLive)
    await other.loom.publish('room:7', 'secret')
    await event(ada, 'say', 'on')
    expect(ada.text).toBe('on')
  })

  test('a live socket of loom.start is meant by {}', async () => {
    const { loom } = testLoom()
    room(loom, new Members())
    const socket = await loom.start('s', () => undefined, 'room', '{"got":[]}')
    socket.send({ type: 'event', handler: 'enter', event: 'click', special_vars: { value: 'room:7' } })
    await socket.state()
    await loom.publish('room:7', 'a')
    await until('the message', async () => (await socket.state()).propsJson.includes('a'))
    expect(loom.unsubscribe('room:7', {})).toBe(1)
    await loom.publish('room:7', 'secret')
    socket.send({ type: 'event', handler: 'say', event: 'click', special_vars: { value: 'on' } })
    await until('the event', async () => (await socket.state()).propsJson.includes('on'))
    expect((await socket.state()).propsJson).toBe('{"got":["a","on"]}')
  })

  test.each([
    [undefined],
    ['ada'],
    [{ bind: undefined }],
    [{ bind: 'ada', address: undefined }],
    [{ user: 'ada' }],
    [{ bind: 7 }],
    [() => true],
  ])('a filter that could mean everybody is an error: %p', (filter) => {
    const { loom } = testLoom()
    expect(() => loom.unsubscribe('room:7', filter as never)).toThrow(
      expect.objectContaining({ code: 'LOOM_ARGUMENT' }) as Error,
    )
  })

  test.each([[''], ['\0own'], [7], ['x'.repeat(257)]])('what is no topic is an error: %p', (topic) => {
    const { loom } = testLoom()
    expect(() => loom.unsubscribe(topic as never, {})).toThrow(
      expect.objectContaining({ code: 'LOOM_ARGUMENT' }) as Error,
    )
  })
})

describe('a component of loom.start', () => {
  async function started() {
    const { site } = await start()
    const said: string[] = []
    const replies: unknown[] = []
    const module = site.loom.register('own', {
      props: {},
      handle: {
        async enter(_, { value = '' }, ctx) {
          if (value.startsWith('slow')) await inside.wait()
          await ctx.subscribe('room:7', 'got')
        },
      },
      receive: { got: (_, { data }) => void said.push(String(data)) },
      render: () => html`a`,
    })
    const inside = { isReached: false, go: (): void => undefined, wait: (): Promise<void> => Promise.resolve() }
    inside.wait = () =>
      new Promise((resolve) => {
        inside.isReached = true
        inside.go = resolve
      })
    const socket = await site.loom.start('own', (message) => replies.push(message), module.name, '{}')
    const enter = async (value: string): Promise<void> => {
      const before = replies.length
      socket.send({ type: 'event', handler: 'enter', event: 'click', special_vars: { value } })
      if (value === 'slow') await until('the handler', () => inside.isReached)
      else await until('the answer', () => replies.length > before)
    }
    return { site, socket, enter, said, inside }
  }

  test('is taken out of a topic, and nobody’s: not by bind', async () => {
    const { site, enter, said } = await started()
    await enter('a')
    expect(site.loom.unsubscribe('room:7', { bind: 'ada' })).toBe(0)
    await site.loom.publish('room:7', 'first')
    await until('the message', () => said.length === 1)
    expect(site.loom.unsubscribe('room:7', {})).toBe(1)
    await until('the end of it', () => site.loom.unsubscribe('room:7', {}) === 0)
    await site.loom.publish('room:7', 'second')
    await enter('a')
    await site.loom.publish('room:7', 'third')
    await until('the message', () => said.length === 2)
    expect(said).toEqual(['first', 'third'])
  })

  test('ends by a topic', async () => {
    const { site, socket, enter } = await started()
    await enter('a')
    const before = site.loom.stats().components
    expect(site.loom.disconnect({ topic: 'room:7', bind: 'ada' })).toBe(0)
    expect(site.loom.disconnect({ topic: 'room:7' })).toBe(1)
    await until('the end', () => site.loom.stats().components === before - 1)
    expect(() => {
      socket.send({ type: 'event', handler: 'enter', event: 'click', special_vars: {} })
    }).toThrow(expect.objectContaining({ code: 'LOOM_STOPPED' }) as Error)
    socket.stop()
    expect(site.loom.disconnect({ topic: 'room:7' })).toBe(0)
  })

  test('ends also if its call in flight subscribes', async () => {
    const { site, enter, inside } = await started()
    const before = site.loom.stats().components
    await enter('slow')
    expect(site.loom.disconnect({ topic: 'room:7' })).toBe(0)
    inside.go()
    await until('the end', () => site.loom.stats().components === before - 1)
  })
})
