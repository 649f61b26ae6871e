/** Shared components: all pages that mount a module under a key show one actor, which follows from the key. */

import { html, type LiveRequest } from 'loom-live'
import type { LivePage } from '../support/live_page'
import { shows } from '../support/pages'
import { board, byHeader, KEY, openShared, settled, sharedPage } from '../support/shared'
import { counter, inside, Site, TRANSPORTS } from '../support/site'
import { until } from '../support/until'

test('ten pages show one state, which is rendered once for all of them', async () => {
  const site = await Site.start()
  const seen = { renders: 0, mounts: [] as string[] }
  const module = board(site.loom, seen)
  const pages = await Promise.all(Array.from({ length: 10 }, () => sharedPage(site, module)))
  expect(seen).toEqual({ renders: 1, mounts: [KEY] })
  expect(site.loom.stats().components).toBe(1)
  for (const page of pages) page.event('add')
  await Promise.all(pages.map((page) => shows(page, '10 board-7')))
  await Promise.all(pages.map(settled))
  expect(seen.renders).toBe(11)
  // Another key is another component.
  const other = await sharedPage(site, module, { key: 'board-8' })
  expect(other.text).toBe('0 board-8')
  expect(pages[0]?.text).toBe('10 board-7')
  expect(site.loom.stats().components).toBe(2)
})

test('mount renders what the component shows', async () => {
  const site = await Site.start()
  const module = board(site.loom)
  const page = await sharedPage(site, module)
  page.event('add')
  await shows(page, '1 board-7')
  expect(inside(await site.loom.mount(module, {}, { shared: KEY }))).toBe('1 board-7')
  expect(inside(await site.loom.mount('board', undefined, { shared: KEY, as: 'div' }))).toBe('1 board-7')
})

test('the same module may be shared and a component of its page', async () => {
  const site = await Site.start()
  const module = board(site.loom)
  await sharedPage(site, module)
  expect(inside(await site.loom.mount(module, { count: 3 }))).toBe('3 ')
})

test('two pages that click at once are both counted, and each has its answers', async () => {
  const site = await Site.start()
  const module = board(site.loom)
  const pages = await Promise.all([sharedPage(site, module), sharedPage(site, module)])
  for (let count = 0; count < 50; count++) for (const page of pages) page.event('add')
  await Promise.all(pages.map((page) => shows(page, '100 board-7')))
  await Promise.all(pages.map(settled))
})

test('props cannot be given', async () => {
  const site = await Site.start()
  const module = board(site.loom)
  const mounted = site.loom.mount(module, { count: 7 }, { shared: KEY })
  await expect(mounted).rejects.toThrow(/Expected no props for the mount of module "board" with the key "board-7"/)
  for (const shared of ['', 7, 'x'.repeat(257), null]) {
    await expect(site.loom.mount(module, {}, { shared: shared as string })).rejects.toThrow(
      /the option shared of mount/,
    )
  }
})

test('a raw module cannot be shared', async () => {
  const site = await Site.start()
  const raw = site.loom.register('raw', { handle_json: () => '{}', render_tree_json: () => '{"s":["a"],"d":[]}' })
  await expect(site.loom.mount(raw, {}, { shared: KEY })).rejects.toThrow('Module "raw" cannot be shared')
})

test('mount, connected and receivers have the key and no request; authorize and handlers have that of the page', async () => {
  const site = await Site.start({ bind: byHeader })
  const told: string[] = []
  const tell = (where: string, ctx: { key: string; request: LiveRequest }): void => {
    let request: string
    try {
      request = String(ctx.request.headers['x-user'])
    } catch (error) {
      request = (error as Error).message.slice(0, 29)
    }
    told.push(`${where} ${ctx.key} ${request}`)
  }
  const module = site.loom.register('told', {
    props: { count: 0 },
    mount(_, ctx) {
      tell('mount', ctx)
    },
    connected(_, ctx) {
      tell('connected', ctx)
    },
    authorize(ctx, event) {
      tell(event === undefined ? 'authorize' : `authorize ${event.viewer?.bind ?? ''}`, ctx)
      return true
    },
    handle: {
      later(_, event, ctx) {
        tell(`handle ${event.viewer?.bind ?? ''}`, ctx)
        ctx.after('rang', 0)
      },
    },
    receive: {
      rang(props, _, ctx) {
        tell('receive', ctx)
        return { count: props.count + 1 }
      },
    },
    render: ({ count }) => html`${count}`,
  })
  const page = await sharedPage(site, module, { user: 'ada' })
  page.event('later')
  await shows(page, '1')
  expect(told).toEqual([
    'mount board-7 There is no ctx.request here:',
    'connected board-7 There is no ctx.request here:',
    'authorize board-7 ada',
    'authorize ada board-7 ada',
    'handle ada board-7 ada',
    'receive board-7 There is no ctx.request here:',
  ])
})

