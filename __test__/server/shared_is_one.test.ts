/** What makes a shared component one component: its turns, its token, the bytes that all pages get, its viewers. */

import { rmSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { html, type LiveModule, type Loom, raw } from 'loom-live'
import { atEnd } from '../support/cleanup'
import { shows } from '../support/pages'
import { board, byHeader, KEY, openShared, settled, sharedPage, sharedToken } from '../support/shared'
import { inside, Site, type SiteOptions, type Transport } from '../support/site'
import { until } from '../support/until'

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

test('events of all its pages, and its messages, are taken one at a time, across awaits', async () => {
  const site = await Site.start()
  let running = 0
  let most = 0
  const alone = async (): Promise<void> => {
    running += 1
    most = Math.max(most, running)
    await pause(5)
    running -= 1
  }
  const module = site.loom.register('turns', {
    props: { count: 0 },
    connected: (_, ctx) => ctx.subscribe('news', 'arrived'),
    handle: {
      async add({ count }) {
        await alone()
        return { count: count + 1 }
      },
    },
    receive: {
      async arrived({ count }) {
        await alone()
        return { count: count + 1 }
      },
    },
    render: ({ count }) => html`${count}`,
  })
  const pages = await Promise.all([1, 2, 3].map(() => sharedPage(site, module)))
  for (let round = 0; round < 5; round++) {
    for (const page of pages) page.event('add')
    await site.loom.publish('news', round)
  }
  await Promise.all(pages.map((page) => shows(page, '20')))
  expect(most).toBe(1)
})

test('a page’s token carries module and key, and never props; nor does anything else that it keeps', async () => {
  const site = await Site.start()
  const secret = 'not for the page'.repeat(1_000)
  const register = (name: string, text: string): { name: string } =>
    site.loom.register(name, {
      props: { text: '', count: 0 },
      mount: () => ({ text }),
      handle: { add: ({ text, count }) => ({ text, count: count + 1 }) },
      render: ({ count }) => html`${count}`,
    })
  const [small, large] = [register('small', ''), register('large', secret)]
  const tokens = [await sharedToken(site, small), await sharedToken(site, large)]
  expect(tokens[1]).toHaveLength(tokens[0]?.length ?? 0)
  const page = await sharedPage(site, large)
  const frames: string[] = []
  page.onFrame = (frame) => frames.push(frame.toString())
  for (let count = 1; count <= 40; count++) {
    page.event('add')
    await settled(page)
  }
  await shows(page, '40')
  // Longer than a quiet moment, after which a component of one page has a checkpoint.
  await pause(500)
  expect(frames.join()).not.toContain('["c"')
  expect(page.memory.checkpoint).toBeUndefined()
  expect(page.memory.secret.length).toBeLessThan(1_000)
})

test('all pages get the same bytes of a change, each behind its own component and number', async () => {
  const site = await Site.start()
  const module = board(site.loom)
  const pages = await Promise.all(Array.from({ length: 3 }, () => sharedPage(site, module)))
  const frames = pages.map((page) => {
    const own: string[] = []
    page.onFrame = (frame) => own.push(frame.toString())
    return own
  })
  pages[1]?.event('say', 'said by one page, and shown by all')
  await Promise.all(pages.map((page) => shows(page, '0 said by one page, and shown by all')))
  const changes = frames.map((own) => /\[1,(\d+),([^]*said by one page[^\]]*)\]/.exec(own.join('\n')))
  expect(changes.map((change) => change?.[1])).toEqual(['0', '1', '0'])
  expect(new Set(changes.map((change) => change?.[2])).size).toBe(1)
})

test('a change costs JavaScript one call and one render, for one page as for fifty', async () => {
  const site = await Site.start({ development: false })
  const calls = async (key: string, count: number): Promise<number[]> => {
    let handled = 0
    let renders = 0
    const module = site.loom.register(`calls-${count}`, {
      props: { count: 0 },
      connected: (_, ctx) => ctx.subscribe(key, 'arrived'),
      handle: {},
      receive: {
        arrived(props) {
          handled += 1
          return { count: props.count + 1 }
        },
      },
      render({ count }) {
        renders += 1
        return html`${count}`
      },
    })
    const pages = await Promise.all(Array.from({ length: count }, () => openShared(site, module, { key })))
    await Promise.all(pages.map((page) => until('the page to be live', () => page.isLive)))
    const before = renders
    for (let number = 1; number <= 10; number++) {
      await site.loom.publish(key, number)
      await Promise.all(pages.map((page) => shows(page, String(number))))
    }
    return [handled, renders - before]
  }
  expect(await calls('few', 1)).toEqual([10, 10])
  expect(await calls('many', 50)).toEqual([10, 10])
})

