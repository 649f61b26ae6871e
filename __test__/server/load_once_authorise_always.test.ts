import { html, Refusal, type Loom } from 'loom-live'
import { atEnd } from '../support/cleanup'
import { LivePage } from '../support/live_page'
import { inside, Site, type SiteOptions, testLoom, tokenIn } from '../support/site'
import { until } from '../support/until'

function open(site: Site, module: string, token: string, url = (): string => site.url()): LivePage {
  const page = new LivePage({ url, module, token })
  atEnd(() => {
    page.end()
  })
  return page
}

const settled = (page: LivePage): Promise<unknown> => until('all answers', () => page.isSettled)

describe('mount', () => {
  test('loads once for the page, and the join adopts what it loaded', async () => {
    const site = await Site.start()
    let loads = 0
    const module = site.loom.register('profile', {
      props: { id: 0, name: '' },
      async mount({ id }, { module: name, request }) {
        loads += 1
        await Promise.resolve()
        return { name: `${name} ${id} ${request.url}` }
      },
      handle: {},
      render: ({ name }) => html`<b>${name}</b>`,
    })
    const html1 = await site.loom.mount(module, { id: 7 })
    expect(inside(html1)).toBe('<b>profile 7 </b>')
    const page = open(site, 'profile', tokenIn(html1))
    await until('the join', () => page.isLive)
    expect([page.text, loads]).toEqual(['<b>profile 7 </b>', 1])
  })

  test('what it gives has to be props', async () => {
    const site = await Site.start()
    site.loom.register('bad', {
      props: { when: '' },
      mount: () => ({ when: new Date(0) as unknown as string }),
      handle: {},
      render: ({ when }) => html`${when}`,
    })
    await expect(site.loom.mount('bad')).rejects.toThrow(/an instance of Date at "when"/)
  })

  test('what it and render change of the module’s own props is in no other page', async () => {
    const site = await Site.start()
    const module = site.loom.register('todo', {
      props: { items: ['b', 'a'] },
      mount({ items }) {
        items.push('mine')
      },
      handle: {},
      render: ({ items }) => html`${items.join()} ${items.sort().join()}`,
    })
    for (let page = 0; page < 2; page++) expect(inside(await site.loom.mount(module))).toBe('b,a,mine a,b,mine')
  })
})

describe('private props', () => {
  function register(loom: Loom, secret: string): void {
    loom.register('account', {
      props: { count: 0, secret: '' },
      private: ['secret'],
      mount: () => ({ secret }),
      handle: { add: ({ count, secret: own }) => ({ count: count + 1, secret: own }) },
      render: ({ count, secret: own }) => html`${count} ${own.length}`,
    })
  }

  test('are in neither token nor checkpoint, and loaded again at a join', async () => {
    const long = 's'.repeat(5000)
    const site = await Site.start()
    register(site.loom, long)
    const second = await Site.start()
    register(second.loom, long.slice(0, 10))
    const page1 = await site.loom.mount('account')
    expect(inside(page1)).toBe('0 5000')
    expect(tokenIn(page1).length).toBeLessThan(300)
    let url = site.url()
    const page = open(site, 'account', tokenIn(page1), () => url)
    page.event('add')
    await settled(page)
    expect(page.text).toBe('1 5000')
    await until('a checkpoint', () => page.memory.checkpoint !== undefined)
    expect(page.memory.checkpoint?.length).toBeLessThan(300)
    url = second.url()
    page.cut()
    page.event('add')
    await settled(page)
    expect(page.text).toBe('2 10')
  })

  test('where they are loaded again, what mount changes of the others does not count', async () => {
    const site = await Site.start()
    const module = site.loom.register('account', {
      props: { visits: [] as string[], secret: '' },
      private: ['secret'],
      mount({ visits }) {
        visits.push('now')
        return { secret: 'x' }
      },
      handle: { show: () => undefined },
      render: ({ visits, secret }) => html`${visits.join()} ${secret}`,
    })
    const client = await site.live(module)
    expect(client.html('c0')).toBe('now x')
    expect(await client.shows('c0', 'show')).toBe('now x')
  })
})

