/** The viewers of a shared component: what concerns one page, and what all of them. */

import { html, type JoinedAndLeft, type Message, Refusal } from 'loom-live'
import { shows } from '../support/pages'
import { board, byHeader, openShared, settled, sharedPage } from '../support/shared'
import { Site } from '../support/site'
import { until } from '../support/until'

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

test('event.viewer says whose event it is, and each has an id of its own', async () => {
  const site = await Site.start({ bind: byHeader })
  const ids: string[] = []
  const module = site.loom.register('who', {
    props: { who: [] as string[] },
    handle: {
      here: ({ who }, { id, viewer }, ctx) => {
        ids.push(id)
        expect(ctx.bind).toBe(viewer?.bind)
        return { who: [...who, `${viewer?.bind ?? ''} ${viewer?.id ?? ''}`] }
      },
    },
    render: ({ who }) => html`${who.length}: ${who.join(', ')}`,
  })
  const pages = await Promise.all(['ada', 'ada', 'bob'].map((user) => sharedPage(site, module, { user })))
  for (const page of pages) {
    page.event('here')
    await settled(page)
  }
  await until('all', () => pages[0]?.text.startsWith('3: '))
  const who = (pages[0]?.text ?? '').slice(3).split(', ')
  expect(who.map((one) => one.split(' ')[0])).toEqual(['ada', 'ada', 'bob'])
  expect(new Set(who).size).toBe(3)
  expect(new Set(ids).size).toBe(3)
})

test('a redirect and a push of a handler go to its page, and a push of a receiver to all', async () => {
  const site = await Site.start()
  const errors: string[] = []
  const module = site.loom.register('pushes', {
    props: { count: 0 },
    handle: {
      one(props, _, ctx) {
        ctx.push('mine', 1)
        ctx.redirect('/next')
        return props
      },
      all(_, __, ctx) {
        ctx.after('rang', 0)
      },
    },
    receive: {
      rang(props, _, ctx) {
        ctx.push('ours', 2)
        try {
          ctx.redirect('/away')
        } catch (error) {
          errors.push((error as Error).message)
        }
        return props
      },
    },
    render: ({ count }) => html`${count}`,
  })
  const [page, other] = [await sharedPage(site, module), await sharedPage(site, module)]
  page.event('one')
  page.event('all')
  await until('the push to all', () => page.pushes.length === 2 && other.pushes.length === 1)
  expect(page.pushes).toEqual([
    ['mine', 1],
    ['ours', 2],
  ])
  expect(other.pushes).toEqual([['ours', 2]])
  expect([page.redirects, other.redirects]).toEqual([['/next'], []])
  expect(errors).toEqual([expect.stringContaining('ctx.redirect has no page to send elsewhere here')])
})

test('a form that is kept is kept in the page that has sent it', async () => {
  const site = await Site.start()
  const module = site.loom.register('forms', {
    props: { count: 0 },
    handle: {
      keep({ count }, _, ctx) {
        ctx.keepForm()
        return { count: count + 1 }
      },
    },
    render: ({ count }) => html`${count}`,
  })
  const [page, other] = [await sharedPage(site, module), await sharedPage(site, module)]
  const frames: [string[], string[]] = [[], []]
  page.onFrame = (frame) => frames[0].push(frame.toString())
  other.onFrame = (frame) => frames[1].push(frame.toString())
  page.event('keep')
  await Promise.all([shows(page, '1'), shows(other, '1')])
  expect(frames[0].join()).toContain('["k",1,1]')
  expect(frames[1].join()).not.toContain('"k"')
})

