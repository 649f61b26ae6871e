/** Presence: who watches a topic is told everybody first, and then who came, changed and left. */

import { html, type LiveContext, type Loom, peopleAfter, type Person, type PresenceMessage } from 'loom-live'
import { beside } from '../support/backplane'
import { Barrier } from '../support/barrier'
import { LivePage } from '../support/live_page'
import { atEnd } from '../support/cleanup'
import { Client } from '../support/client'
import { away, back, shows } from '../support/pages'
import { Site, type SiteOptions, tokenIn } from '../support/site'
import { until } from '../support/until'

/** One letter for what was told. */
function kindsOf(data: PresenceMessage['data']): string[] {
  if (data.present !== undefined) return [`all:${data.count}`]
  if (data.joined === undefined) return [`count:${data.count}`]
  const { joined, changed, left } = data
  const named = (sign: string, people: readonly Person[]): string[] => people.map(({ key }) => sign + key)
  return [...named('+', joined), ...named('~', changed), ...named('-', left)]
}

const TOPIC = 'room:1'

/** Shows who is there, and behind a bar what it was told. `fail` makes its receiver throw so often. */
function room(loom: Loom, fails = { left: 0 }): { name: string } {
  return loom.register('room', {
    props: { meta: '', people: [] as readonly Person<string>[], told: [] as string[], events: 0 },
    connected({ meta }, ctx) {
      if (meta !== '') ctx.track(TOPIC, meta)
      ctx.presence(TOPIC, 'people')
    },
    handle: {
      track(props, { value }, ctx) {
        ctx.track(TOPIC, value)
        return { ...props, events: props.events + 1 }
      },
      both(props, { value }, ctx) {
        ctx.track('first', value)
        ctx.track(TOPIC, value)
        return { ...props, events: props.events + 1 }
      },
      fail(_, { value }, ctx) {
        ctx.track(TOPIC, value)
        throw new Error('this step fails')
      },
      untrack(props, _, ctx) {
        ctx.untrack(TOPIC)
        return { ...props, events: props.events + 1 }
      },
      quit(props, _, ctx) {
        ctx.unsubscribe(TOPIC)
        return { ...props, events: props.events + 1 }
      },
      again(props, _, ctx) {
        ctx.presence(TOPIC, 'people')
        return { ...props, events: props.events + 1 }
      },
    },
    receive: {
      people(props, { data }: PresenceMessage<string>) {
        if (fails.left > 0) {
          fails.left -= 1
          throw new Error('this receiver fails')
        }
        return { ...props, people: peopleAfter(props.people, data), told: [...props.told, ...kindsOf(data)] }
      },
    },
    render: ({ people, told }) => {
      const shown = people.map(({ key, metas }) => `${key}=${metas.join('+')}`).sort()
      return html`${shown.join(' ')} | ${told.join(' ')}`
    },
  })
}

/** A site whose users are named by a header, and where each of them has as many pages as it opens. */
async function start(options: SiteOptions = {}, register: (loom: Loom) => { name: string } = room) {
  const site = await Site.start({
    ...(await beside.options()),
    bind: ({ headers }) => String(headers['x-user'] ?? '') || undefined,
    ...options,
    listener(request, response) {
      const meta = new URL(request.url ?? '', 'http://host').searchParams.get('meta') ?? ''
      site.loom.mount(name, { meta }, { request }).then(
        (page) => response.end(page),
        (error: unknown) => response.writeHead(500).end(String(error)),
      )
    },
  })
  const { name } = register(site.loom)
  const token = async (user: string, meta: string): Promise<string> => {
    const url = `${site.origin}/?meta=${encodeURIComponent(meta)}`
    return tokenIn(await (await fetch(url, { headers: { 'x-user': user, connection: 'close' } })).text())
  }
  /** A page of a user whose component tracks itself with this meta, if there is one. */
  const open = async (user: string, meta = '', url = (): string => site.url()): Promise<LivePage> => {
    const socket = { headers: { 'x-user': user } }
    const page = new LivePage({ url, module: name, token: await token(user, meta), socket })
    atEnd(() => {
      page.end()
    })
    await until('the page to be live', () => page.isLive)
    return page
  }
  return { site, name, open, token }
}

