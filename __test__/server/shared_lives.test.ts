/** How long a shared component lives, and what outlives it: its state in a store, the numbers of its viewers. */

import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { IncomingMessage } from 'node:http'
import { html, type Loom } from 'loom-live'
import { Barrier } from '../support/barrier'
import { atEnd } from '../support/cleanup'
import { LivePage } from '../support/live_page'
import { comeBack, gone, shows } from '../support/pages'
import { board, KEY, openShared, settled, sharedPage, sharedToken } from '../support/shared'
import { Site, type SiteOptions, tokenIn } from '../support/site'
import { until, untilAllIsDone } from '../support/until'

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

let files = 0

/** A file for a store, which is deleted when the test ends. */
function storeFile(): string {
  const file = join(tmpdir(), `loom-live-shared-${process.pid}-${++files}.sqlite`)
  atEnd(() => {
    for (const end of ['', '-wal', '-shm']) rmSync(file + end, { force: true })
  })
  return file
}

/** A page whose server changes: what `site` is at the time counts. */
async function movingPage(sites: { now: Site }, module: { name: string }): Promise<LivePage> {
  return sharedPage(sites.now, module, { url: () => sites.now.url() })
}

test('one that was mounted and that no page joins lives for mountTime', async () => {
  const site = await Site.start({ limits: { mountTime: 400, parkTime: 60_000 } })
  const seen = { renders: 0, mounts: [] as string[] }
  const module = board(site.loom, seen)
  await site.loom.mount(module, {}, { shared: KEY })
  await site.loom.mount(module, {}, { shared: KEY })
  expect(site.loom.stats().components).toBe(1)
  expect(seen.renders).toBe(1)
  await until('its end', () => site.loom.stats().components === 0)
  await site.loom.mount(module, {}, { shared: KEY })
  expect(seen.mounts).toEqual([KEY, KEY])
})

test('it lives while a page shows it, and parkTime longer', async () => {
  const site = await Site.start({ limits: { mountTime: 1, parkTime: 2_000 } })
  const module = board(site.loom)
  const page = await sharedPage(site, module)
  page.event('add')
  await shows(page, '1 board-7')
  await pause(100)
  page.end()
  await until('the page to be gone', () => site.loom.stats().connections === 0)
  const next = await sharedPage(site, module)
  expect(next.text).toBe('1 board-7')
  next.end()
  await until('its end', () => site.loom.stats().components === 0)
  const last = await sharedPage(site, module)
  expect(last.text).toBe('0 board-7')
})

test('a page whose last other page leaves while it is rendered finds the component', async () => {
  const site = await Site.start({ limits: { mountTime: 5_000, parkTime: 0 } })
  const module = board(site.loom)
  // The first page that leaves would end it, if nobody else had asked for it.
  for (let round = 1; round <= 20; round++) {
    const page = await sharedPage(site, module)
    page.event('add')
    await settled(page)
    const mounting = site.loom.mount(module, {}, { shared: KEY })
    page.end()
    const token = tokenIn(await mounting)
    const next = new LivePage({ url: () => site.url(), module: 'board', token })
    await until('the page to be live', () => next.isLive)
    expect(next.text).toBe(`${round} board-7`)
    next.end()
  }
})

test('a page whose connection is cut goes on with what it has missed, and its events count once', async () => {
  const site = await Site.start()
  const module = board(site.loom)
  const [page, other] = [await sharedPage(site, module), await sharedPage(site, module)]
  for (let count = 1; count <= 200; count++) {
    page.event('add')
    other.event('add')
    if (count % 20 === 0) page.cut()
    if (count % 7 === 0) await pause(5)
  }
  await Promise.all([settled(page), settled(other)])
  await Promise.all([shows(page, '400 board-7'), shows(other, '400 board-7')])
  expect(page.lost + page.resets).toBe(0)
  expect(site.loom.stats().components).toBe(1)
})

