/** What authorize, mount, upgrade and render ask for beside their answer: nothing comes of it, and an error says so. */

import { html, type MountContext } from 'loom-live'
import { LivePage } from '../support/live_page'
import { shows } from '../support/pages'
import { openShared, settled } from '../support/shared'
import { Site, type SiteOptions } from '../support/site'
import { atEnd } from '../support/cleanup'
import { until } from '../support/until'

/** JavaScript may call what the types do not offer. */
const publish = (ctx: MountContext): void => {
  ;(ctx as MountContext & { publish(topic: string, data: unknown): void }).publish('news', 1)
}

async function start(options: SiteOptions = {}) {
  const errors: [string, string][] = []
  const onError = (error: unknown, { callback }: { callback: string }): void => {
    errors.push([callback, (error as Error).message])
  }
  const site = await Site.start({ onError, ...options })
  const heard: unknown[] = []
  const listener = site.loom.register('listener', {
    props: {},
    connected: (_, ctx) => ctx.subscribe('news', 'got'),
    handle: {},
    receive: { got: (_, { data }) => void heard.push(data) },
    render: () => html``,
  })
  await site.live(listener)
  return { site, errors, heard }
}

const said: unknown = expect.stringContaining(
  'ctx.publish has no effect here; call it in connected, a handler or a receiver',
)

async function pageOf(site: Site, module: { name: string }): Promise<LivePage> {
  const page = new LivePage({ url: () => site.url(), module: module.name, token: await site.token(module.name) })
  page.retry = () => 60_000
  atEnd(() => {
    page.end()
  })
  return page
}

test.each(['authorize', 'mount'] as const)('in %s of a page that joins', async (callback) => {
  const { site, errors, heard } = await start()
  let publishes = false
  const ask = (ctx: MountContext): void => {
    if (publishes) publish(ctx)
  }
  const module = site.loom.register('page', {
    props: { secret: '' },
    private: ['secret'],
    authorize(ctx) {
      if (callback === 'authorize') ask(ctx)
      return true
    },
    mount(_, ctx) {
      if (callback === 'mount') ask(ctx)
    },
    handle: {},
    render: () => html`a`,
  })
  const page = await pageOf(site, module)
  publishes = true
  await until('the error', () => errors.length > 0 || page.isLive)
  expect(errors[0]).toEqual([callback, said])
  expect(page.isLive).toBe(false)
  await site.loom.publish('news', 'last')
  await until('the last', () => heard.includes('last'))
  expect(heard).toEqual(['last'])
})

test('in authorize of an event, which is not handled; and the handler may', async () => {
  const { site, errors, heard } = await start()
  const module = site.loom.register('page', {
    props: { count: 0 },
    authorize(ctx, event) {
      if (event?.handler === 'bad') publish(ctx)
      return true
    },
    handle: {
      bad: ({ count }) => ({ count: count + 100 }),
      good({ count }, _, ctx) {
        ctx.publish('news', 'good')
        return { count: count + 1 }
      },
    },
    render: ({ count }) => html`${count}`,
  })
  const page = await pageOf(site, module)
  await until('the page to be live', () => page.isLive)
  page.event('bad')
  page.event('good')
  await shows(page, '1')
  expect(errors).toEqual([['authorize', said]])
  await until('the message', () => heard.length > 0)
  expect(heard).toEqual(['good'])
})

