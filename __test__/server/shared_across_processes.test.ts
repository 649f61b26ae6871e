/** Shared components of several processes: one process has the actor, and the pages of all show the same. */

import { html, type JoinedAndLeft, type Loom, type LoomOptions, type Message } from 'loom-live'
import { Child } from '../support/child'
import { atEnd } from '../support/cleanup'
import { LivePage } from '../support/live_page'
import { shows } from '../support/pages'
import { redis, RedisServer, withRedis } from '../support/redis'
import { board, byHeader, KEY, openShared, settled, sharedPage, sharedToken, type Seen } from '../support/shared'
import { inside, SECRET, Site, tokenIn } from '../support/site'
import { until } from '../support/until'

interface RedisOptions {
  redis: string
  prefix: string
}

type Register = (loom: Loom, seen: Seen) => { name: string }

interface House {
  sites: [Site, Site, ...Site[]]
  seen: Seen[]
  module: { name: string }
  store: RedisOptions
}

const STORES = ['without a store', 'with a store'] as const

/** Processes that have one backplane. */
async function house(
  stored: boolean,
  { count = 2, register = board as Register, ...options }: LoomOptions & { count?: number; register?: Register } = {},
): Promise<House> {
  const { store } = (await redis()) as { store: RedisOptions }
  const all = { backplane: store, ...(stored ? { store } : {}), ...options }
  const sites: Site[] = []
  for (let number = 0; number < count; number++) sites.push(await Site.start(all))
  const seen = sites.map((): Seen => ({ renders: 0, mounts: [] }))
  const [module] = sites.map(({ loom }, index) => register(loom, seen[index] as Seen))
  return { sites: sites as House['sites'], seen, module: module as { name: string }, store }
}

interface Owned {
  owner: Child
  url: string
  site: Site
  module: { name: string }
  /** A page of the owner's process, until `to` gives another URL. */
  page: (to?: () => string) => LivePage
}

/** A process with a board, which tells its port and what it has rendered. */
const OWNER = `
const { createServer } = require('node:http')
const { createLoom, html } = require('loom-live')
const loom = createLoom(JSON.parse(process.env.OPTIONS))
loom.register('board', {
  props: { count: 0, said: '' },
  mount: (_, ctx) => ({ said: ctx.key }),
  handle: { add: ({ count, ...rest }) => ({ ...rest, count: count + 1 }) },
  render: ({ count, said }) => html\`\${count} \${said}\`,
})
// Templates have other numbers here than in the process that follows.
loom.register('other', { props: {}, handle: {}, render: () => html\`<p>\${html\`<b>\${1}</b>\`}</p>\` })
const server = createServer()
loom.attach(server)
server.listen(0, '127.0.0.1', async () => {
  await loom.mount('other')
  const html = await loom.mount('board', {}, { shared: 'board-7' })
  console.log(JSON.stringify({ port: server.address().port, html: String(html) }))
})
`

const add = (page: LivePage, times = 1): void => {
  for (let time = 0; time < times; time++) page.event('add')
}