test('each event of twenty pages counts once, whatever is cut, and all show the same in the end', async () => {
  const site = await Site.start({ limits: { eventBurst: 10_000, queuedEvents: 1_000 } })
  const module = site.loom.register('board', {
    props: { count: 0, said: '' },
    handle: {
      add: ({ count, said }) => ({ count: count + 1, said }),
      say: ({ count }, { value = '' }) => ({ count: count + 1, said: value }),
      nothing: (props) => props,
      boom() {
        throw new Error('boom')
      },
    },
    render: ({ count, said }) => html`${count} ${said}`,
  })
  const pages = await Promise.all(Array.from({ length: 20 }, () => sharedPage(site, module)))
  let applied = 0
  const outcomes = new Map<object, string>()
  for (const page of pages) {
    page.retry = () => Math.random() * 30
    page.onAnswer = (sent, outcome) => {
      expect(outcomes.get(sent)).toBeUndefined()
      outcomes.set(sent, outcome)
      const { handler } = sent
      expect(outcome).toBe(handler === 'boom' ? 'failed' : 'applied')
      if (handler === 'add' || handler === 'say') applied++
    }
  }
  const any = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)] as T
  for (let round = 0; round < 3_000; round++) {
    const page = any(pages)
    const handler = any(['add', 'add', 'say', 'nothing', 'boom'])
    page.event(handler, handler === 'say' ? 'x'.repeat(Math.random() * 300) : undefined)
    if (Math.random() < 0.03) any(pages).cut()
    if (round % 10 === 0) await pause(1)
  }
  await untilAllIsDone(
    'the answers',
    () => pages.every(({ isSettled }) => isSettled),
    () => outcomes.size,
  )
  expect(outcomes.size).toBe(3_000)
  const [first] = pages as [LivePage]
  await until('all to show all', () => pages.every(({ text }) => text === first.text && text.startsWith(`${applied} `)))
  expect(pages.every(({ lost, resets }) => lost + resets === 0)).toBe(true)
}, 300_000)

test('a page that missed little gets the changes, and one that missed much the whole tree', async () => {
  const site = await Site.start({ limits: { patchRate: 1000 } })
  const module = board(site.loom)
  const [page, other] = [await sharedPage(site, module), await sharedPage(site, module)]
  const misses = async (texts: string[]): Promise<void> => {
    await gone(site, page)
    for (const text of texts) {
      other.event('say', text)
      await settled(other)
    }
    comeBack(page)
    await until('the page to be back', () => page.isLive)
  }
  await misses(['a', 'b'])
  await shows(page, '0 b')
  expect([page.joins, page.resumes]).toEqual([1, 1])
  await misses(Array.from({ length: 60 }, (_, at) => `${'x'.repeat(100)}${at}`))
  await shows(page, `0 ${'x'.repeat(100)}59`)
  expect([page.joins, page.resumes, page.resets]).toEqual([2, 1, 0])
})

test('a failure that a page has missed is told when it is back, and what was applied is not applied again', async () => {
  const site = await Site.start()
  const barrier = new Barrier()
  const module = site.loom.register('slow', {
    props: { count: 0 },
    handle: {
      async add({ count }) {
        await barrier.wait()
        return { count: count + 1 }
      },
      boom() {
        throw new Error('boom')
      },
    },
    render: ({ count }) => html`${count}`,
  })
  const page = await sharedPage(site, module)
  const outcomes: string[] = []
  page.onAnswer = (_, outcome) => outcomes.push(outcome)
  page.event('add')
  page.event('boom')
  await barrier.reached()
  await gone(site, page)
  barrier.open()
  await until('the events', () => site.loom.stats().errors === 1)
  comeBack(page)
  await shows(page, '1')
  await settled(page)
  expect(outcomes).toEqual(['applied', 'failed'])
  expect(page.lost).toBe(0)
})

