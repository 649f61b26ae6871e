/** Any process takes any page at any time: a component goes where its page goes, and what is removed is removed everywhere. */

import { html, type Loom, type LoomOptions, type Message } from 'loom-live'
import { Child } from '../support/child'
import { atEnd } from '../support/cleanup'
import { LivePage } from '../support/live_page'
import { away, comeBack, pageOf, shows } from '../support/pages'
import { redis, RedisServer, withRedis } from '../support/redis'
import { Site, tokenIn } from '../support/site'
import { FEW } from '../support/two_processes'
import { Gate, until } from '../support/until'

interface RedisOptions {
  redis: string
  prefix: string
}

const STORES = ['without a store', 'with a store'] as const

async function optionsOf(stored: boolean, options: LoomOptions = {}): Promise<LoomOptions> {
  const { store } = (await redis()) as { store: RedisOptions }
  return { backplane: store, ...(stored ? { store } : {}), ...options }
}

/** Processes that have one backplane, each with this module. */
async function house(
  stored: boolean,
  register: (loom: Loom) => { name: string },
  { count = 2, ...options }: LoomOptions & { count?: number } = {},
): Promise<{ sites: [Site, Site, ...Site[]]; name: string }> {
  const all = await optionsOf(stored, options)
  const sites: Site[] = []
  for (let number = 0; number < count; number++) sites.push(await Site.start(all))
  const [name = ''] = sites.map(({ loom }) => register(loom).name)
  return { sites: sites as [Site, Site, ...Site[]], name }
}

/** A page that can be sent to another process. */
async function travelling(sites: readonly Site[], name: string): Promise<{ page: LivePage; to: (at: number) => void }> {
  let at = 0
  const page = await pageOf(sites[0] as Site, name, () => (sites[at] as Site).url())
  return {
    page,
    to: (next) => {
      at = next
    },
  }
}

const settled = (page: LivePage): Promise<unknown> => until('all answers', () => page.isSettled)

/** What each handler has done, in whatever process: an event's id for each time. */
type Done = string[]

/** Counts, in many ways. */
const tally =
  (done: Done, gate?: { promise: Promise<void> }, rung: Loom[] = []) =>
  (loom: Loom) =>
    loom.register('tally', {
      props: { count: 0, ticks: 0 },
      handle: {
        add(props, { id }) {
          done.push(id)
          return { ...props, count: props.count + 1 }
        },
        async slow(props, { id }) {
          done.push(id)
          await gate?.promise
          return { ...props, count: props.count + 100 }
        },
        boom() {
          throw new Error('boom')
        },
        clock(props, _, ctx) {
          ctx.every('tick', 50)
          return { ...props }
        },
        push(props, { value }, ctx) {
          ctx.push('told', value)
          return { ...props, count: props.count + 1 }
        },
      },
      receive: {
        tick(props) {
          rung.push(loom)
          return { ...props, ticks: props.ticks + 1 }
        },
      },
      render: ({ count, ticks }) => html`${count} ${ticks > 0 ? 'ticks' : ''}`,
    })

/** Runs the tally in a process of its own. */
const CHILD = `
const { createServer } = require('node:http')
const { createLoom, html } = require('loom-live')
const loom = createLoom({ secret: 'a secret of at least thirty-two bytes', ...JSON.parse(process.env.OPTIONS) })
const module_ = loom.register('tally', {
  props: { count: 0, ticks: 0 },
  async connected(_, ctx) { await ctx.subscribe('news', 'got') },
  handle: {
    add: (props) => ({ ...props, count: props.count + 1 }),
    clock(props, _, ctx) { ctx.every('tick', 50); return { ...props } },
  },
  receive: { tick: (props) => ({ ...props, ticks: props.ticks + 1 }), got: (props) => props },
  render: ({ count, ticks }) => html\`\${count} \${ticks > 0 ? 'ticks' : ''}\`,
})
const server = createServer()
loom.attach(server)
server.listen(0, '127.0.0.1', async () => {
  const page = await loom.mount(module_)
  console.log(JSON.stringify({ port: server.address().port, page: String(page) }))
})
process.stdin.on('data', () => console.log(JSON.stringify(loom.stats())))
`