withRedis('shared components of several processes', () => {
  describe.each(STORES)('%s', (kind) => {
    const stored = kind === 'with a store'

    test('pages of all processes show one state, which one of them renders', async () => {
      const { sites, seen, module } = await house(stored, { count: 3 })
      const pages: LivePage[] = []
      for (const site of sites) pages.push(await sharedPage(site, module), await sharedPage(site, module))
      for (const page of pages) add(page, 5)
      for (const page of pages) await shows(page, '30 board-7')
      await Promise.all(pages.map(settled))
      // Those that follow have started nothing, and rendered nothing.
      expect(seen.map(({ mounts }) => mounts.length)).toEqual([1, 0, 0])
      expect(seen.map(({ renders }) => renders > 0)).toEqual([true, false, false])
      expect(sites.map(({ loom }) => loom.stats().components)).toEqual([1, 0, 0])
      // Another key may be owned by another process.
      const [, second] = sites
      await sharedPage(second, module, { key: 'board-8' })
      expect(seen[1]?.mounts).toEqual(['board-8'])
    })

    test('what fails is told to the page whose event it was, and changes nothing', async () => {
      const { sites, module } = await house(stored)
      const [page, other] = [await sharedPage(sites[0], module), await sharedPage(sites[1], module)]
      const outcomes: string[] = []
      other.onAnswer = ({ handler }, outcome) => outcomes.push(`${handler} ${outcome}`)
      page.onAnswer = () => outcomes.push('not its own')
      add(other)
      other.event('boom')
      add(other)
      await shows(page, '2 board-7')
      await shows(other, '2 board-7')
      await settled(other)
      expect(outcomes).toEqual(['add applied', 'boom failed', 'add applied'])
    })

    test('a page that moves between processes goes on, and each of its events is applied once', async () => {
      const { sites, module } = await house(stored)
      const stays = await sharedPage(sites[0], module)
      let at = 1
      const moves = await sharedPage(sites[1], module, { url: () => (sites[at] as Site).url() })
      for (let round = 1; round <= 10; round++) {
        add(moves, 7)
        at = 1 - at
        moves.cut()
        await until('the page to be back', () => moves.isLive)
        add(moves, 3)
        await shows(moves, `${round * 10} board-7`)
        await shows(stays, `${round * 10} board-7`)
        await settled(moves)
      }
      expect([moves.lost, moves.resets]).toEqual([0, 0])
    })

    test('a process that closes hands over at once', async () => {
      const { sites, seen, module } = await house(stored, { count: 3 })
      let at = 0
      const first = await sharedPage(sites[0], module, { url: () => (sites[at] as Site).url() })
      const other = await sharedPage(sites[2] as Site, module)
      add(first, 3)
      add(other, 4)
      await shows(other, '7 board-7')
      await settled(other)
      await settled(first)
      at = 1
      const closed = sites[0].loom.close()
      add(first, 2)
      add(other, 2)
      await closed
      await shows(first, '11 board-7')
      await shows(other, '11 board-7')
      await settled(first)
      await settled(other)
      for (const page of [first, other]) expect([page.lost, page.resets]).toEqual([0, 0])
      // The next owner has gone on with the state instead of beginning.
      expect(seen.map(({ mounts }) => mounts.length)).toEqual([1, 0, 0])
    })

    test('mount renders in each process what the component shows', async () => {
      const { sites, module } = await house(stored)
      const page = await sharedPage(sites[0], module)
      add(page, 2)
      await shows(page, '2 board-7')
      const text = async (site: Site): Promise<string> =>
        inside(await site.loom.mount(module.name, {}, { shared: KEY }))
      expect(await text(sites[1])).toBe('2 board-7')
      add(page)
      await shows(page, '3 board-7')
      await until('the HTML to follow', async () => (await text(sites[1])) === '3 board-7')
      // A component begins also where no page shows it so far, and belongs to that process then.
      const html = await sites[1].loom.mount(module.name, {}, { shared: 'board-9' })
      expect(inside(html)).toBe('0 board-9')
      const other = await sharedPage(sites[0], module, { key: 'board-9' })
      add(other)
      await shows(other, '1 board-9')
    })
  })

  test('a page of the classic dialect shows the same in another process, and gets one answer for each event', async () => {
    const { sites, module } = await house(false)
    const page = await sharedPage(sites[0], module)
    const client = await sites[1].connect()
    const tree = await client.joined('c0', module.name, await sharedToken(sites[1], module))
    expect(tree).toContain('board-7')
    for (let count = 1; count <= 5; count++) expect(await client.event('c0', 'add')).toMatchObject({ type: 'patch' })
    await shows(page, '5 board-7')
    add(page)
    await shows(page, '6 board-7')
  })

  test('the call of a hook is answered by the process that has the component, to the page that has called', async () => {
    const register: Register = (loom) =>
      loom.register('asked', {
        props: { count: 0 },
        handle: {
          go: ({ count }, { args }, ctx) => {
            ctx.reply({ args, count })
            return { count: count + 1 }
          },
        },
        render: ({ count }) => html`${count}`,
      })
    const { sites, module } = await house(false, { register })
    const [one, two] = [await sharedPage(sites[0], module), await sharedPage(sites[1], module)]
    two.event('go', JSON.stringify([7, { text: 'x'.repeat(5_000) }]), 'loom.call')
    await settled(two)
    for (const page of [one, two]) await shows(page, '1')
    expect(two.pushes).toEqual([['loom.reply', [7, { args: { text: 'x'.repeat(5_000) }, count: 0 }]]])
    one.event('go', '[7]', 'loom.call')
    await settled(one)
    for (const page of [one, two]) await shows(page, '2')
    expect(one.pushes).toEqual([['loom.reply', [7, { count: 1 }]]])
    expect(two.pushes).toHaveLength(1)
  })

  test('a redirect and a push of a handler reach the page whose event it was, and a push of a receiver all', async () => {
    const register: Register = (loom) =>
      loom.register('pushes', {
        props: { count: 0 },
        handle: {
          go: (_, __, ctx) => {
            ctx.redirect('/elsewhere')
          },
          tell: (props, { value }, ctx) => {
            ctx.push('told', value)
            ctx.send(ctx.self, 'all', value)
            return { count: props.count + 1 }
          },
        },
        receive: {
          all: (_, { data }: Message, ctx) => {
            ctx.push('all', data)
          },
        },
        render: ({ count }) => html`${count}`,
      })
    const { sites, module } = await house(false, { register })
    const [one, two, three] = [
      await sharedPage(sites[0], module),
      await sharedPage(sites[1], module),
      await sharedPage(sites[1], module),
    ]
    two.event('tell', 'hello')
    for (const page of [one, two, three]) await until('the push', () => page.pushes.some(([name]) => name === 'all'))
    expect(two.pushes.filter(([name]) => name === 'told')).toEqual([['told', 'hello']])
    expect([one, three].flatMap(({ pushes }) => pushes)).toEqual([
      ['all', 'hello'],
      ['all', 'hello'],
    ])
    two.event('go')
    await until('the redirect', () => two.redirects.length > 0)
    expect([one.redirects, two.redirects, three.redirects]).toEqual([[], ['/elsewhere'], []])
  })

  test('authorize has the request of the page, is asked before each of its events, and ends its page if it refuses', async () => {
    const banned = new Set<string>()
    const asked: string[] = []
    const register: Register = (loom) =>
      loom.register('rights', {
        props: { count: 0 },
        authorize(ctx, event) {
          const user = String(ctx.request.headers['x-user'])
          asked.push(`${user} ${event?.viewer?.bind ?? ''} ${event?.handler ?? ''}`)
          return !banned.has(user)
        },
        handle: { add: ({ count }) => ({ count: count + 1 }) },
        render: ({ count }) => html`${count}`,
      })
    const { sites, module } = await house(false, { register, bind: byHeader })
    const [ann, bob] = [
      await sharedPage(sites[0], module, { user: 'ann' }),
      await sharedPage(sites[1], module, { user: 'bob' }),
    ]
    bob.event('add')
    await shows(ann, '1')
    await shows(bob, '1')
    expect(asked).toContain('bob bob add')
    banned.add('bob')
    const outcomes: string[] = []
    bob.onAnswer = (_, outcome) => outcomes.push(outcome)
    bob.event('add')
    await until('the page to be refused', () => bob.refused !== undefined)
    expect(bob.refused).toEqual(['Not allowed'])
    ann.event('add')
    await shows(ann, '2')
    const again = await openShared(sites[1], module, { user: 'bob' })
    await until('the page to be refused', () => again.refused !== undefined)
  })

  test('the receiver viewers is told of the pages of all processes', async () => {
    const register: Register = (loom) =>
      loom.register('viewers', {
        props: { here: [] as string[] },
        handle: {},
        receive: {
          viewers: ({ here }, { data }: Message<JoinedAndLeft>) => ({
            here: [...here, ...data.joined.map(({ bind }) => bind)].filter(
              (one) => !data.left.some(({ bind }) => bind === one),
            ),
          }),
        },
        render: ({ here }) => html`${[...here].sort().join(' ')}`,
      })
    const { sites, module } = await house(false, { register, bind: byHeader, limits: { parkTime: 100 } })
    const ann = await sharedPage(sites[0], module, { user: 'ann' })
    const bob = await sharedPage(sites[1], module, { user: 'bob' })
    await shows(ann, 'ann bob')
    await shows(bob, 'ann bob')
    bob.end()
    await shows(ann, 'ann')
  })

  test('a tree that is larger than what is kept of changes reaches pages that come while it changes', async () => {
    const register: Register = (loom) =>
      loom.register('rows', {
        props: { rows: Array.from({ length: 2000 }, (_, key) => ({ key, value: 0 })), count: 0 },
        handle: {
          add: ({ rows, count }) => ({
            rows: rows.map((row) => (row.key % 7 === count % 7 ? { ...row, value: row.value + 1 } : row)),
            count: count + 1,
          }),
        },
        render: ({ rows, count }) => html`${rows.map(({ key, value }) => html`${key}:${value} `)}${count}`,
      })
    const { sites, module } = await house(false, { register })
    const page = await sharedPage(sites[0], module)
    const others: LivePage[] = []
    for (let time = 0; time < 30; time++) {
      add(page)
      if (time % 10 === 5) others.push(await sharedPage(sites[1], module))
    }
    await settled(page)
    await until('the last change', () => page.text.endsWith(' 30'))
    for (const other of others) await shows(other, page.text)
  })

  describe('an owner in a process of its own', () => {
    /** A process that owns the component, since it is shown there first; and one of this test's, which follows it. */
    async function owned(stored: boolean): Promise<Owned> {
      const { store } = (await redis()) as { store: RedisOptions }
      const options = { secret: SECRET, backplane: store, ...(stored ? { store } : {}) }
      const owner = Child.start(OWNER, { env: { OPTIONS: JSON.stringify(options) } })
      const { port, html } = JSON.parse(await owner.line()) as { port: number; html: string }
      const site = await Site.start(options)
      const module = board(site.loom)
      const url = `ws://127.0.0.1:${port}/loom/ws`
      const page = (to = (): string => url): LivePage => {
        const opened = new LivePage({ url: to, module: module.name, token: tokenIn(html) })
        atEnd(() => {
          opened.end()
        })
        return opened
      }
      return { owner, url, site, module, page }
    }

    test.each([
      ['without a store: pages begin again', false],
      ['with a store: nothing is lost', true],
    ])(
      'that is killed is replaced, %s',
      async (_, stored) => {
        const { owner, url, site, module, page } = await owned(stored)
        let at = url
        const there = page(() => at)
        await until('the page to be live', () => there.isLive)
        const here = await sharedPage(site, module)
        add(there, 3)
        add(here, 4)
        await shows(there, '7 board-7')
        await shows(here, '7 board-7')
        await settled(there)
        await settled(here)
        at = site.url()
        owner.kill('SIGKILL')
        await until('the page to be back', () => there.isLive && there.joins > 1)
        await until('the other page, too', () => here.isLive && here.joins > 1)
        await shows(there, stored ? '7 board-7' : '0 board-7')
        add(there)
        add(here)
        for (const one of [there, here]) await shows(one, stored ? '9 board-7' : '2 board-7')
        expect([there.lost, here.lost]).toEqual([0, 0])
        expect([there.resets, here.resets]).toEqual(stored ? [0, 0] : [1, 1])
      },
      40_000,
    )

    test.each([
      ['without a store', false],
      ['with a store', true],
    ])(
      'that stands still past its lease commits nothing when it goes on, %s',
      async (_, stored) => {
        const { owner, site, module, page } = await owned(stored)
        const there = page()
        await until('the page to be live', () => there.isLive)
        const here = await sharedPage(site, module)
        add(there, 3)
        await shows(there, '3 board-7')
        await shows(here, '3 board-7')
        await settled(there)
        owner.kill('SIGSTOP')
        // The owner finds this in its socket when it goes on.
        add(there, 5)
        await until('the next owner', () => here.isLive && here.joins > 1)
        await shows(here, stored ? '3 board-7' : '0 board-7')
        add(here, 2)
        await shows(here, stored ? '5 board-7' : '2 board-7')
        await settled(here)
        const shown: string[] = []
        there.onChange = () => {
          if (shown.at(-1) !== there.text) shown.push(there.text)
        }
        owner.kill('SIGCONT')
        await until('the page to come to the next owner', () => there.joins > 1 && there.isSettled)
        await settled(there)
        await settled(here)
        await until('both to show the same', () => there.text === here.text)
        // The events of the page that waited are applied once, by the next owner, or are said to be lost.
        const applied = Number(here.text.split(' ')[0]) - (stored ? 5 : 2)
        expect(applied + there.lost).toBe(5)
        // What the first owner has shown was committed: nothing beyond what it had before it stood still.
        expect(shown.filter((text) => /^[678] /.test(text) && !stored)).toEqual([])
        add(there)
        await shows(here, there.text)
      },
      60_000,
    )
  })

  test('if Redis is away, pages stay and events fail and can be made again; then all go on', async () => {
    const server = await RedisServer.start()
    atEnd(() => server.end())
    const options = { backplane: { redis: server.url } }
    const sites = [await Site.start(options), await Site.start(options)] as const
    const [module] = sites.map(({ loom }) => board(loom))
    const pages = [
      await sharedPage(sites[0], module as { name: string }),
      await sharedPage(sites[1], module as { name: string }),
    ]
    for (const page of pages) add(page)
    for (const page of pages) await shows(page, '2 board-7')
    await server.kill()
    const outcomes: string[] = []
    const [page, other] = pages as [LivePage, LivePage]
    page.onAnswer = (_, outcome) => outcomes.push(outcome)
    add(page)
    await until('the event to fail', () => outcomes.length > 0)
    expect(outcomes).toEqual(['failed'])
    expect(page.isLive && other.isLive).toBe(true)
    await server.restart()
    await until('the event to be applied', async () => {
      const before = outcomes.length
      add(page)
      // If another process has begun the component anew meanwhile, what was on its way may be lost, which the page is told.
      const told = page.lost + page.resets
      await until('its fate', () => outcomes.length > before || page.lost + page.resets > told || page.isSettled)
      return outcomes.at(-1) === 'applied'
    })
    await until('both to show the same', () => page.text !== '' && page.text === other.text)
  }, 60_000)
})