test.each(['before', 'after'])(
  'an event counts once, if it is handled while its viewer is forgotten and done %s the page is back',
  async (when) => {
    const site = await Site.start({ limits: { parkTime: 30 } })
    const barrier = new Barrier()
    let handled = 0
    const module = site.loom.register('slow', {
      props: { count: 0 },
      handle: {
        async add({ count }) {
          handled += 1
          if (handled === 1) await barrier.wait()
          return { count: count + 1 }
        },
      },
      receive: { viewers: (props) => props },
      render: ({ count }) => html`${count}`,
    })
    // Keeps the component alive.
    const other = await sharedPage(site, module)
    const page = await sharedPage(site, module)
    const outcomes: string[] = []
    page.onAnswer = (_, outcome) => outcomes.push(outcome)
    page.event('add')
    await barrier.reached()
    await gone(site, page)
    // Longer than a page may be away.
    await pause(300)
    if (when === 'after') {
      comeBack(page)
      await until('the page to be back', () => page.isLive)
    }
    barrier.open()
    await shows(other, '1')
    if (when === 'before') comeBack(page)
    await settled(page)
    page.event('add')
    await settled(page)
    await Promise.all([shows(page, '2'), shows(other, '2')])
    expect([handled, outcomes, page.lost]).toEqual([2, ['applied', 'applied'], 0])
  },
)

test('a page that is back within parkTime is let in, however long authorize takes', async () => {
  const site = await Site.start({ limits: { parkTime: 1_000 } })
  const barrier = new Barrier()
  let isSlow = false
  const module = site.loom.register('slow', {
    props: { count: 0 },
    async authorize(_, event) {
      if (isSlow && event === undefined) await barrier.wait()
      return true
    },
    handle: { add: ({ count }) => ({ count: count + 1 }) },
    render: ({ count }) => html`${count}`,
  })
  const [page, other] = [await sharedPage(site, module), await sharedPage(site, module)]
  page.event('add')
  await settled(page)
  isSlow = true
  page.cut()
  await until('authorize to be asked', () => barrier.isReached)
  // Longer than a page may be away.
  await pause(1_500)
  other.event('add')
  await shows(other, '2')
  barrier.open()
  await shows(page, '2')
  page.event('add')
  await Promise.all([settled(page), shows(page, '3'), shows(other, '3')])
  // Nor does the time of its absence end it later.
  await pause(1_500)
  page.event('add')
  await Promise.all([settled(page), shows(page, '4'), shows(other, '4')])
  expect([page.lost, page.resets, page.closedWith.length]).toEqual([0, 0, 1])
})

test('an event whose number had to make room for others is told as lost, and does not count twice', async () => {
  const site = await Site.start({ limits: { parkTime: 30, viewers: 3 } })
  const barrier = new Barrier()
  let handled = 0
  const module = site.loom.register('slow', {
    props: { count: 0 },
    handle: {
      async add({ count }) {
        handled += 1
        if (handled === 1) await barrier.wait()
        return { count: count + 1 }
      },
    },
    render: ({ count }) => html`${count}`,
  })
  // Keeps the component alive.
  const other = await sharedPage(site, module)
  const page = await sharedPage(site, module)
  page.event('add')
  await barrier.reached()
  await gone(site, page)
  await pause(100)
  barrier.open()
  await shows(other, '1')
  for (let count = 2; count < 7; count++) {
    const guest = await sharedPage(site, module)
    guest.event('add')
    await settled(guest)
    guest.end()
    await until('the guest to be gone', () => site.loom.stats().connections === 1)
    await pause(50)
  }
  await shows(other, '6')
  comeBack(page)
  await until('the page to be live', () => page.isLive)
  page.event('add')
  await settled(page)
  await Promise.all([shows(page, '7'), shows(other, '7')])
  expect([page.lost, page.resets]).toEqual([1, 0])
})

test('events from a ticket whose viewer is forgotten are not applied, and are told as lost', async () => {
  const site = await Site.start({ limits: { parkTime: 30, eventAge: 30 } })
  const barrier = new Barrier()
  const module = site.loom.register('slow', {
    props: { count: 0 },
    handle: {
      async add({ count }) {
        await barrier.wait()
        return { count: count + 1 }
      },
    },
    render: ({ count }) => html`${count}`,
  })
  // Keeps the component alive.
  await sharedPage(site, module)
  const page = await sharedPage(site, module)
  page.event('add')
  await barrier.reached()
  // A ticket is as old as it says in whole seconds.
  await pause(1_100)
  await gone(site, page)
  barrier.open()
  // Longer than a page may be away.
  await pause(300)
  comeBack(page)
  await shows(page, '1')
  await until('the page to be live', () => page.isLive)
  expect([page.lost, page.resets, page.joins]).toEqual([1, 0, 2])
  await pause(50)
  expect(page.text).toBe('1')
})