/** What the page was told. */
const told = (page: LivePage): string[] => page.text.split(' | ')[1]?.split(' ').filter(Boolean) ?? []
/** Whom the page shows. */
const people = (page: LivePage): string => page.text.split(' | ')[0] ?? ''

const showsPeople = (page: LivePage, expected: string): Promise<unknown> =>
  until(`the page to show ${expected}`, () => people(page).trim() === expected)

const keys = async (loom: Loom): Promise<string[]> =>
  (await loom.presence(TOPIC)).present?.map(({ key }) => key) ?? ['count only']

/** Nobody leaves in such a test. */
const FOREVER = { limits: { presenceGrace: 600_000 } }
const SOON = { limits: { presenceGrace: 50 } }

test('whoever watches is told everybody first, itself among them, and then who came, changed and left', async () => {
  const { site, open } = await start(SOON)
  expect(await site.loom.presence(TOPIC)).toEqual({ present: [], count: 0 })
  const ann = await open('ann', 'A')
  await shows(ann, 'ann=A | all:1')
  const ben = await open('ben', 'B')
  await shows(ben, 'ann=A ben=B | all:2')
  await shows(ann, 'ann=A ben=B | all:1 +ben')
  ben.event('track', 'typing')
  await shows(ann, 'ann=A ben=typing | all:1 +ben ~ben')
  const present = [
    { key: 'ann', metas: ['A'] },
    { key: 'ben', metas: ['typing'] },
  ]
  expect(await site.loom.presence(TOPIC)).toEqual({ present, count: 2 })
  ben.end()
  await shows(ann, 'ann=A | all:1 +ben ~ben -ben')
  expect(site.log.all).toBe('')
})

test('a step that fails tracks nothing, and changes no meta', async () => {
  const { site, open } = await start(FOREVER)
  const [watcher, ann] = [await open('watcher'), await open('ann')]
  ann.event('fail', 'never')
  await until('the answer', () => ann.waiting === 0)
  expect(await keys(site.loom)).toEqual([])
  ann.event('track', 'A')
  ann.event('fail', 'never')
  await until('the answers', () => ann.waiting === 0)
  await showsPeople(watcher, 'ann=A')
  expect(told(watcher)).toEqual(['all:0', '+ann'])
})

test('after its step, and where there is none, there is nothing to track', async () => {
  let late: LiveContext | undefined
  const codes: unknown[] = []
  const { site, open } = await start({}, (loom) =>
    loom.register('late', {
      props: { count: 0 },
      mount(_, ctx) {
        try {
          ;(ctx as LiveContext).track(TOPIC, 'A')
        } catch (error) {
          codes.push(error)
        }
      },
      handle: {
        keep(props, _, ctx) {
          late = ctx
          return { count: props.count + 1 }
        },
      },
      render: ({ count }) => html`${count}`,
    }),
  )
  const page = await open('ann')
  page.event('keep')
  await shows(page, '1')
  expect(codes).toMatchObject([{ code: 'LOOM_ARGUMENT' }])
  for (const effect of ['track', 'untrack', 'presence'] as const) {
    expect(() => late?.[effect](TOPIC, 'people')).toThrow('after its step had ended')
  }
  expect(await keys(site.loom)).toEqual([])
})

test('two tabs of a user are one person, who is there as long as one of them is', async () => {
  const { open } = await start(SOON)
  const watcher = await open('watcher')
  const one = await open('ann', '1')
  await showsPeople(watcher, 'ann=1')
  const two = await open('ann', '2')
  await showsPeople(watcher, 'ann=1+2')
  one.end()
  await showsPeople(watcher, 'ann=2')
  two.end()
  await showsPeople(watcher, '')
  expect(told(watcher)).toEqual(['all:0', '+ann', '~ann', '~ann', '-ann'])
})