describe('versions', () => {
  async function deploy(upgrade?: (props: Record<string, unknown>, from: number) => { total: number } | undefined) {
    const before = await Site.start()
    before.loom.register('cart', {
      props: { items: 0 },
      handle: { add: ({ items }) => ({ items: items + 1 }) },
      render: ({ items }) => html`${items} items`,
    })
    const after = await Site.start()
    after.loom.register('cart', {
      props: { total: 0 },
      version: 2,
      ...(upgrade === undefined ? {} : { upgrade }),
      handle: { add: (props) => ({ ...props, total: props.total + 1 }) },
      render: ({ total }) => html`total ${total}`,
    })
    let url = before.url()
    const page = open(before, 'cart', await before.token('cart'), () => url)
    page.event('add')
    page.event('add')
    await settled(page)
    url = after.url()
    page.cut()
    page.event('add')
    await settled(page)
    return { page, after }
  }

  test('an older state is brought up to date, with the events that it lacks', async () => {
    const seen: unknown[] = []
    const { page } = await deploy((props, from) => {
      seen.push(from)
      return { total: Number(props['items']) }
    })
    expect(seen).toEqual([1])
    expect([page.text, page.resets]).toEqual(['total 3', 0])
  })

  test('the older state may be changed in place', async () => {
    const { page, after } = await deploy((props) => {
      props['total'] = props['items']
      return props as { total: number }
    })
    expect([page.text, page.resets, after.log.all]).toEqual(['total 3', 0, ''])
  })

  test('without a way there, the component starts anew and the page is told', async () => {
    const { page } = await deploy()
    // What had not been sent may still be meant.
    expect([page.text, page.resets]).toEqual(['total 1', 1])
  })

  test('what a component that started anew changes of its props is in no other', async () => {
    const before = await Site.start()
    before.loom.register('todo', { props: { text: '' }, handle: {}, render: ({ text }) => html`${text}` })
    const after = await Site.start()
    const module = after.loom.register('todo', {
      props: { items: [] as string[], hidden: [] as string[] },
      version: 2,
      private: ['hidden'],
      handle: {
        add({ items, hidden }, { value = '' }) {
          items.push(value)
          hidden.push(value)
        },
      },
      render: ({ items, hidden }) => html`${items.join()} ${hidden.join()}`,
    })
    const tokens = [await before.token('todo'), await after.token(module)]
    for (const token of [...tokens, ...tokens]) {
      const page = open(after, 'todo', token)
      page.event('add', 'mine')
      await settled(page)
      expect(page.text).toBe('mine mine')
    }
  })

  test('an upgrade that fails is logged, and the component starts anew', async () => {
    const { page, after } = await deploy(() => {
      throw new Error('no way')
    })
    expect(page.resets).toBe(1)
    await after.log.says('upgrade of module cart from version 1 to 2: no way')
  })
})

describe('authorize', () => {
  async function guarded(options: SiteOptions = {}) {
    const site = await Site.start(options)
    const state = { join: undefined as Error | undefined, event: undefined as Error | undefined, asked: [] as string[] }
    const module = site.loom.register('guarded', {
      props: { count: 0 },
      async authorize({ module: name, request }, event) {
        state.asked.push(`${name} ${request.address} ${event?.handler ?? 'join'}`)
        await Promise.resolve()
        const refusal = event === undefined ? state.join : state.event
        if (refusal !== undefined) throw refusal
        return true
      },
      handle: { add: ({ count }) => ({ count: count + 1 }) },
      render: ({ count }) => html`${count}`,
    })
    const token = await site.token(module)
    return { site, state, token }
  }

  test('runs before every join and every event', async () => {
    const { site, state, token } = await guarded()
    const page = open(site, 'guarded', token)
    page.event('add')
    await settled(page)
    expect(state.asked).toEqual(['guarded 127.0.0.1 join', 'guarded 127.0.0.1 add'])
    expect(page.text).toBe('1')
  })

  test('refuses a join, and says what the page is to do', async () => {
    const { site, state, token } = await guarded()
    state.join = new Refusal('Log in first', { redirect: '/login' })
    const first = open(site, 'guarded', token)
    await until('the refusal', () => first.refused !== undefined)
    expect(first.refused).toEqual(['Log in first', 'redirect', '/login'])
    state.join = new Refusal('This page is old', { reload: true })
    const second = open(site, 'guarded', token)
    await until('the refusal', () => second.refused !== undefined)
    expect(second.refused).toEqual(['This page is old', 'reload'])
    // Any other error is a fault: its text is the log's.
    state.join = new Error('database is down at 10.0.0.1')
    const third = open(site, 'guarded', token)
    await until('the refusal', () => third.refused !== undefined)
    await until('the log', () => site.log.errors.join().includes('database is down'))
    expect(site.loom.stats().components).toBe(0)
  })

  test.each([[null], [7], [''], [new URL('http://localhost/login')], ['javascript:alert(1)'], ['http://[']])(
    'cannot send a page to %p',
    (redirect) => {
      const refuse = () => new Refusal('no', { redirect: redirect as string })
      expect(refuse).toThrow(expect.objectContaining({ code: 'LOOM_ARGUMENT' }) as Error)
      expect(refuse).toThrow(/for the redirect of a Refusal but received/)
    },
  )

  test.each([
    ['at once', (allowed: boolean) => allowed],
    ['later', (allowed: boolean) => Promise.resolve(allowed)],
  ])('refuses where it gives false, %s', async (_, answer) => {
    const site = await Site.start()
    let allowed = false
    const module = site.loom.register('guarded', {
      props: { count: 0 },
      authorize: () => answer(allowed),
      handle: { add: ({ count }) => ({ count: count + 1 }) },
      render: ({ count }) => html`${count}`,
    })
    const token = await site.token(module)
    const refused = open(site, 'guarded', token)
    await until('the refusal', () => refused.refused !== undefined)
    expect(refused.refused).toEqual(['Not allowed'])
    allowed = true
    const page = open(site, 'guarded', token)
    const outcomes: string[] = []
    page.onAnswer = (_, outcome) => outcomes.push(outcome)
    page.event('add')
    await settled(page)
    allowed = false
    page.event('add')
    await settled(page)
    expect(outcomes).toEqual(['applied', 'failed'])
    expect(page.text).toBe('1')
  })

  test('refuses an event, which changes nothing, and may send the page to a login', async () => {
    const { site, state, token } = await guarded({ development: false })
    const page = open(site, 'guarded', token)
    const outcomes: string[] = []
    page.onAnswer = (_, outcome) => outcomes.push(outcome)
    state.event = new Refusal('Your session has ended', { redirect: '/login' })
    page.event('add')
    await settled(page)
    state.event = undefined
    page.event('add')
    await settled(page)
    expect([page.text, outcomes]).toEqual(['1', ['failed', 'applied']])
    expect(page.redirects).toEqual(['/login'])
    expect(site.log.errors).toEqual([])
  })

  test('a page that comes back to its component is asked, with its new request, before it gets anything', async () => {
    const { site, state, token } = await guarded()
    const page = open(site, 'guarded', token)
    page.event('add')
    await settled(page)
    page.cut()
    await until('the page to be back', () => page.isLive && page.resumes === 1)
    expect(state.asked).toEqual(['guarded 127.0.0.1 join', 'guarded 127.0.0.1 add', 'guarded 127.0.0.1 join'])
    expect([page.text, page.joins]).toEqual(['1', 1])
    page.event('add')
    await settled(page)
    expect(page.text).toBe('2')
    state.join = new Refusal('no longer', { redirect: '/login' })
    page.cut()
    await until('the refusal', () => page.refused !== undefined)
    expect(page.refused).toEqual(['no longer', 'redirect', '/login'])
    expect(page.resumes).toBe(1)
    await until('the component to end', () => site.loom.stats().components === 0)
  })

  test('what was missed follows only when the page may have it', async () => {
    const { site, state, token } = await guarded()
    const page = open(site, 'guarded', token)
    await until('the join', () => page.isLive)
    for (let click = 0; click < 10; click++) page.event('add')
    page.cut()
    await settled(page)
    expect(page.text).toBe('10')
    expect(state.asked.filter((text) => text.endsWith('add'))).toHaveLength(10)
  })

  test('a rejoin from a checkpoint is asked too', async () => {
    const { site, state, token } = await guarded({ limits: { parkTime: 0 } })
    const page = open(site, 'guarded', token)
    page.event('add')
    await settled(page)
    state.join = new Refusal('no longer')
    page.cut()
    await until('the refusal', () => page.refused !== undefined)
    expect(page.refused).toEqual(['no longer'])
  })
})