test('without a store, after a crash pages are told loom:reset and see what mount loads', async () => {
  const sites = [await Site.start(), await Site.start()] as const
  const module = board(sites[0].loom)
  board(sites[1].loom)
  const now = { now: sites[0] as Site }
  const page = await movingPage(now, module)
  page.event('add')
  await shows(page, '1 board-7')
  now.now = sites[1]
  page.cut()
  await until('the page to be back', () => page.joins === 2 && page.isLive)
  expect(page.resets).toBe(1)
  expect(page.text).toBe('0 board-7')
  page.event('add')
  await shows(page, '1 board-7')
})

test('with a store its state outlives the process, and each event counts once', async () => {
  const file = storeFile()
  const options: SiteOptions = { store: { sqlite: file } }
  const first = await Site.start(options)
  const module = board(first.loom)
  const now = { now: first }
  const [page, other] = [await movingPage(now, module), await movingPage(now, module)]
  for (let count = 0; count < 20; count++) for (const one of [page, other]) one.event('add')
  await until('some answers', () => page.seen > 3)
  // The process is gone in the middle of it.
  const killed = first.loom.close({ timeout: 0 })
  const second = await Site.start(options)
  board(second.loom)
  now.now = second
  await killed
  await Promise.all([shows(page, '40 board-7'), shows(other, '40 board-7')])
  await Promise.all([settled(page), settled(other)])
  expect([page.resets, page.lost, other.resets, other.lost]).toEqual([0, 0, 0, 0])
  // Nobody has to have been there: the state is the key's.
  const later = await sharedPage(second, module)
  expect(later.text).toBe('40 board-7')
  // Before their server, which was started after them.
  for (const one of [page, other]) one.end()
})

test('without a store, what had no answer when the process was killed is told as lost', async () => {
  const sites = [await Site.start(), await Site.start()] as const
  const barrier = new Barrier()
  const register = ({ loom }: Site): { name: string } =>
    loom.register('slow', {
      props: { count: 0 },
      handle: {
        add: ({ count }) => ({ count: count + 1 }),
        async wait({ count }) {
          await barrier.wait()
          return { count: count + 1 }
        },
      },
      render: ({ count }) => html`${count}`,
    })
  const module = register(sites[0])
  register(sites[1])
  const now = { now: sites[0] as Site }
  const page = await movingPage(now, module)
  page.event('add')
  await shows(page, '1')
  page.event('wait')
  page.event('add')
  await barrier.reached()
  now.now = sites[1]
  page.cut()
  await until('the page to be back', () => page.joins === 2 && page.isLive)
  await settled(page)
  expect([page.resets, page.lost, page.text]).toEqual([1, 2, '0'])
  barrier.open()
  page.event('add')
  await shows(page, '1')
})

test('with a store the number of a page that is away for longer than parkTime is known to the next process', async () => {
  const options: SiteOptions = { store: { sqlite: storeFile() }, limits: { parkTime: 50 } }
  const barrier = new Barrier()
  let handled = 0
  const register = ({ loom }: Site): { name: string } =>
    loom.register('slow', {
      props: { count: 0 },
      handle: {
        async add({ count }) {
          handled += 1
          if (handled === 1) await barrier.wait()
          return { count: count + 1 }
        },
      },
      render: ({ count }) => html`${count}`,
    })
  const first = await Site.start(options)
  const module = register(first)
  const now = { now: first }
  const [page, other] = [await movingPage(now, module), await movingPage(now, module)]
  const outcomes: string[] = []
  page.onAnswer = (_, outcome) => outcomes.push(outcome)
  page.event('add')
  await barrier.reached()
  await gone(first, page)
  barrier.open()
  await shows(other, '1')
  // Its viewer has left, and the other page goes on.
  await pause(300)
  other.event('add')
  await shows(other, '2')
  const second = await Site.start(options)
  register(second)
  now.now = second
  await first.loom.close({ timeout: 0 })
  comeBack(page)
  await shows(page, '2')
  await settled(page)
  page.event('add')
  await shows(page, '3')
  expect([handled, outcomes, page.lost, page.resets]).toEqual([3, ['applied', 'applied'], 0, 0])
  for (const one of [page, other]) one.end()
})