test.each(['redirect', 'keepForm', 'reply'] as const)(
  'ctx.%s in authorize of an event, and in loom.mount',
  async (effect) => {
    const { site, errors } = await start()
    let asks = ''
    /** As `publish` above. */
    const ask = (ctx: MountContext): void => {
      ;(ctx as MountContext & Record<typeof effect, (url: string) => void>)[effect]('/elsewhere')
    }
    const module = site.loom.register('page', {
      props: { count: 0 },
      mount(_, ctx) {
        if (asks === 'mount') ask(ctx)
      },
      authorize(ctx, event) {
        if (event?.handler === 'bad') ask(ctx)
        return true
      },
      handle: { bad: ({ count }) => ({ count: count + 100 }), good: ({ count }) => ({ count: count + 1 }) },
      render: ({ count }) => html`${count}`,
    })
    const page = await pageOf(site, module)
    await until('the page to be live', () => page.isLive)
    page.event('bad')
    page.event('good')
    await shows(page, '1')
    const text: unknown = expect.stringContaining(
      `ctx.${effect} has no effect here; call it in connected, a handler or a receiver`,
    )
    expect(errors).toEqual([['authorize', text]])
    expect(page.redirects).toEqual([])
    asks = 'mount'
    await expect(site.loom.mount(module)).rejects.toMatchObject({ code: 'LOOM_ARGUMENT', message: text })
  },
)

test('in render, with the context of the handler or the receiver that it renders after', async () => {
  const { site, errors, heard } = await start()
  let kept: MountContext | undefined
  const module = site.loom.register('page', {
    props: { count: 0 },
    async connected(_, ctx) {
      await ctx.subscribe('count', 'counted')
    },
    handle: {
      bad({ count }, _, ctx) {
        kept = ctx
        return { count: count + 100 }
      },
      good: ({ count }) => ({ count: count + 1 }),
    },
    receive: {
      counted({ count }, _, ctx) {
        kept = ctx
        return { count: count + 10 }
      },
    },
    render({ count }) {
      const asks = kept
      kept = undefined
      if (asks !== undefined) publish(asks)
      return html`${count}`
    },
  })
  const page = await pageOf(site, module)
  await until('the page to be live', () => page.isLive)
  page.event('bad')
  page.event('good')
  await shows(page, '1')
  expect(errors).toEqual([['render', said]])
  // The message is handled again, alone, and fails again.
  await site.loom.publish('count', 1)
  await until('the errors', () => errors.length > 1)
  page.event('good')
  await shows(page, '2')
  await site.loom.publish('news', 'last')
  await until('the last', () => heard.includes('last'))
  expect(heard).toEqual(['last'])
})

test('in authorize of a page that comes back, and of one that is asked about again', async () => {
  const { site, errors, heard } = await start({ limits: { authorizeTime: 1_000 } })
  let publishes = false
  const module = site.loom.register('page', {
    props: { rung: 0 },
    authorize(ctx) {
      if (publishes) publish(ctx)
      return true
    },
    connected(_, ctx) {
      ctx.every('rang', 600_000)
    },
    handle: {},
    receive: { rang: ({ rung }) => ({ rung: rung + 1 }) },
    render: () => html`a`,
  })
  const page = await pageOf(site, module)
  await until('the page to be live', () => page.isLive)
  publishes = true
  await until('the question', () => errors.length === 1)
  publishes = false
  const other = await pageOf(site, module)
  await until('the page to be live', () => other.isLive)
  publishes = true
  other.retry = () => 10
  other.cut()
  await until('the resume', () => errors.length > 1)
  expect(errors.map(([callback]) => callback)).toEqual(errors.map(() => 'authorize'))
  expect(errors.map(([, text]) => text)).toEqual(errors.map(() => said))
  expect(heard).toEqual([])
})

test('in authorize of a viewer of a shared component: nobody else is harmed', async () => {
  const { site, errors, heard } = await start()
  let publishes = false
  const module = site.loom.register('board', {
    props: { count: 0 },
    authorize(ctx, event) {
      if (publishes || event?.handler === 'bad') publish(ctx)
      return true
    },
    handle: { bad: () => ({ count: 100 }), add: ({ count }) => ({ count: count + 1 }) },
    render: ({ count }) => html`${count}`,
  })
  const page = await openShared(site, module)
  await until('the page to be live', () => page.isLive)
  publishes = true
  const other = await openShared(site, module, { retry: () => 60_000 })
  await until('the refusal', () => other.refused)
  publishes = false
  page.event('bad')
  page.event('add')
  await settled(page)
  await shows(page, '1')
  expect(errors).toEqual([
    ['authorize', said],
    ['authorize', said],
  ])
  expect(heard).toEqual([])
})