test('a page that is loaded again within the grace is no news, also beside another tab', async () => {
  const { open, site } = await start(FOREVER)
  const watcher = await open('watcher')
  let ann = await open('ann', 'A')
  await open('ann', 'B')
  await showsPeople(watcher, 'ann=A+B')
  const before = told(watcher)
  for (let time = 0; time < 3; time++) {
    const parked = site.loom.stats().parked
    ann.end()
    await until('the component to wait', () => site.loom.stats().parked === parked + 1)
    ann = await open('ann', 'A')
    await until('the page to see both', () => people(ann) === 'ann=A+B')
  }
  await open('last', 'L')
  await showsPeople(watcher, 'ann=A+B last=L')
  expect(told(watcher)).toEqual([...before, '+last'])
})

test('a tab that crashes has left after the grace, although its component waits for it', async () => {
  const { open, site } = await start(SOON)
  const [watcher, ann] = [await open('watcher'), await open('ann', 'A')]
  await showsPeople(watcher, 'ann=A')
  ann.retry = () => 1_000_000
  ann.cut()
  await showsPeople(watcher, '')
  expect(site.loom.stats().parked).toBe(1)
})

test('a page that comes back within the grace has not been away for others', async () => {
  const { open, site } = await start(FOREVER)
  const [watcher, ann] = [await open('watcher'), await open('ann', 'A')]
  await showsPeople(watcher, 'ann=A')
  for (let time = 1; time <= 3; time++) {
    ann.cut()
    await until('the page to be back', () => ann.resumes === time)
  }
  await open('last', 'L')
  await showsPeople(watcher, 'ann=A last=L')
  expect(told(watcher).filter((kind) => kind.endsWith('ann'))).toHaveLength(1)
  expect(site.loom.stats().components).toBe(3)
})

test('a page that comes back later joins again, and sees everybody before it is shown', async () => {
  const { open, site } = await start(SOON)
  let isOffline = false
  const nowhere = 'ws://127.0.0.1:1/'
  const [watcher, ann] = [await open('watcher', 'W'), await open('ann', 'A', () => (isOffline ? nowhere : site.url()))]
  await Promise.all([watcher, ann].map((page) => showsPeople(page, 'ann=A watcher=W')))
  isOffline = true
  ann.cut()
  await showsPeople(watcher, 'watcher=W')
  await open('ben', 'B')
  await showsPeople(watcher, 'ben=B watcher=W')
  expect(people(ann)).toBe('ann=A watcher=W')
  isOffline = false
  await until('the page to be back', () => ann.resumes === 1)
  expect(people(ann)).toBe('ben=B watcher=W')
  await Promise.all([watcher, ann].map((page) => showsPeople(page, 'ann=A ben=B watcher=W')))
  expect(told(watcher).slice(-3)).toEqual(['-ann', '+ben', '+ann'])
  expect(told(ann).filter((kind) => kind.startsWith('all'))).toHaveLength(2)
})

test('a state that goes on in another process is tracked there and told everybody', async () => {
  const options = { ...FOREVER, secret: 'a secret of at least thirty-two bytes' }
  const register = (loom: Loom): { name: string } =>
    loom.register('revived', {
      props: { people: [] as readonly Person<string>[] },
      handle: {
        begin(props, _, ctx) {
          ctx.track(TOPIC, 'A')
          ctx.presence(TOPIC, 'people')
          return props
        },
      },
      receive: {
        people: (props, { data }: PresenceMessage<string>) => ({ ...props, people: peopleAfter(props.people, data) }),
      },
      render: ({ people }) => html`${people.map(({ key, metas }) => `${key}=${metas.join('+')}`).join(' ')}`,
    })
  const first = await start(options, register)
  const second = await start(options, register)
  let { site } = first
  const ann = await first.open('ann', '', () => site.url())
  ann.event('begin')
  await shows(ann, 'ann=A')
  site = second.site
  ann.cut()
  await until('the page to be back', () => ann.joins === 2)
  await until('ann to be there', async () => (await keys(second.site.loom)).join() === 'ann')
  const ben = await second.open('ben')
  ben.event('begin')
  await until('both', () => ann.text === 'ann=A ben=A')
})