describe('disconnect', () => {
  test('closes what is meant, at once, and what it left behind is not found again', async () => {
    const site = await Site.start({ bind: ({ headers }) => headers['x-user']?.toString() })
    let revoked = ''
    const module = site.loom.register('counter', {
      props: { count: 0 },
      authorize({ request }) {
        if (request.headers['x-user'] === revoked) throw new Refusal('revoked', { redirect: '/login' })
        return true
      },
      handle: { add: ({ count }) => ({ count: count + 1 }) },
      render: ({ count }) => html`${count}`,
    })
    const pages = await Promise.all(
      ['ada', 'ada', 'ben'].map(async (user) => {
        const request = { headers: { 'x-user': user }, socket: {}, url: '/' }
        const token = await site.token(module, {}, { request: request as never })
        const page = new LivePage({
          url: () => site.url(),
          module: 'counter',
          token,
          socket: { headers: { 'x-user': user } },
        })
        atEnd(() => {
          page.end()
        })
        page.event('add')
        await settled(page)
        return page
      }),
    )
    const [ada, away, ben] = pages as [LivePage, LivePage, LivePage]
    away.end()
    await until('one to be parked', () => site.loom.stats().parked === 1)
    revoked = 'ada'
    expect(site.loom.disconnect({ bind: 'ada' })).toBe(2)
    await until('the refusal', () => ada.refused !== undefined)
    expect(ada.closedWith).toEqual([1008])
    expect(ada.refused).toEqual(['revoked', 'redirect', '/login'])
    expect(site.loom.stats().parked).toBe(0)
    ben.event('add')
    await settled(ben)
    expect(ben.text).toBe('2')
    expect(site.loom.disconnect(({ request, address }) => address !== '' && request.headers['x-user'] === 'ben')).toBe(
      1,
    )
  })

  test.each([
    [{ user: 'ada' }],
    [{ bind: 7 }],
    [{ address: null }],
    [undefined],
    ['ada'],
    [{}],
    [{ bind: undefined }],
    [{ topic: 'room', bind: undefined }],
    [{ topic: undefined }],
    [{ topic: '' }],
    [{ topic: '\0own' }],
  ])('a filter that would find nobody, or everybody, is an error: %j', (filter) => {
    const { loom } = testLoom()
    expect(() => loom.disconnect(filter as never)).toThrow(expect.objectContaining({ code: 'LOOM_ARGUMENT' }) as Error)
  })
})
