/** Who may still see a shared component: authorize again, what it knows, disconnect by topic, unsubscribe. */

import { html, type LiveEvent, type Loom, type Message, Refusal } from 'loom-live'
import { Barrier } from '../support/barrier'
import { LivePage } from '../support/live_page'
import { shows } from '../support/pages'
import { byHeader, openShared, settled, sharedPage, sharedToken } from '../support/shared'
import { Site, type SiteOptions } from '../support/site'
import { Gate, until } from '../support/until'

const BY_HEADER: SiteOptions = { bind: byHeader }
/** Shorter than the test waits, and longer than what a machine that is busy takes for a join. */
const SOON: SiteOptions = { ...BY_HEADER, limits: { authorizeTime: 1_000 } }

/** Who is asked about, and what is answered. */
class Members {
  readonly asked: string[] = []
  readonly removed = new Set<string>()
  /** Called before an answer is given. */
  before: (user: string) => Promise<void> | void = () => undefined

  async may(user: string, topics: readonly string[]): Promise<boolean> {
    this.asked.push(`${user}: ${topics.join()}`)
    const answer = !this.removed.has(user)
    await this.before(user)
    return answer
  }

  of(user: string): string[] {
    return this.asked.filter((one) => one.startsWith(`${user}: `))
  }
}

/** Shows what it got of its topic, which is named as its key. */
function room(loom: Loom, members: Members): { name: string } {
  return loom.register('room', {
    props: { got: [] as unknown[] },
    authorize: ({ request, topics }, event) =>
      event !== undefined || members.may(String(request.headers['x-user']), topics),
    connected: (_, ctx) => ctx.subscribe(ctx.key, 'arrived'),
    handle: {
      say: ({ got }, { value }) => ({ got: [...got, value] }),
      async enter(props, { value = '' }, ctx) {
        await ctx.subscribe(value, 'arrived')
        return { ...props }
      },
    },
    receive: { arrived: ({ got }, { data }: Message) => ({ got: [...got, data] }) },
    render: ({ got }) => html`${got.join(' ')}`,
  })
}

async function start(options: SiteOptions = BY_HEADER) {
  const members = new Members()
  const site = await Site.start(options)
  const module = room(site.loom, members)
  return { site, module, members, page: (user: string) => sharedPage(site, module, { user }) }
}

const gone = (page: LivePage): Promise<unknown> => until('the page to be told', () => page.refused !== undefined)

async function back(page: LivePage): Promise<void> {
  const { joins, resumes } = page
  page.cut()
  await until('the page to be back', () => page.joins + page.resumes > joins + resumes && page.isLive)
}

test('a page whose events are refused is asked about once at a time, and once more for those refused meanwhile', async () => {
  const site = await Site.start()
  const questions: Gate<boolean>[] = []
  let isJoined = false
  const module = site.loom.register('closed', {
    props: { count: 0 },
    authorize(_, event) {
      if (event !== undefined) return event.handler === 'allowed'
      if (!isJoined) return true
      const question = new Gate<boolean>()
      questions.push(question)
      return question.promise
    },
    handle: { refused: (props) => props, allowed: ({ count }) => ({ count: count + 1 }) },
    render: ({ count }) => html`${count}`,
  })
  const page = await sharedPage(site, module)
  isJoined = true
  const refused = async (): Promise<void> => {
    for (let number = 0; number < 20; number++) page.event('refused')
    page.event('allowed')
    await settled(page)
    await until('the questions', () => questions.length > 0)
  }
  await refused()
  await refused()
  expect(questions).toHaveLength(1)
  questions[0]?.open(true)
  await until('the question about what was refused meanwhile', () => questions.length === 2)
  await refused()
  expect([questions.length, page.text]).toEqual([2, '3'])
  questions[1]?.open(true)
  await until('one more', () => questions.length === 3)
  questions[2]?.open(false)
  await gone(page)
  expect(questions).toHaveLength(3)
})