withRedis('a page that comes to another process', () => {
  describe.each(STORES)('%s', (kind) => {
    const stored = kind === 'with a store'

    test('goes on where it was, however often it is sent elsewhere: nothing is lost, and each event counts once', async () => {
      const done: Done = []
      const { sites, name } = await house(stored, tally(done), { count: 3, limits: FEW })
      const { page, to } = await travelling(sites, name)
      for (let round = 1; round <= 30; round++) {
        page.event('add')
        // Sometimes the answer has come, and sometimes it has not.
        if (round % 3 === 0) await settled(page)
        if (round % 2 === 0) {
          to(round % 3)
          page.cut()
        }
      }
      await shows(page, '30 ')
      await settled(page)
      expect(done.length).toBe(30)
      expect(new Set(done).size).toBe(30)
      expect([page.resets, page.lost]).toEqual([0, 0])
      await until('one component', () => sites.reduce((sum, { loom }) => sum + loom.stats().components, 0) === 1)
      for (const { log } of sites) expect(log.all).toBe('')
    })

    test('has its timer there, which rings there only, and what the component was told is not lost', async () => {
      const rung: Loom[] = []
      const { sites, name } = await house(stored, tally([], undefined, rung), { limits: FEW })
      const { page, to } = await travelling(sites, name)
      page.event('clock')
      await shows(page, '0 ticks')
      await away(sites[0], page)
      to(1)
      comeBack(page)
      const ringsIn = (site: Site): number => rung.filter((loom) => loom === site.loom).length
      const before = ringsIn(sites[0])
      await until('the timer to ring there', () => ringsIn(sites[1]) >= 3)
      // What it has counted is there, too.
      expect(page.text).toBe('0 ticks')
      expect([page.resets, ringsIn(sites[0]), sites[0].loom.stats().components]).toEqual([0, before, 0])
    })

    test('is not handled again what is handled while the page is on its way', async () => {
      const done: Done = []
      const gate = new Gate()
      const { sites, name } = await house(stored, tally(done, gate), { limits: FEW })
      const { page, to } = await travelling(sites, name)
      page.event('add')
      page.event('slow')
      page.event('add')
      await until('the slow handler to run', () => done.length === 2)
      to(1)
      page.cut()
      await until('the page to be in the other process', () => sites[1].loom.stats().connections === 1)
      gate.open()
      await shows(page, '102 ')
      await settled(page)
      expect([done.length, new Set(done).size]).toEqual([3, 3])
      expect([page.resets, page.lost]).toEqual([0, 0])
    })

    test('is told there what failed and what was pushed while it was away', async () => {
      const gate = new Gate()
      const done: Done = []
      const { sites, name } = await house(stored, tally(done, gate), { limits: FEW })
      const { page, to } = await travelling(sites, name)
      const outcomes: string[] = []
      page.onAnswer = ({ handler }, outcome) => outcomes.push(`${handler} ${outcome}`)
      page.event('slow')
      page.event('push', 'a')
      page.event('boom')
      page.event('push', 'b')
      await until('the slow handler to run', () => done.length === 1)
      await away(sites[0], page)
      gate.open()
      await until('all to be handled', () => sites[0].loom.stats().events === 3 && sites[0].loom.stats().errors === 1)
      to(1)
      comeBack(page)
      await shows(page, '102 ')
      await settled(page)
      expect(page.pushes).toEqual([
        ['told', 'a'],
        ['told', 'b'],
      ])
      expect(outcomes).toEqual(['slow applied', 'push applied', 'boom failed', 'push applied'])
      expect([page.resets, page.lost]).toEqual([0, 0])
    })

    test('loses nothing if the process before closes, whether the page is there or away', async () => {
      const done: Done = []
      const gate = new Gate()
      const { sites, name } = await house(stored, tally(done, gate), { limits: FEW })
      const [there, gone] = [await travelling(sites, name), await travelling(sites, name)]
      gone.page.event('slow')
      gone.page.event('add')
      await until('the slow handler to run', () => done.length === 1)
      await away(sites[0], gone.page)
      gate.open()
      await until('all to be handled', () => sites[0].loom.stats().events === 2)
      for (let click = 0; click < 5; click++) there.page.event('add')
      there.to(1)
      gone.to(1)
      await sites[0].loom.close()
      comeBack(gone.page)
      await shows(gone.page, '101 ')
      await shows(there.page, '5 ')
      await settled(there.page)
      await settled(gone.page)
      expect([done.length, new Set(done).size]).toEqual([7, 7])
      for (const { page } of [there, gone]) expect([page.resets, page.lost]).toEqual([0, 0])
      expect(sites[1].loom.stats().components).toBe(2)
    })

    test('goes on from what it has if the other process stands still, which ends its component when it goes on', async () => {
      const options = await optionsOf(stored, { limits: FEW })
      const child = Child.start(CHILD, { env: { OPTIONS: JSON.stringify(options) } })
      const { port, page: mounted } = JSON.parse(await child.line()) as { port: number; page: string }
      const site = await Site.start(options)
      const done: Done = []
      tally(done)(site.loom)
      const there = `ws://127.0.0.1:${port}/loom/ws`
      let url = there
      const page = new LivePage({ url: () => url, module: 'tally', token: tokenIn(mounted) })
      atEnd(() => {
        page.end()
      })
      const stats = async (): Promise<{ components: number; parked: number }> => {
        child.tell('stats\n')
        return JSON.parse(await child.line()) as { components: number; parked: number }
      }
      await until('the page to be live', () => page.isLive)
      page.event('add')
      page.event('clock')
      await shows(page, '1 ticks')
      await settled(page)
      child.kill('SIGSTOP')
      url = site.url()
      page.cut()
      page.event('add')
      await shows(page, '2 ticks')
      await settled(page)
      expect(page.lost).toBe(0)
      child.kill('SIGCONT')
      await until('the other process to end its component', async () => (await stats()).components === 0)
      page.event('add')
      await shows(page, '3 ticks')
      // And back again.
      url = there
      page.cut()
      page.event('add')
      await shows(page, '4 ticks')
      await settled(page)
      expect(page.lost).toBe(0)
      await until('the component to be there', async () => (await stats()).components === 1)
      await until('and not here', () => site.loom.stats().components === 0)
    })

    test('loses no click while one process after the other is replaced', async () => {
      const options = await optionsOf(stored, { limits: FEW })
      const done: Done = []
      const start = async (): Promise<Site> => {
        const site = await Site.start(options)
        tally(done)(site.loom)
        return site
      }
      const sites = [await start(), await start(), await start()]
      const pages: LivePage[] = []
      let turn = 0
      for (let number = 0; number < 12; number++) {
        const site = sites[number % 3] as Site
        const token = await site.token('tally')
        // Each connection goes to the next process, as behind a balancer that goes round.
        const page = new LivePage({
          url: () => (sites[turn++ % sites.length] as Site).url(),
          module: 'tally',
          token,
        })
        atEnd(() => {
          page.end()
        })
        pages.push(page)
      }
      let clicks = 0
      const click = setInterval(() => {
        clicks += 1
        for (const page of pages) page.event('add')
      }, 20)
      atEnd(() => {
        clearInterval(click)
      })
      for (let round = 0; round < 3; round++) {
        const before = clicks
        await until('some clicks', () => clicks > before + 5)
        const old = sites.shift() as Site
        sites.push(await start())
        await old.loom.close()
        await until('all pages to be live', () => pages.every((page) => page.isLive))
      }
      clearInterval(click)
      for (const page of pages) await settled(page)
      expect(pages.map(({ text }) => text)).toEqual(pages.map(() => `${clicks} `))
      expect(pages.map(({ resets, lost }) => resets + lost)).toEqual(pages.map(() => 0))
      expect([done.length, new Set(done).size]).toEqual([12 * clicks, 12 * clicks])
      // Before the processes close to which they would come back.
      for (const page of pages) page.end()
    })
  })
})