describe('what cannot be tracked', () => {
  const bad: [string, (ctx: LiveContext) => void, string][] = [
    ['a meta that is too large', (ctx) => ctx.track(TOPIC, 'x'.repeat(1023)), 'limits.presenceMeta'],
    [
      'a Date, which JSON would change,',
      (ctx) => ctx.track(TOPIC, { at: new Date() }),
      'the meta of ctx.track("room:1")',
    ],
    ['NaN', (ctx) => ctx.track(TOPIC, [NaN]), 'the meta of ctx.track("room:1")'],
    ['a function', (ctx) => ctx.track(TOPIC, () => 1), 'the meta of ctx.track("room:1")'],
    ['an empty topic', (ctx) => ctx.track('', 1), 'the topic of ctx.track'],
    ['a topic that is too long', (ctx) => ctx.track('x'.repeat(257), 1), 'the topic of ctx.track'],
    ['a component’s own topic', (ctx) => ctx.track('\0me', 1), 'the topic of ctx.track'],
    ['an empty key', (ctx) => ctx.track(TOPIC, 1, { key: '' }), 'the option key of ctx.track'],
    ['a key that is too long', (ctx) => ctx.track(TOPIC, 1, { key: 'x'.repeat(257) }), 'a key of ctx.track'],
    ['an option that is misspelt', (ctx) => ctx.track(TOPIC, 1, { kye: 'a' } as object), 'did you mean "key"'],
    [
      'more topics than a component may be in',
      (ctx) => {
        for (let n = 0; n < 17; n++) ctx.track(`t${n}`, 1)
      },
      '16 topics at most',
    ],
    ['a receiver that there is not', (ctx) => ctx.presence(TOPIC, 'poeple'), 'did you mean "people"'],
    [
      'more presence than a component may watch',
      (ctx) => {
        for (let n = 0; n < 101; n++) ctx.presence(`t${n}`, 'people')
      },
      '100 subscriptions at most',
    ],
  ]
  test.each(bad)('%s fails the step, which tracks nothing', async (_, ask, said) => {
    const { site, open } = await start(FOREVER, (loom) =>
      loom.register('bad', {
        props: { count: 0 },
        handle: {
          ask({ count }, _, ctx) {
            ctx.track('elsewhere', 'before')
            ask(ctx)
            return { count: count + 1 }
          },
        },
        receive: { people: (props) => props },
        render: ({ count }) => html`${count}`,
      }),
    )
    const page = await open('ann')
    page.event('ask')
    await until('the answer', () => page.waiting === 0)
    expect(page.text).toBe('0')
    await until('the log', () => site.log.all.includes(said))
    expect(await site.loom.presence('elsewhere')).toEqual({ present: [], count: 0 })
  })

  test.each([
    ['in a topic', { presenceEntriesPerTopic: 1 }, 'limits.presenceEntriesPerTopic'],
    ['in all', { presenceEntries: 2 }, 'limits.presenceEntries'],
  ])('one component more than may be tracked %s fails its step, which takes no place', async (_, limits, said) => {
    const { site, open } = await start({ limits })
    const [ann, ben, cleo] = [await open('ann', 'A'), await open('ben'), await open('cleo')]
    // The first of the two topics has room, and the second one has none.
    ben.event('both', 'B')
    await until('the answer', () => ben.waiting === 0)
    await until('the log', () => site.log.all.includes(said))
    expect(await keys(site.loom)).toEqual(['ann'])
    // Who is tracked already may change the meta, and somebody may come when it has gone.
    ann.event('track', 'A2')
    ann.event('untrack')
    await until('the answers', () => ann.waiting === 0)
    cleo.event('both', 'C')
    await until('cleo to be there', async () => (await keys(site.loom)).includes('cleo'))
    expect(await site.loom.presence('first')).toEqual({ present: [{ key: 'cleo', metas: ['C'] }], count: 1 })
    await until('the log', () => site.log.errors.length === 1)
  })

  test.each([7, '', '\0me', { name: '' }])('%j is no topic of loom.presence', async (topic) => {
    const { loom } = await Site.start()
    await expect(loom.presence(topic as string)).rejects.toMatchObject({ code: 'LOOM_ARGUMENT' })
  })
})