test.each<[Transport, string, number]>([
  ['https', 'one write', 1],
  ['http, descriptor', 'nothing', 0],
])('over %s a change costs the main thread %s for each page', async (over, _, each) => {
  const site = await Site.start({ over, limits: { patchRate: 1_000 } })
  let writes = 0
  site.server.on(over === 'https' ? 'secureConnection' : 'connection', (socket: Socket) => {
    const write = socket.write.bind(socket) as (...all: unknown[]) => boolean
    socket.write = (...all: unknown[]) => {
      writes += 1
      return write(...all)
    }
  })
  const module = board(site.loom)
  const pages = await Promise.all(Array.from({ length: 10 }, () => sharedPage(site, module)))
  const frames = pages.map((page) => {
    const own = { count: 0 }
    page.onFrame = () => (own.count += 1)
    return own
  })
  const before = writes
  for (let number = 1; number <= 5; number++) {
    pages[0]?.event('add')
    await Promise.all(pages.map((page) => shows(page, `${number} board-7`)))
  }
  const sent = frames.reduce((sum, { count }) => sum + count, 0)
  expect(sent).toBeGreaterThanOrEqual(50)
  expect(writes - before).toBe(sent * each)
})

const who: LiveModule<{ who: string[] }> = {
  props: { who: [] },
  handle: { here: ({ who }, { viewer }) => ({ who: [...who, `${viewer?.bind ?? ''}:${viewer?.id ?? ''}`] }) },
  render: ({ who }) => html`${who.join(' ')}`,
}

test('a viewer’s id is the page’s over cut connections and processes, and no other page’s', async () => {
  const file = join(tmpdir(), `loom-live-viewers-${process.pid}.sqlite`)
  atEnd(() => {
    for (const end of ['', '-wal', '-shm']) rmSync(file + end, { force: true })
  })
  const options: SiteOptions = { bind: byHeader, store: { sqlite: file } }
  const register = (loom: Loom): { name: string } => loom.register('who', who)
  const first = await Site.start(options)
  const module = register(first.loom)
  let site = first
  const url = (): string => site.url()
  const [ada, too] = [
    await sharedPage(first, module, { user: 'ada', url }),
    await sharedPage(first, module, { user: 'ada', url }),
  ]
  const says = async (page: typeof ada): Promise<void> => {
    page.event('here')
    await settled(page)
  }
  for (const page of [ada, too]) await says(page)
  ada.cut()
  await until('the page to be back', () => ada.resumes === 1 && ada.isLive)
  await says(ada)
  const second = await Site.start(options)
  register(second.loom)
  site = second
  await first.loom.close({ timeout: 0 })
  await until('both to be back', () => [ada, too].every(({ joins, isLive }) => joins === 2 && isLive))
  for (const page of [ada, too]) await says(page)
  await until('all', () => ada.text.split(' ').length === 5)
  const [one = '', other = '', ...rest] = ada.text.split(' ')
  expect(one).toMatch(/^ada:.+/)
  expect(other).not.toBe(one)
  expect(rest).toEqual([one, one, other])
  for (const page of [ada, too]) page.end()
})

test('what differs between viewers is a component of their own around it, which keeps it as it is', async () => {
  const site = await Site.start()
  const module = board(site.loom)
  const around = site.loom.register('around', {
    props: { name: '', board: '' },
    handle: { rename: (props, { value = '' }) => ({ ...props, name: value }) },
    render: ({ name, board }) => html`<h1>${name}</h1>${raw(board)}`,
  })
  const page = await sharedPage(site, module)
  page.event('add')
  await shows(page, '1 board-7')
  const shared = await site.loom.mount(module, {}, { shared: KEY })
  const personal = inside(await site.loom.mount(around, { name: 'Ann', board: shared }))
  expect(personal).toBe(`<h1>Ann</h1>${shared}`)
  expect(shared).toContain('>1 board-7</div>')
  const client = await site.live(around, { name: 'Ann', board: shared })
  await client.joined('c1', module.name, await sharedToken(site, module))
  expect(await client.shows('c0', 'rename', { value: 'Ben' })).toBe(`<h1>Ben</h1>${shared}`)
  // Only the name has crossed the wire.
  expect(client.messages.at(-1)).toEqual({ type: 'patch', id: 'c0', d: { 0: 'Ben' } })
  await client.event('c1', 'add')
  await shows(page, '2 board-7')
  await until('the change', () => client.html('c1') === '2 board-7')
})