/** Shows what it got of a topic; who may see it is asked. */
const reader =
  (may: { see: boolean }, asked: string[] = []) =>
  (loom: Loom) =>
    loom.register('reader', {
      props: { got: [] as unknown[] },
      authorize({ topics }, event) {
        if (event === undefined) asked.push(topics.join())
        return may.see
      },
      async connected(_, ctx) {
        if (!ctx.revived) await ctx.subscribe('room', 'arrived')
      },
      handle: {},
      receive: { arrived: ({ got }, { data, gap }: Message) => ({ got: [...got, gap ? 'gap' : data] }) },
      render: ({ got }) => html`${got.join(' ')}`,
    })

withRedis('what is removed in one process', () => {
  test('is taken out of the topic in all others, shown or waiting', async () => {
    const { sites, name } = await house(false, reader({ see: true }))
    const [here, there, waiting] = [
      await pageOf(sites[0], name),
      await pageOf(sites[1], name),
      await pageOf(sites[1], name),
    ]
    await away(sites[1], waiting)
    await sites[0].loom.publish('room', 1)
    await shows(here, '1')
    await shows(there, '1')
    // So many in this process.
    expect(sites[0].loom.unsubscribe('room', {})).toBe(1)
    const checkpoint = there.memory.checkpoint
    await until('the other page to have a checkpoint without it', () => there.memory.checkpoint !== checkpoint)
    await sites[0].loom.publish('room', 2)
    comeBack(waiting)
    await until('the page that waited to be back', () => waiting.isLive)
    await sites[1].loom.publish('room', 3)
    const control = await pageOf(sites[1], name)
    await sites[1].loom.publish('room', 4)
    await shows(control, '4')
    expect([here.text, there.text]).toEqual(['1', '1'])
    expect(['', '1']).toContain(waiting.text)
  })

  test('ends in all others by topic, and its pages are asked about again', async () => {
    const may = { see: true }
    const asked: string[] = []
    const { sites, name } = await house(false, reader(may, asked))
    const page = await pageOf(sites[1], name)
    may.see = false
    const { length } = asked
    expect(sites[0].loom.disconnect({ topic: 'room' })).toBe(0)
    await until('the component to end', () => page.refused?.[1] === 'busy')
    page.cut()
    await until('the page to be refused', () => page.refused?.[0] === 'Not allowed')
    expect(asked.slice(length)).toEqual(['room'])
    await until('the component to end', () => sites[1].loom.stats().components === 0)
  })

  test('has its connections closed in all others, those that wait for bind too', async () => {
    const gate = new Gate()
    let binds = 0
    const bind = async ({ headers }: { headers: Record<string, string | undefined> }): Promise<string> => {
      if (headers['x-slow'] !== undefined && ++binds === 1) await gate.promise
      return headers['x-user'] ?? ''
    }
    const { sites } = await house(false, tally([]), { bind: bind as never })
    const headers = { 'x-user': 'ann' }
    const client = await sites[1].connect({ headers })
    const other = await sites[1].connect({ headers: { 'x-user': 'ben' } })
    const late = sites[1].connect({ headers: { ...headers, 'x-slow': '1' } })
    const refused = expect(late).rejects.toThrow()
    await until('the upgrade to wait', () => binds === 1)
    expect(sites[0].loom.disconnect({ bind: 'ann' })).toBe(0)
    expect(await client.closeCode()).toBe(1008)
    gate.open()
    await refused
    expect(sites[1].loom.stats().connections).toBe(1)
    await other.close()
  })

  test('is removed in all others when Redis is back, if it is away', async () => {
    const server = await RedisServer.start()
    atEnd(() => server.end())
    const options = { backplane: { redis: server.url, prefix: 'removed:' } }
    const sites = [await Site.start(options), await Site.start(options)] as const
    const [{ name }] = sites.map(({ loom }) => reader({ see: true })(loom)) as [{ name: string }]
    const page = await pageOf(sites[1], name)
    const { joins } = page
    await server.kill()
    sites[0].loom.disconnect({ topic: 'room' })
    // Empty: also if it has been said before the other process hears again.
    await server.restart()
    await until('the component to end', () => page.refused !== undefined)
    expect([page.refused?.[1], page.joins]).toEqual(['busy', joins])
  })

  test('and missed is no open door: authorize is asked again about what is shown', async () => {
    const server = await RedisServer.start()
    atEnd(() => server.end())
    const may = { see: true }
    const options = { backplane: { redis: server.url, prefix: 'missed:' } }
    const site = await Site.start(options)
    const page = await pageOf(site, reader(may)(site.loom).name)
    may.see = false
    // Empty: what was said meanwhile is gone with it, and nobody knows what that was.
    await server.restart()
    await until('the page to be refused', () => page.refused !== undefined)
    await until('the component to end', () => site.loom.stats().components === 0)
  })
})