test('a component that is untracked leaves, and one that unsubscribes is told no more', async () => {
  const { open } = await start(SOON)
  const [watcher, ann, quits] = [await open('watcher'), await open('ann', 'A'), await open('quits', 'Q')]
  await showsPeople(watcher, 'ann=A quits=Q')
  await showsPeople(quits, 'ann=A quits=Q')
  quits.event('quit')
  await until('the answer', () => quits.waiting === 0)
  ann.event('untrack')
  await showsPeople(watcher, 'quits=Q')
  expect(people(quits)).toBe('ann=A quits=Q')
  quits.event('again')
  await showsPeople(quits, 'quits=Q')
})

test('a receiver that throws is told everybody again, and not for ever', async () => {
  const fails = { left: 0 }
  const { site, open } = await start(SOON, (loom) => room(loom, fails))
  const watcher = await open('watcher')
  await until('everybody', () => told(watcher).length === 1)
  fails.left = 1
  const ann = await open('ann', 'A')
  await showsPeople(watcher, 'ann=A')
  await until('the log', () => site.log.all.includes('this receiver fails'))
  // What it has not handled was a change, so that everybody followed; `ann` may have been the one that failed.
  ann.end()
  await showsPeople(watcher, '')
  const failed = site.log.errors.length
  fails.left = 2
  const ben = await open('ben')
  ben.event('track', 'B')
  await until('two failures', () => site.log.errors.length === failed + 2)
  ben.event('track', 'B2')
  await showsPeople(watcher, 'ben=B2')
})

test('who came while a message waited that then failed is not missed', async () => {
  const barrier = new Barrier()
  let hasFailed = false
  const { site, open } = await start(FOREVER, (loom) =>
    loom.register('behind', {
      props: { people: [] as readonly Person<string>[], isGated: false },
      connected: (_, ctx) => ctx.presence(TOPIC, 'people'),
      handle: {
        track(props, { value }, ctx) {
          ctx.track(TOPIC, value)
          return { ...props }
        },
        async again(props, _, ctx) {
          ctx.presence(TOPIC, 'people')
          await ctx.subscribe('gate', 'gate')
          await barrier.wait()
          return { ...props, isGated: true }
        },
      },
      receive: {
        async gate() {
          await barrier.wait()
          throw new Error('the gate fails')
        },
        people(props, { data }: PresenceMessage<string>) {
          if (props.isGated && !hasFailed) {
            hasFailed = true
            throw new Error('this receiver fails')
          }
          return { ...props, people: peopleAfter(props.people, data) }
        },
      },
      render: ({ people }) => html`${people.map(({ key, metas }) => `${key}=${metas.join('+')}`).join(' ')}`,
    }),
  )
  const [watcher, ann, ben] = [await open('watcher'), await open('ann'), await open('ben')]
  ann.event('track', 'A')
  await shows(watcher, 'ann=A')
  // Two messages wait together: that of the gate, and behind it everybody, who is asked for again.
  watcher.event('again')
  await barrier.reached()
  await site.loom.publish('gate', 1)
  barrier.open()
  await barrier.reached()
  ben.event('track', 'B')
  await shows(ann, 'ann=A ben=B')
  barrier.open()
  await until('both failures', () => site.log.errors.length === 2)
  await shows(watcher, 'ann=A ben=B')
})

test('a receiver that asks for everybody each time that it is told comes to an end', async () => {
  let told = 0
  const { site, open } = await start(FOREVER, (loom) =>
    loom.register('circle', {
      props: { told: 0, events: 0 },
      connected: (_, ctx) => ctx.presence(TOPIC, 'people'),
      handle: { event: (props) => ({ ...props, events: props.events + 1 }) },
      receive: {
        people(props, _, ctx) {
          told += 1
          ctx.presence(TOPIC, 'people')
          return { ...props, told: props.told + 1 }
        },
      },
      render: ({ events }) => html`${events}`,
    }),
  )
  const page = await open('ann')
  await until('the log', () => site.log.all.includes('in a circle'))
  const before = told
  page.event('event')
  await shows(page, '1')
  expect(told).toBe(before)
})