describe('limits.authorizeTime', () => {
  test('each page is asked about again, with its own request, and one that is refused ends for itself only', async () => {
    const { site, members, page } = await start(SOON)
    const [ada, bob] = [await page('ada'), await page('bob')]
    await until('both to be asked about again', () => members.of('ada').length > 2 && members.of('bob').length > 2)
    members.removed.add('bob')
    await gone(bob)
    expect(bob.refused).toEqual(['Not allowed'])
    await site.loom.publish('board-7', 'a')
    await shows(ada, 'a')
    expect([bob.text, ada.refused, ada.closedWith]).toEqual(['', undefined, []])
    expect(site.log.errors).toEqual([])
    // Nobody asks about a page that has ended.
    const { length } = members.of('bob')
    const before = members.of('ada').length
    await until('ada to be asked about again', () => members.of('ada').length > before + 1)
    expect(members.of('bob')).toHaveLength(length)
  })

  test('a Refusal says what the page is to do, and an error that it is to come back', async () => {
    const { site, members, page } = await start(SOON)
    const [ada, bob, eve] = [await page('ada'), await page('bob'), await page('eve')]
    members.before = (user) => {
      if (user === 'bob') throw new Refusal('You have left', { redirect: '/rooms' })
      if (user === 'eve') throw new Error('the database is away')
    }
    await Promise.all([gone(bob), gone(eve)])
    expect(bob.refused).toEqual(['You have left', 'redirect', '/rooms'])
    expect(eve.refused?.[1]).toBe('busy')
    await site.log.says(/the check whether a page may still see the component failed: .*the database is away/)
    expect(ada.refused).toBeUndefined()
    members.before = () => undefined
    await back(eve)
    ada.event('say', 'a')
    await Promise.all([shows(ada, 'a'), shows(eve, 'a')])
  })

  test('one whose question is never answered does not keep the others from being asked about', async () => {
    const { members, page } = await start(SOON)
    const pages = [await page('ada'), await page('bob')]
    members.before = (user) => (user === 'ada' ? new Promise<void>(() => undefined) : undefined)
    await until('ada to be asked about', () => members.of('ada').length > 1)
    members.removed.add('bob')
    await gone(pages[1] as LivePage)
    expect(pages[0]?.refused).toBeUndefined()
  })

  test('who waits for its page is not asked about, and events count as asking', async () => {
    const { site, members, page } = await start({ ...BY_HEADER, limits: { authorizeTime: 1_500 } })
    const [ada, bob] = [await page('ada'), await page('bob')]
    ada.retry = () => 3_000
    ada.cut()
    await until('the connection to be gone', () => site.loom.stats().connections === 1)
    const { length } = members.of('ada')
    for (const end = Date.now() + 2_500; Date.now() < end;) {
      bob.event('say', 'on')
      await settled(bob)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    expect(members.of('ada')).toHaveLength(length)
    expect(members.of('bob')).toHaveLength(1)
  })
})

describe('ctx.topics', () => {
  test('names those of the component at a join, before an event and when asked again', async () => {
    const site = await Site.start(SOON)
    const seen: string[] = []
    const module = site.loom.register('room', {
      props: { count: 0 },
      authorize({ topics, request }, event?: LiveEvent) {
        const what = event === undefined ? 'page' : `${event.handler} of ${event.viewer?.bind ?? ''}`
        seen.push(`${String(request.headers['x-user'])}, ${what}: ${topics.join()}`)
        return true
      },
      async connected(_, ctx) {
        await ctx.subscribe('a', 'arrived')
        ctx.track('b')
      },
      handle: { leave: (_, __, ctx) => ctx.unsubscribe('a') },
      receive: { arrived: (props) => props },
      render: ({ count }) => html`${count}`,
    })
    const page = await sharedPage(site, module, { user: 'ada' })
    page.event('leave')
    await settled(page)
    await until('it to be asked about again', () => seen.length > 2)
    expect(seen.slice(0, 3)).toEqual(['ada, page: a,b', 'ada, leave of ada: a,b', 'ada, page: b'])
  })

  test('of one that comes to life for the page: it is asked about those, too, before it sees anything', async () => {
    const { site, module, members } = await start({ ...BY_HEADER, limits: { mountTime: 1 } })
    const token = await sharedToken(site, module, { user: 'eve' })
    await until('the component to end', () => site.loom.stats().components === 0)
    let asks = 0
    members.before = () => {
      asks += 1
      if (asks === 1) members.removed.add('eve')
    }
    const page = new LivePage({
      url: () => site.url(),
      module: module.name,
      token,
      socket: { headers: { 'x-user': 'eve' } },
    })
    await gone(page)
    page.end()
    expect(members.asked).toEqual(['eve: ', 'eve: board-7'])
    expect(page.text).toBe('')
  })
})

describe('disconnect', () => {
  test('by topic and bind ends the pages of this user, which are asked about again, and no others', async () => {
    const { site, members, page } = await start()
    const [ada, bob] = [await page('ada'), await page('bob')]
    members.removed.add('bob')
    expect(site.loom.disconnect({ topic: 'elsewhere', bind: 'bob' })).toBe(0)
    expect(site.loom.disconnect({ topic: 'board-7', bind: 'bob' })).toBe(1)
    await gone(bob)
    expect(bob.refused?.[1]).toBe('busy')
    await site.loom.publish('board-7', 'secret')
    await shows(ada, 'secret')
    bob.cut()
    await until('the refusal', () => bob.refused?.[0] === 'Not allowed')
    expect([bob.text, bob.joins, ada.refused]).toEqual(['', 1, undefined])
  })

  test('by topic alone ends all its pages, and those who may go on where they were', async () => {
    const { site, page } = await start()
    const [ada, bob] = [await page('ada'), await page('bob')]
    ada.event('say', 'a')
    await Promise.all([shows(ada, 'a'), shows(bob, 'a')])
    expect(site.loom.disconnect({ topic: 'board-7' })).toBe(2)
    await Promise.all([gone(ada), gone(bob)])
    await site.loom.publish('board-7', 'b')
    await Promise.all([back(ada), back(bob)])
    ada.event('say', 'c')
    await Promise.all([shows(ada, 'a b c'), shows(bob, 'a b c')])
    expect([ada.lost, ada.resets, site.loom.stats().components]).toEqual([0, 0, 1])
  })

  test('by topic and address', async () => {
    const { site, module } = await start({ ...BY_HEADER, trustProxy: true })
    const at = (address: string) => ({ socket: { headers: { 'x-user': 'ada', 'x-forwarded-for': address } } })
    const [one, other] = [
      await sharedPage(site, module, { user: 'ada', ...at('10.0.0.7') }),
      await sharedPage(site, module, { user: 'ada', ...at('10.0.0.8') }),
    ]
    expect(site.loom.disconnect({ topic: 'board-7', address: '10.0.0.9' })).toBe(0)
    expect(site.loom.disconnect({ topic: 'board-7', bind: 'bob', address: '10.0.0.8' })).toBe(0)
    expect(site.loom.disconnect({ topic: 'board-7', address: '10.0.0.8' })).toBe(1)
    await gone(other)
    one.event('say', 'a')
    await shows(one, 'a')
  })

  test('also a page that joins just now: what authorize had answered before does not count', async () => {
    const { site, module, members, page } = await start()
    const ada = await page('ada')
    const barrier = new Barrier()
    members.before = () => barrier.wait()
    const bob = await openShared(site, module, { user: 'bob' })
    await barrier.reached()
    members.removed.add('bob')
    // It is no viewer so far.
    expect(site.loom.disconnect({ topic: 'board-7', bind: 'bob' })).toBe(0)
    members.before = () => undefined
    barrier.open()
    await gone(bob)
    expect([bob.refused, bob.text, ada.refused]).toEqual([['Not allowed'], '', undefined])
  })

  test('of other topics, however often, keeps nobody from joining', async () => {
    const { site, module, members, page } = await start()
    await page('ada')
    members.before = () => new Promise((resolve) => setTimeout(resolve, 50))
    const often = setInterval(() => site.loom.disconnect({ topic: 'elsewhere' }), 2)
    const bob = await sharedPage(site, module, { user: 'bob' })
    clearInterval(often)
    expect([members.of('bob'), bob.joins]).toEqual([['bob: board-7'], 1])
  })

  test('gives up the event of such a page, and no other', async () => {
    const site = await Site.start(BY_HEADER)
    let waits = 0
    let signal: AbortSignal | undefined
    const module = site.loom.register('slow', {
      props: { said: '' },
      connected: (_, ctx) => ctx.subscribe('topic', 'arrived'),
      handle: {
        async say(props, { value = '' }, ctx) {
          if (value !== 'slow') return { said: `${props.said}${value}` }
          waits += 1
          signal = ctx.signal
          await new Promise((resolve) => {
            ctx.signal.addEventListener('abort', resolve)
          })
          return { said: 'late' }
        },
      },
      receive: { arrived: (props) => props },
      render: ({ said }) => html`${said}`,
    })
    const [ada, bob] = [
      await sharedPage(site, module, { user: 'ada' }),
      await sharedPage(site, module, { user: 'bob' }),
    ]
    bob.event('say', 'slow')
    await until('the handler to wait', () => waits === 1)
    ada.event('say', 'a')
    expect(site.loom.disconnect({ topic: 'topic', bind: 'bob' })).toBe(1)
    await shows(ada, 'a')
    expect([signal?.aborted, ada.refused]).toEqual([true, undefined])
  })

  test('also if the call in flight puts the component into the topic: then all pages are asked about again', async () => {
    const site = await Site.start(BY_HEADER)
    const barrier = new Barrier()
    const allowed = new Set(['ada', 'bob'])
    const module = site.loom.register('slow', {
      props: { got: '' },
      authorize: ({ request }) => allowed.has(String(request.headers['x-user'])),
      handle: {
        async enter(_, __, ctx) {
          await barrier.wait()
          await ctx.subscribe('topic', 'arrived')
        },
      },
      receive: { arrived: (_, { data }) => ({ got: String(data) }) },
      render: ({ got }) => html`${got}`,
    })
    const [ada, bob] = [
      await sharedPage(site, module, { user: 'ada' }),
      await sharedPage(site, module, { user: 'bob' }),
    ]
    ada.event('enter')
    await barrier.reached()
    allowed.delete('bob')
    expect(site.loom.disconnect({ topic: 'topic', bind: 'bob' })).toBe(0)
    barrier.open()
    await Promise.all([gone(ada), gone(bob)])
    await site.loom.publish('topic', 'secret')
    await back(ada)
    await shows(ada, 'secret')
    bob.cut()
    await until('the refusal', () => bob.refused?.[0] === 'Not allowed')
    expect(bob.text).toBe('')
  })

  test('by bind alone closes the connections of its pages', async () => {
    const { site, members, page } = await start()
    const [ada, bob] = [await page('ada'), await page('bob')]
    members.removed.add('bob')
    expect(site.loom.disconnect({ bind: 'bob' })).toBe(1)
    await until('the refusal', () => bob.refused?.[0] === 'Not allowed')
    await site.loom.publish('board-7', 'secret')
    await shows(ada, 'secret')
    expect(bob.text).toBe('')
  })
})

describe('unsubscribe', () => {
  test('for everybody takes the component out of the topic; a user’s does not, since it is nobody’s', async () => {
    const { site, page } = await start()
    const ada = await page('ada')
    expect(site.loom.unsubscribe('board-7', { bind: 'ada' })).toBe(0)
    await site.loom.publish('board-7', 'a')
    await shows(ada, 'a')
    expect(site.loom.unsubscribe('board-7', {})).toBe(1)
    await site.loom.publish('board-7', 'b')
    ada.event('say', 'c')
    await shows(ada, 'a c')
    expect(site.loom.unsubscribe('board-7', {})).toBe(0)
    expect(site.loom.disconnect({ topic: 'board-7' })).toBe(0)
  })
})

test('a receiver has no request and no user, whoever clicked last', async () => {
  const site = await Site.start(BY_HEADER)
  const seen: unknown[] = []
  const module = site.loom.register('nobody', {
    props: { count: 0 },
    handle: { ring: (_, __, ctx) => ctx.after('rang', 0) },
    receive: {
      rang(props, { from }, ctx) {
        seen.push(from, ctx.bind, ctx.key)
        expect(() => ctx.request).toThrow('There is no ctx.request here')
        return { count: props.count + 1 }
      },
    },
    render: ({ count }) => html`${count}`,
  })
  const page = await sharedPage(site, module, { user: 'ada' })
  page.event('ring')
  await shows(page, '1')
  expect(seen).toEqual(['timer', '', 'board-7'])
})
