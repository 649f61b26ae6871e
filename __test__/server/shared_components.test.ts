/** Shared components: all pages that mount a module under a key show one actor. */

import { html, type LiveRequest, type Loom, type RegisteredModule } from 'loom-live'
import { atEnd } from '../support/cleanup'
import { LivePage, type LivePageOptions } from '../support/live_page'
import { shows } from '../support/pages'
import { inside, Site, tokenIn } from '../support/site'
import { until } from '../support/until'

/** A counter whose handlers say what they know. */
export function board(loom: Loom, seen: { renders: number; mounts: string[] } = { renders: 0, mounts: [] }) {
  return loom.register('board', {
    props: { count: 0, said: '' },
    mount(_, ctx) {
      seen.mounts.push(ctx.key)
      return { said: ctx.key }
    },
    handle: {
      add: ({ count, ...rest }) => ({ ...rest, count: count + 1 }),
      say: (props, { value = '' }) => ({ ...props, said: value }),
      nothing: (props) => props,
      boom() {
        throw new Error('boom')
      },
    },
    receive: {
      reset: (props) => ({ ...props, count: 0 }),
    },
    render({ count, said }) {
      seen.renders++
      return html`${count} ${said}`
    },
  })
}

async function sharedPage(
  site: Site,
  module: RegisteredModule<never> | { name: string },
  key = 'board-7',
  options: Partial<LivePageOptions> = {},
): Promise<LivePage> {
  const token = tokenIn(await site.loom.mount(module.name, {}, { shared: key }))
  const page = new LivePage({ url: () => site.url(), module: module.name, token, ...options })
  atEnd(() => {
    page.end()
  })
  await until('the page to be live', () => page.isLive)
  return page
}

const settled = (page: LivePage): Promise<unknown> => until('the answers', () => page.isSettled)

test('ten pages show one state, which is rendered once for all of them', async () => {
  const site = await Site.start()
  const seen = { renders: 0, mounts: [] as string[] }
  const module = board(site.loom, seen)
  const pages = await Promise.all(Array.from({ length: 10 }, () => sharedPage(site, module)))
  expect(seen).toEqual({ renders: 1, mounts: ['board-7'] })
  expect(site.loom.stats().components).toBe(1)
  for (const page of pages) page.event('add')
  await Promise.all(pages.map((page) => shows(page, '10 board-7')))
  await Promise.all(pages.map(settled))
  expect(seen.renders).toBe(11)
  // Another key is another component.
  const other = await sharedPage(site, module, 'board-8')
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
  expect(inside(await site.loom.mount(module, {}, { shared: 'board-7' }))).toBe('1 board-7')
  expect(inside(await site.loom.mount(module, undefined, { shared: 'board-7', as: 'div' }))).toBe('1 board-7')
})

test('two pages that click at once are both counted, and each has its answers', async () => {
  const site = await Site.start()
  const module = board(site.loom)
  const pages = await Promise.all([sharedPage(site, module), sharedPage(site, module)])
  for (let count = 0; count < 50; count++) for (const page of pages) page.event('add')
  await Promise.all(pages.map((page) => shows(page, '100 board-7')))
  await Promise.all(pages.map(settled))
})

test('an error of an event goes to the page whose event it was', async () => {
  const site = await Site.start()
  const module = board(site.loom)
  const pages = await Promise.all([sharedPage(site, module), sharedPage(site, module)])
  const outcomes: string[][] = [[], []]
  pages.forEach((page, index) => {
    page.onAnswer = (_, outcome) => outcomes[index]?.push(outcome)
  })
  pages[0]?.event('add')
  pages[0]?.event('boom')
  pages[0]?.event('nothing')
  pages[1]?.event('add')
  await Promise.all(pages.map(settled))
  expect(outcomes).toEqual([['applied', 'failed', 'applied'], ['applied']])
  await Promise.all(pages.map((page) => shows(page, '2 board-7')))
})

test('a page whose connection is cut goes on with what it has missed, and its events count once', async () => {
  const site = await Site.start()
  const module = board(site.loom)
  const [page, other] = (await Promise.all([sharedPage(site, module), sharedPage(site, module)])) as [
    LivePage,
    LivePage,
  ]
  for (let count = 1; count <= 200; count++) {
    page.event('add')
    other.event('add')
    if (count % 20 === 0) page.cut()
    if (count % 7 === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  }
  await Promise.all([settled(page), settled(other)])
  await Promise.all([shows(page, '400 board-7'), shows(other, '400 board-7')])
  expect(page.lost + page.resets).toBe(0)
  expect(site.loom.stats().components).toBe(1)
})

test('props cannot be given', async () => {
  const site = await Site.start()
  const module = board(site.loom)
  const mounted = site.loom.mount(module, { count: 7 }, { shared: 'board-7' })
  await expect(mounted).rejects.toThrow(/Expected no props for the mount of module "board" with the key "board-7"/)
  for (const shared of ['', 7, 'x'.repeat(257), null]) {
    await expect(site.loom.mount(module, {}, { shared: shared as string })).rejects.toThrow(
      /the option shared of mount/,
    )
  }
})

test('mount, connected and receivers have the key and no request; authorize and handlers have that of the page', async () => {
  const site = await Site.start({ bind: (request) => request.headers['x-user']?.toString() })
  const told: string[] = []
  const tell = (where: string, ctx: { key: string; request: LiveRequest }): void => {
    let request: string
    try {
      request = String(ctx.request.headers['x-user'])
    } catch (error) {
      request = (error as Error).message.slice(0, 30)
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
  const request = { headers: { 'x-user': 'ada' }, url: '/', socket: {} } as never
  const token = tokenIn(await site.loom.mount(module, {}, { shared: 'k', request }))
  const page = new LivePage({
    url: () => site.url(),
    module: 'told',
    token,
    socket: { headers: { 'x-user': 'ada' } },
  })
  atEnd(() => {
    page.end()
  })
  await until('the page to be live', () => page.isLive)
  page.event('later')
  await shows(page, '1')
  expect(told).toEqual([
    'mount k There is no ctx.request here: ',
    'connected k There is no ctx.request here: ',
    'authorize k ada',
    'authorize ada k ada',
    'handle ada k ada',
    'receive k There is no ctx.request here: ',
  ])
})