test('with a store a page shows what the next process renders, and its changes fit to that', async () => {
  const options: SiteOptions = { store: { sqlite: storeFile() } }
  const version = (loom: Loom, name: string): { name: string } =>
    loom.register('versions', {
      props: { count: 0 },
      handle: { add: ({ count }) => ({ count: count + 1 }) },
      render: ({ count }) => (name === 'old' ? html`<i>old</i> ${count}` : html`${count} <b>${name}</b>`),
    })
  const first = await Site.start(options)
  const module = version(first.loom, 'old')
  const now = { now: first }
  const page = await movingPage(now, module)
  page.event('add')
  await shows(page, '<i>old</i> 1')
  // Nothing waits and nothing was missed: the page is at the revision that the next process begins with.
  await settled(page)
  const second = await Site.start(options)
  version(second.loom, 'new')
  now.now = second
  await first.loom.close({ timeout: 0 })
  await shows(page, '1 <b>new</b>')
  page.event('add')
  await shows(page, '2 <b>new</b>')
  expect([page.resets, page.lost]).toEqual([0, 0])
})

test('its state in a store goes on when the secret is replaced', async () => {
  const file = storeFile()
  const [old, young] = ['o'.repeat(32), 'y'.repeat(32)]
  const state = async (secret: string[], events: number): Promise<string> => {
    const site = await Site.start({ store: { sqlite: file }, secret })
    const module = board(site.loom)
    const page = await sharedPage(site, module)
    for (let count = 0; count < events; count++) page.event('add')
    await settled(page)
    await until('the changes', () => page.text !== '')
    const { text } = page
    page.end()
    await site.loom.close()
    return text
  }
  await state([old], 2)
  expect(await state([young, old], 0)).toBe('2 board-7')
  await state([young, old], 1)
  expect(await state([young], 0)).toBe('3 board-7')
})

test('private props never reach the store, and mount loads them again', async () => {
  const file = storeFile()
  const register = (loom: Loom): { name: string } =>
    loom.register('secretive', {
      props: { count: 0, secret: '' },
      private: ['secret'],
      mount: (_, ctx) => ({ secret: `loaded ${ctx.key}` }),
      handle: { add: (props) => ({ ...props, count: props.count + 1 }) },
      render: ({ count, secret }) => html`${count} ${secret}`,
    })
  for (const expected of ['0', '1']) {
    const site = await Site.start({ store: { sqlite: file } })
    const page = await sharedPage(site, register(site.loom))
    expect(page.text).toBe(`${expected} loaded board-7`)
    page.event('add')
    await settled(page)
    page.end()
    await site.loom.close()
  }
})

test('limits.shared bounds them in all, and sharedPerAddress by who starts them', async () => {
  const site = await Site.start({ limits: { shared: 4, sharedPerAddress: 2, mountTime: 60_000 } })
  const module = board(site.loom)
  const mount = (key: string, address: string): Promise<string> => {
    const request = { headers: {}, url: '/', socket: { remoteAddress: address } } as unknown as IncomingMessage
    return site.loom.mount(module, {}, { shared: key, request })
  }
  const tooMany = /too many shared components live \(limits.shared is 4, sharedPerAddress 2\)/
  await mount('a', '10.0.0.1')
  await mount('b', '10.0.0.1')
  await expect(mount('c', '10.0.0.1')).rejects.toMatchObject({ code: 'LOOM_START' })
  await expect(mount('c', '10.0.0.1')).rejects.toThrow(tooMany)
  // One that lives can be mounted by anybody.
  await mount('a', '10.0.0.2')
  await mount('c', '10.0.0.2')
  await mount('d', '10.0.0.2')
  await expect(mount('e', '10.0.0.3')).rejects.toThrow(tooMany)
  expect(site.loom.stats().components).toBe(4)
})