test('a page that has gone while a handler ran is told everybody when it is back', async () => {
  const barrier = new Barrier()
  const { site, open } = await start(FOREVER, (loom) =>
    loom.register('slow', {
      props: { told: '' },
      connected: (_, ctx) => ctx.presence(TOPIC, 'people'),
      handle: {
        async track(props, { value }, ctx) {
          if (value === 'slow') {
            await barrier.wait()
          }
          ctx.track(TOPIC, value)
          return { ...props }
        },
      },
      receive: { people: (props, { data }: PresenceMessage) => ({ told: `${props.told} ${kindsOf(data).join()}` }) },
      render: ({ told }) => html`${told.trim()}`,
    }),
  )
  const [ann, ben] = [await open('ann'), await open('ben')]
  await shows(ann, 'all:0')
  ann.event('track', 'slow')
  await barrier.reached()
  await away(site, ann)
  const { events } = site.loom.stats()
  barrier.open()
  await until('the step', () => site.loom.stats().events === events + 1)
  ben.event('track', 'B')
  await until('ben to be there', async () => (await keys(site.loom)).join() === 'ben')
  expect(await keys(site.loom)).toEqual(['ben'])
  await back(ann)
  await until('it to be told', () => ann.text.length > 'all:0'.length)
  expect(ann.text.split(' ').slice(0, 2)).toEqual(['all:0', 'all:1'])
})

test('of two thousand people those who watch are told the count', async () => {
  const { site, open } = await start({}, (loom) => {
    loom.register('person', {
      props: { key: '' },
      handle: {
        come(props, _, ctx) {
          ctx.track(TOPIC, 'here', { key: props.key })
          return props
        },
      },
      render: ({ key }) => html`${key}`,
    })
    return room(loom)
  })
  const watcher = await open('watcher')
  const many = 2_000
  const come = async (number: number): Promise<void> => {
    const key = `person ${number}`
    const socket = await site.loom.start(key, () => undefined, 'person', JSON.stringify({ key }))
    atEnd(() => {
      socket.stop()
    })
    socket.send({ type: 'event', handler: 'come', event: 'click' })
  }
  for (let number = 0; number < many; number++) await come(number)
  await until('all of them', async () => (await site.loom.presence(TOPIC)).count === many)
  expect(await site.loom.presence(TOPIC)).toEqual({ count: many })
  await until('the count', () => told(watcher).at(-1) === `count:${many}`)
  expect(people(watcher).trim()).toBe('')
  const late = await open('late')
  await shows(late, ` | count:${many}`)
})

test('whose user is disconnected has left', async () => {
  const { site, open } = await start(SOON)
  const [watcher, ann] = [await open('watcher'), await open('ann', 'A')]
  await showsPeople(watcher, 'ann=A')
  ann.retry = () => 1_000_000
  expect(site.loom.disconnect({ bind: 'ann' })).toBe(1)
  await showsPeople(watcher, '')
})

test('nobody leaves because the application closes, and a closed one knows nobody', async () => {
  const { site, open } = await start({ limits: { presenceGrace: 0 } })
  const [watcher, ann] = [await open('watcher', 'W'), await open('ann', 'A')]
  await showsPeople(watcher, 'ann=A watcher=W')
  const gone = [watcher, ann].map((page) => {
    page.retry = () => 1_000_000
    return until('the end', () => page.closedWith.length > 0)
  })
  await site.loom.close()
  await Promise.all(gone)
  expect(told(watcher).filter((kind) => kind.startsWith('-'))).toEqual([])
  await expect(site.loom.presence(TOPIC)).rejects.toMatchObject({ code: 'LOOM_STOPPED' })
})

test('a classic client is there and is told', async () => {
  const { site, name, open, token } = await start(SOON)
  const client = await Client.open(site.url(), { headers: { 'x-user': 'old' } })
  await client.joined('c0', name, await token('old', 'O'))
  const ann = await open('ann', 'A')
  await showsPeople(ann, 'ann=A old=O')
  await until('the client to show both', () =>
    client.messages.some((one) => JSON.stringify(one).includes('ann=A old=O')),
  )
  client.socket.terminate()
  await showsPeople(ann, 'ann=A')
})