test('authorize is asked for each page with its own request, at its join and before each of its events', async () => {
  const site = await Site.start({ bind: byHeader })
  const asked: string[] = []
  const module = site.loom.register('asks', {
    props: { count: 0 },
    authorize(ctx, event) {
      const user = String(ctx.request.headers['x-user'])
      asked.push(`${user} ${event?.handler ?? 'joins'}`)
      return user !== 'eve'
    },
    handle: { add: ({ count }) => ({ count: count + 1 }) },
    render: ({ count }) => html`${count}`,
  })
  const ada = await sharedPage(site, module, { user: 'ada' })
  const bob = await sharedPage(site, module, { user: 'bob' })
  const eve = await openShared(site, module, { user: 'eve' })
  await until('the refusal', () => eve.refused)
  expect(eve.refused).toEqual(['Not allowed'])
  ada.event('add')
  await Promise.all([shows(ada, '1'), shows(bob, '1')])
  bob.event('add')
  await Promise.all([shows(ada, '2'), shows(bob, '2')])
  expect(asked).toEqual(['ada joins', 'bob joins', 'eve joins', 'ada add', 'bob add'])
  expect(eve.text).toBe('')
})

test('a page whose authorize is withdrawn ends for this page only', async () => {
  const site = await Site.start({ bind: byHeader })
  const allowed = new Set(['ada', 'bob'])
  const module = site.loom.register('asks', {
    props: { count: 0 },
    async authorize(ctx) {
      await Promise.resolve()
      if (!allowed.has(String(ctx.request.headers['x-user']))) throw new Refusal('Log in first', { redirect: '/login' })
      return true
    },
    handle: { add: ({ count }) => ({ count: count + 1 }) },
    render: ({ count }) => html`${count}`,
  })
  const [ada, bob] = [await sharedPage(site, module, { user: 'ada' }), await sharedPage(site, module, { user: 'bob' })]
  allowed.delete('bob')
  bob.event('add')
  await until('the refusal', () => bob.refused)
  expect(bob.refused).toEqual(['Log in first', 'redirect', '/login'])
  ada.event('add')
  await shows(ada, '1')
  expect(bob.text).toBe('0')
})

test('an event that is refused by itself leaves the page what it sees', async () => {
  const site = await Site.start({ bind: byHeader })
  const module = site.loom.register('asks', {
    props: { count: 0 },
    authorize: (ctx, event) => event === undefined || ctx.request.headers['x-user'] === 'ada',
    handle: { add: ({ count }) => ({ count: count + 1 }) },
    render: ({ count }) => html`${count}`,
  })
  const [ada, bob] = [await sharedPage(site, module, { user: 'ada' }), await sharedPage(site, module, { user: 'bob' })]
  const outcomes: string[] = []
  bob.onAnswer = (_, outcome) => outcomes.push(outcome)
  bob.event('add')
  await settled(bob)
  ada.event('add')
  await Promise.all([shows(ada, '1'), shows(bob, '1')])
  expect(outcomes).toEqual(['failed'])
  expect(bob.refused).toBeUndefined()
})

test('the receiver viewers is told who has joined and who has left, gathered', async () => {
  const site = await Site.start({ bind: byHeader, limits: { parkTime: 1_000 } })
  let messages = 0
  const module = site.loom.register('here', {
    props: { here: [] as { id: string; bind: string }[] },
    connected: () => ({ here: [] }),
    handle: {},
    receive: {
      viewers({ here }, { data, from }: Message<JoinedAndLeft>) {
        messages++
        expect(from).toBe('viewers')
        const left = new Set(data.left.map(({ id }) => id))
        return { here: [...here.filter(({ id }) => !left.has(id)), ...data.joined] }
      },
    },
    render: ({ here }) =>
      html`${here
        .map(({ bind }) => bind)
        .sort()
        .join(' ')}`,
  })
  const ada = await sharedPage(site, module, { user: 'ada' })
  const others = await Promise.all(['bob', 'cy', 'dan', 'eve'].map((user) => sharedPage(site, module, { user })))
  await shows(ada, 'ada bob cy dan eve')
  expect(messages).toBeLessThanOrEqual(3)
  others[0]?.end()
  others[1]?.end()
  await shows(ada, 'ada dan eve')
  // A page that is back within `parkTime` has not left.
  others[2]?.cut()
  await until('the page to be back', () => others[2]?.resumes === 1)
  expect(others[2]?.text).toBe('ada dan eve')
})