test('a component that is not shared has an empty key, and its events have no viewer', async () => {
  const site = await Site.start()
  const keys: unknown[] = []
  const module = site.loom.register('own', {
    props: { count: 0 },
    mount(_, ctx) {
      keys.push(ctx.key)
    },
    handle: {
      add(props, event, ctx) {
        keys.push(ctx.key, event.viewer)
        return props
      },
    },
    render: ({ count }) => html`${count}`,
  })
  const client = await site.live(module)
  await client.event('c0', 'add')
  expect(keys).toEqual(['', '', undefined])
})

test('topics, timers and messages to itself are there once, not once for each page', async () => {
  const site = await Site.start()
  const module = site.loom.register('news', {
    props: { got: [] as unknown[], self: '' },
    async connected(_, ctx) {
      await ctx.subscribe('news', 'arrived')
      ctx.after('rang', 20, 'ring')
      return { self: ctx.self }
    },
    handle: {
      send: (props, _, ctx) => {
        ctx.send(props.self, 'arrived', 'self')
      },
    },
    receive: {
      arrived: (props, { data }) => ({ ...props, got: [...props.got, data] }),
      rang: (props, { data }) => ({ ...props, got: [...props.got, data] }),
    },
    render: ({ got }) => html`${[...got].sort().join(' ')}`,
  })
  const pages = await Promise.all([sharedPage(site, module), sharedPage(site, module), sharedPage(site, module)])
  await site.loom.publish('news', 'topic')
  pages[0]?.event('send')
  await Promise.all(pages.map((page) => shows(page, 'ring self topic')))
})

test('a task goes on while its only page reloads', async () => {
  const site = await Site.start({ limits: { patchRate: 1000 } })
  let release = (): void => undefined
  const module = site.loom.register('job', {
    props: { done: 0 },
    handle: {
      start(props, _, ctx) {
        ctx.task('step', async function* () {
          for (let step = 1; step <= 3; step++) {
            yield step
            if (step === 1) await new Promise<void>((resolve) => (release = resolve))
          }
        })
        return props
      },
    },
    receive: { step: (props, { data, done }) => (done ? props : { done: Number(data) }) },
    render: ({ done }) => html`${done}`,
  })
  const page = await sharedPage(site, module)
  page.event('start')
  await shows(page, '1')
  page.end()
  await until('the page to be gone', () => site.loom.stats().connections === 0)
  release()
  // Nobody looks.
  await until('the task to end', () => site.loom.stats().tasks === 0)
  const again = await sharedPage(site, module)
  expect(again.text).toBe('3')
})

test.each(TRANSPORTS)('over %s', async (over) => {
  const site = await Site.start({ over })
  const module = board(site.loom)
  const pages = await Promise.all([sharedPage(site, module), sharedPage(site, module)])
  for (const page of pages) page.event('add')
  await Promise.all(pages.map((page) => shows(page, '2 board-7')))
})

test('many pages are sent each change in turn, however many there are', async () => {
  const site = await Site.start()
  const module = board(site.loom)
  const pages: LivePage[] = []
  // More than the actor sends to by itself.
  for (let count = 0; count < 100; count++) pages.push(await openShared(site, module))
  await Promise.all(pages.map((page) => until('the page to be live', () => page.isLive)))
  for (let round = 0; round < 5; round++) for (const page of pages.slice(0, 10)) page.event('add')
  await Promise.all(pages.map((page) => shows(page, '50 board-7')))
  expect(pages.every((page) => page.joins === 1)).toBe(true)
})

test('one page may show a shared component twice, beside one of its own', async () => {
  const site = await Site.start()
  const module = board(site.loom)
  const own = counter(site.loom)
  const token = async (): Promise<string> => site.token(module, {}, { shared: KEY })
  const client = await site.connect()
  for (const id of ['a', 'b']) await client.joined(id, 'board', await token())
  await client.joined('c', 'counter', await site.token(own))
  await client.event('a', 'add')
  await client.event('c', 'increment')
  await until('both', () => client.html('a') === '1 board-7' && client.html('b') === '1 board-7')
  expect(client.html('c')).toBe('<b>1</b>')
})