test('if there are too many viewers, one that is away gives way, or one of the address that has most', async () => {
  const site = await Site.start({ limits: { viewers: 3 }, trustProxy: true })
  const module = board(site.loom)
  const from = (address: string): Promise<LivePage> =>
    openShared(site, module, { socket: { headers: { 'x-forwarded-for': address } }, retry: () => 60_000 })
  const live = (page: LivePage): Promise<unknown> => until('the page to be live', () => page.isLive)
  const pages = await Promise.all(['10.0.0.1', '10.0.0.1', '10.0.0.1'].map(from))
  await Promise.all(pages.map(live))
  const other = await from('10.0.0.2')
  await live(other)
  await until('a refusal', () => pages.filter((page) => page.refused?.[1] === 'busy').length === 1)
  // Two to one: the next of either has no more right to be here than these.
  const third = await from('10.0.0.2')
  await until('the refusal', () => third.refused)
  other.cut()
  await until('the page to be gone', () => site.loom.stats().connections === 4)
  const next = await from('10.0.0.3')
  await live(next)
  expect(pages.filter((page) => page.refused === undefined)).toHaveLength(2)
})

test('a page that gave way while it was away comes back with its number: nothing is lost, and nothing counts twice', async () => {
  const site = await Site.start({ limits: { viewers: 2 } })
  const module = board(site.loom)
  const [page, other] = [await sharedPage(site, module), await sharedPage(site, module)]
  const outcomes: string[] = []
  page.onAnswer = (_, outcome) => outcomes.push(outcome)
  page.event('add')
  await settled(page)
  await gone(site, page)
  // Its events wait in the page.
  page.event('add')
  const third = await sharedPage(site, module)
  other.end()
  await until('the other page to be gone', () => site.loom.stats().connections === 1)
  comeBack(page)
  await until('the page to be back', () => page.isLive && page.isSettled)
  await Promise.all([shows(page, `2 ${KEY}`), shows(third, `2 ${KEY}`)])
  expect([outcomes, page.lost]).toEqual([['applied', 'applied'], 0])
})

test('viewers of one component are bounded, and one more comes back later', async () => {
  const site = await Site.start({ limits: { viewers: 2, parkTime: 0 } })
  const module = board(site.loom)
  const first = await sharedPage(site, module)
  await sharedPage(site, module)
  const third = await openShared(site, module)
  await until('the refusal', () => third.refused)
  expect(third.refused).toEqual(['The server is busy.', 'busy'])
  first.end()
  await until('the page to be gone', () => site.loom.stats().connections === 2)
  third.cut()
  await until('the page to be live', () => third.isLive)
})

test('close answers what waits, and pages come back to the next process', async () => {
  const sites = [await Site.start(), await Site.start()] as const
  const barrier = new Barrier()
  const register = ({ loom }: Site): { name: string } =>
    loom.register('slow', {
      props: { count: 0 },
      handle: {
        async add({ count }) {
          await barrier.wait()
          return { count: count + 1 }
        },
      },
      render: ({ count }) => html`${count}`,
    })
  const module = register(sites[0])
  register(sites[1])
  const now = { now: sites[0] as Site }
  const [page, other] = [await movingPage(now, module), await movingPage(now, module)]
  const outcomes: string[] = []
  page.onAnswer = (_, outcome) => outcomes.push(outcome)
  page.event('add')
  await barrier.reached()
  const closed = sites[0].loom.close()
  now.now = sites[1]
  await pause(50)
  barrier.open()
  await closed
  expect(outcomes).toEqual(['applied'])
  expect(page.text).toBe('1')
  await until('both to be back', () => page.joins === 2 && other.joins === 2)
  expect([page.closedWith, other.closedWith]).toEqual([[1012], [1012]])
})

test('nothing is left of a closed loom that had shared components', async () => {
  const site = await Site.start()
  const module = board(site.loom)
  const page = await sharedPage(site, module)
  await site.loom.mount(module, {}, { shared: 'another' })
  page.end()
  await site.loom.close()
  const { components, connections, queuedEvents, tasks } = site.loom.stats()
  expect({ components, connections, queuedEvents, tasks }).toEqual({
    components: 0,
    connections: 0,
    queuedEvents: 0,
    tasks: 0,
  })
  await expect(sharedToken(site, module)).rejects.toMatchObject({ code: 'LOOM_STOPPED' })
})