test('a key is given, or bind’s, or a component’s own', async () => {
  const { site, open } = await start(FOREVER, (loom) =>
    loom.register('keys', {
      props: { count: 0 },
      handle: {
        track({ count }, { value }, ctx) {
          ctx.track(TOPIC, count, value === undefined ? {} : { key: value })
          return { count: count + 1 }
        },
      },
      render: ({ count }) => html`${count}`,
    }),
  )
  const [ann, nobody, other] = [await open('ann'), await open(''), await open('')]
  for (const page of [ann, nobody, other]) {
    page.event('track')
    await shows(page, '1')
  }
  const [first, second, third] = await keys(site.loom)
  expect(first).toBe('ann')
  expect(second).toMatch(/^[\w-]{22}$/)
  expect(third).toMatch(/^[\w-]{22}$/)
  expect(third).not.toBe(second)
  // Tracked again it has the same key, and another one only if that is given.
  nobody.event('track')
  await shows(nobody, '2')
  expect(await keys(site.loom)).toEqual([first, second, third])
  other.event('track', 'given')
  await shows(other, '2')
  other.event('track')
  await shows(other, '3')
  const { present = [] } = await site.loom.presence<number>(TOPIC)
  expect(present.find(({ key }) => key === 'given')?.metas).toEqual([2])
})

test('who is there after a message: in their order, and whoever has not changed is the same object', () => {
  const named = (key: string): Person => ({ key, metas: [1] })
  const [ann, ben, cleo] = [named('ann'), named('ben'), named('cleo')]
  const before = peopleAfter([ben], { present: [ann, ben], count: 2 })
  expect(before).toEqual([ann, ben])
  const changed = [{ key: 'ann', metas: [2] }]
  const after = peopleAfter(before, { joined: [cleo], changed, left: [], count: 3 })
  expect(after).toEqual([{ key: 'ann', metas: [2] }, ben, cleo])
  expect([after[1] === ben, after[2] === cleo]).toEqual([true, true])
  expect(peopleAfter(after, { joined: [], changed: [], left: [ben], count: 2 }).map(({ key }) => key)).toEqual([
    'ann',
    'cleo',
  ])
  expect(peopleAfter(after, { count: 1_001 })).toEqual([])
})

test('what is told is a message of its own, whose data all who are told it share, frozen', async () => {
  const seen: PresenceMessage[] = []
  const { open, site } = await start(FOREVER, (loom) =>
    loom.register('seen', {
      props: { count: 0 },
      connected(_, ctx) {
        ctx.presence(loom.topic(TOPIC), 'people')
      },
      handle: {
        track: (props, { value }, ctx) => {
          ctx.track(loom.topic(TOPIC), { value })
          return props
        },
      },
      receive: {
        people: (props, message: PresenceMessage) => {
          seen.push(message)
          return { ...props, count: props.count + 1 }
        },
      },
      render: ({ count }) => html`${count}`,
    }),
  )
  const pages = [await open('ann'), await open('ben')]
  await Promise.all(pages.map((page) => shows(page, '1')))
  pages[0]?.event('track', 'A')
  await Promise.all(pages.map((page) => shows(page, '2')))
  const changes = seen.filter(({ data }) => data.joined !== undefined)
  expect(changes).toHaveLength(2)
  const joined = [{ key: 'ann', metas: [{ value: 'A' }] }]
  const data = { joined, changed: [], left: [], count: 1 }
  const id = expect.any(String) as string
  expect(changes[0]).toEqual({ id, from: 'presence', topic: TOPIC, gap: false, done: false, data })
  expect(changes[0]?.id).not.toBe(changes[1]?.id)
  expect(changes[0]?.data).toBe(changes[1]?.data)
  expect(Object.isFrozen(changes[0]?.data.joined?.[0]?.metas[0])).toBe(true)
  expect(site.log.all).toBe('')
})
