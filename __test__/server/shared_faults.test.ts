/** What one page, one handler or one forger does to a shared component harms nobody else. */

import { html, type Loom } from 'loom-live'
import { WebSocket } from 'ws'
import { Barrier } from '../support/barrier'
import { atEnd } from '../support/cleanup'
import { LivePage } from '../support/live_page'
import { shows } from '../support/pages'
import { board, byHeader, KEY, openShared, settled, sharedPage, sharedToken } from '../support/shared'
import { inside, Site } from '../support/site'
import { until } from '../support/until'

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

test('one page that floods is told so, and the others have their turns', async () => {
  const site = await Site.start({ limits: { eventBurst: 2_000, eventRate: 2_000 } })
  let handled = 0
  const module = site.loom.register('slow', {
    props: { count: 0 },
    handle: {
      async add({ count }) {
        handled++
        await pause(5)
        return { count: count + 1 }
      },
    },
    render: ({ count }) => html`${count}`,
  })
  const token = await sharedToken(site, module)
  const flood = new WebSocket(site.url(), 'loom.2')
  atEnd(() => {
    flood.terminate()
  })
  let refused = 0
  await new Promise<void>((resolve) => {
    flood.on('open', () => {
      flood.send(JSON.stringify(['j', 1, 'slow', token]))
    })
    flood.on('message', (data) => {
      const text = (data as Buffer).toString()
      if (text.includes('"j"')) resolve()
      refused += text.split('Too many events are waiting').length - 1
    })
  })
  const page = await sharedPage(site, module)
  for (let number = 1; number <= 500; number++) flood.send(JSON.stringify(['e', 1, number, 0, 'add', 'click']))
  await until('the flood to be handled', () => handled > 2)
  const before = handled
  page.event('add')
  await settled(page)
  // Each of its turns is after one event of the flood, and not after all that wait.
  expect(handled - before).toBeLessThanOrEqual(10)
  await until('the flood to be told', () => refused > 0)
})

test('many pages of one address have their turns together: whoever has another waits for one of them', async () => {
  const site = await Site.start({ trustProxy: true })
  const barrier = new Barrier()
  const order: string[] = []
  const module = site.loom.register('slow', {
    props: { count: 0 },
    handle: {
      wait: async (props) => {
        await barrier.wait()
        return { ...props }
      },
      add({ count }, { value = '' }) {
        order.push(value)
        return { count: count + 1 }
      },
    },
    render: ({ count }) => html`${count}`,
  })
  const from = (address: string): Promise<LivePage> =>
    sharedPage(site, module, { socket: { headers: { 'x-forwarded-for': address } } })
  const crowd: LivePage[] = []
  for (let count = 0; count < 20; count++) crowd.push(await from('198.51.100.1'))
  const [one, other] = [await from('203.0.113.1'), await from('203.0.113.2')]
  crowd[0]?.event('wait')
  await barrier.reached()
  for (const page of crowd) for (let count = 0; count < 3; count++) page.event('add', 'crowd')
  await until('the events of the crowd to wait', () => site.loom.stats().queuedEvents >= 60)
  for (const page of [one, other])
    for (let count = 0; count < 2; count++) page.event('add', page === one ? 'one' : 'other')
  await until('all to wait', () => site.loom.stats().queuedEvents >= 64)
  barrier.open()
  await until('all to be handled', () => order.length === 64)
  expect(order.slice(0, 6).sort()).toEqual(['crowd', 'crowd', 'one', 'one', 'other', 'other'])
  await Promise.all([...crowd, one, other].map(settled))
})

test('one page that has too much waiting gives it up, and sends it again; nothing of it is lost or counts twice', async () => {
  const limits = { waitingBytes: 200_000, messageBytes: 400_000, parkTime: 600_000 }
  const site = await Site.start({ bind: byHeader, limits })
  const barrier = new Barrier()
  const module = site.loom.register('slow', {
    props: { count: 0 },
    handle: {
      add: ({ count }) => ({ count: count + 1 }),
      async wait() {
        await barrier.wait()
      },
    },
    render: ({ count }) => html`${count}`,
  })
  const [page, other] = [
    await sharedPage(site, module, { user: 'ada' }),
    await sharedPage(site, module, { user: 'bob' }),
  ]
  other.event('wait')
  await barrier.reached()
  other.event('add')
  await until('the event to wait', () => site.loom.stats().queuedEvents === 1)
  page.retry = () => 60_000
  for (let count = 0; count < 8; count++) page.event('add', 'x'.repeat(30_000))
  await until('the connection to be closed', () => page.closedWith.includes(1013))
  // It is given up now, and not when the handler is done.
  await until('what waits to be given up', () => site.loom.stats().queuedEvents === 1)
  barrier.open()
  await shows(other, '1')
  page.retry = () => 10
  page.comeBack()
  await settled(page)
  await Promise.all([shows(page, '9'), shows(other, '9')])
  expect([other.closedWith, page.lost]).toEqual([[], 0])
})

test('one page that never reads costs a bound, and the others see each change', async () => {
  const site = await Site.start({ limits: { outgoingBytes: 32 << 10, patchRate: 1000, messageBytesBurst: 64 << 20 } })
  const module = board(site.loom)
  const token = await sharedToken(site, module)
  const deaf = new WebSocket(site.url(), 'loom.2')
  atEnd(() => {
    deaf.terminate()
  })
  await new Promise<void>((resolve) => {
    deaf.on('open', () => {
      deaf.send(JSON.stringify(['j', 1, 'board', token]))
    })
    deaf.once('message', () => {
      resolve()
    })
  })
  const socket = (deaf as unknown as { _socket: { pause(): void; resume(): void } })._socket
  socket.pause()
  const page = await sharedPage(site, module)
  const text = 'x'.repeat(100_000)
  for (let round = 0; round < 100; round++) {
    page.event('say', `${round}${text}`)
    await settled(page)
  }
  await shows(page, `0 99${text}`)
  // When it reads on, it is shown the newest at once.
  let last = ''
  deaf.on('message', (data) => (last = (data as Buffer).toString()))
  socket.resume()
  await until('the newest', () => last.includes(`99${text}`))
})

test('onError gets what a receiver and mount have thrown, and no request', async () => {
  const told: unknown[] = []
  const site = await Site.start({
    onError: (error, { callback, request }) => {
      told.push([callback, (error as Error).message, request.headers])
    },
  })
  const module = site.loom.register('throws', {
    props: { count: 0 },
    mount(_, { key }) {
      if (key === 'bad') throw new Error('no such key')
    },
    handle: {
      later(_, __, ctx) {
        ctx.after('rang', 0)
      },
    },
    receive: {
      rang() {
        throw new Error('no')
      },
    },
    render: ({ count }) => html`${count}`,
  })
  await expect(site.loom.mount(module, {}, { shared: 'bad' })).rejects.toThrow('no such key')
  const page = await sharedPage(site, module)
  page.event('later')
  await until('both', () => told.length === 2)
  expect(told).toEqual([
    ['mount', 'no such key', {}],
    ['receive', 'no', {}],
  ])
})

test('one whose mount throws refuses its pages, and starts when mount does not throw any more', async () => {
  const site = await Site.start()
  let fails = false
  const module = site.loom.register('loads', {
    props: { count: 0 },
    mount() {
      if (fails) throw new Error('the database is away')
    },
    handle: {},
    render: ({ count }) => html`${count}`,
  })
  const token = await sharedToken(site, module)
  fails = true
  await expect(site.loom.mount(module, {}, { shared: 'other' })).rejects.toThrow(/the database is away/)
  await expect(site.loom.mount(module, {}, { shared: 'other' })).rejects.toMatchObject({ code: 'LOOM_START' })
  await until('the log', () => site.log.errors.join().includes('the database is away'))
  // The first one still lives.
  const page = new LivePage({ url: () => site.url(), module: 'loads', token })
  atEnd(() => {
    page.end()
  })
  await until('the page to be live', () => page.isLive)
  fails = false
  expect(await site.loom.mount(module, {}, { shared: 'other' })).toContain('>0</div>')
})

test('a join of a component whose mount throws is refused', async () => {
  const site = await Site.start({ limits: { mountTime: 20, parkTime: 0 } })
  let fails = false
  const module = site.loom.register('loads', {
    props: { count: 0 },
    mount() {
      if (fails) throw new Error('the database is away')
    },
    handle: {},
    render: ({ count }) => html`${count}`,
  })
  const token = await sharedToken(site, module)
  await until('its end', () => site.loom.stats().components === 0)
  fails = true
  const page = new LivePage({ url: () => site.url(), module: 'loads', token })
  atEnd(() => {
    page.end()
  })
  await until('the refusal', () => page.refused)
  expect(page.refused?.[0]).toContain('the database is away')
  expect(site.loom.stats().components).toBe(0)
})

test('a token that is forged, of another user, of another module or older than tokenAge is refused', async () => {
  const site = await Site.start({ bind: byHeader, limits: { tokenAge: 1_000 } })
  const module = board(site.loom)
  site.loom.register('other', { props: {}, handle: {}, render: () => html`x` })
  const good = await sharedToken(site, module, { user: 'ada' })
  const join = async (name: string, token: string, user: string): Promise<unknown[]> => {
    const socket = { headers: { 'x-user': user } }
    const page = new LivePage({ url: () => site.url(), module: name, token, socket })
    atEnd(() => {
      page.end()
    })
    await until('an answer', () => page.refused ?? page.isLive)
    return page.refused ?? ['live']
  }
  expect(await join('board', good, 'ada')).toEqual(['live'])
  const changed = good.slice(0, -4) + (good.endsWith('AAAA') ? 'BBBB' : 'AAAA')
  for (const [name, token, user] of [
    ['board', changed, 'ada'],
    ['board', good, 'eve'],
    ['other', good, 'ada'],
  ] as const) {
    expect((await join(name, token, user))[1]).toBe('reload')
  }
  await pause(2_100)
  expect((await join('board', good, 'ada'))[1]).toBe('reload')
})

test('a ticket that is forged, of another key or of another user is worth nothing', async () => {
  const site = await Site.start({ bind: byHeader })
  const module = board(site.loom)
  const ada = await sharedPage(site, module, { user: 'ada' })
  ada.event('add')
  await settled(ada)
  const ticket = ada.memory.secret
  const join = async (user: string, key: string, secret: string): Promise<unknown[]> => {
    const token = await sharedToken(site, module, { user, key })
    const ws = new WebSocket(site.url(), 'loom.2', { headers: { 'x-user': user } })
    atEnd(() => {
      ws.terminate()
    })
    return new Promise((resolve) => {
      ws.on('open', () => {
        ws.send(JSON.stringify(['j', 1, 'board', token, secret, 1, 1, 0]))
      })
      ws.on('message', (data) => {
        const frame = JSON.parse((data as Buffer).toString()) as unknown[]
        const messages = (Array.isArray(frame[0]) ? frame : [frame]) as unknown[][]
        const answer = messages.find(([type]) => type === 'j' || type === 'a' || type === 'f')
        if (answer !== undefined) resolve(answer)
      })
    })
  }
  // A viewer of its own, whose events count from the first.
  for (const [user, key, secret] of [
    ['eve', KEY, ticket],
    ['ada', 'another', ticket],
    ['ada', KEY, ticket.slice(0, -4) + 'AAAA'],
    ['ada', KEY, ''],
    // The page's token is no ticket.
    ['ada', KEY, await sharedToken(site, module, { user: 'ada' })],
  ] as const) {
    // Nothing was lost: who has no ticket has sent nothing before. The component is shared, which is flag 2.
    const [type, , number, , , , flags] = await join(user, key, secret)
    expect([type, number, flags]).toEqual(['j', 0, 2])
  }
  // The page itself goes on, and has lost nothing.
  ada.event('add')
  await shows(ada, '2 board-7')
  expect([ada.joins, ada.resumes]).toEqual([1, 0])
  // Its own ticket takes its place over.
  const [type, , number] = await join('ada', KEY, ticket)
  expect([type, number]).toEqual(['a', 2])
})

test('a handler that never ends fails its event, and the others go on after it', async () => {
  const site = await Site.start({ limits: { handlerTime: 500 } })
  const module = site.loom.register('hangs', {
    props: { count: 0 },
    handle: {
      hang: () => new Promise<never>(() => undefined),
      add: ({ count }) => ({ count: count + 1 }),
    },
    render: ({ count }) => html`${count}`,
  })
  const [page, other] = [await sharedPage(site, module), await sharedPage(site, module)]
  const outcomes: string[] = []
  page.onAnswer = (_, outcome) => outcomes.push(outcome)
  page.event('hang')
  other.event('add')
  await Promise.all([shows(page, '1'), shows(other, '1'), settled(page)])
  expect(outcomes).toEqual(['failed'])
})

/** What is said, one behind the other; `wait` says its ! when the barrier is open. */
const sayings = (loom: Loom, barrier: Barrier): { name: string } =>
  loom.register('waits', {
    props: { said: '' },
    handle: {
      say: ({ said }, { value }) => ({ said: `${said}${value}` }),
      async wait({ said }) {
        await barrier.wait()
        return { said: `${said}!` }
      },
    },
    render: ({ said }) => html`${said}`,
  })

test('while a handler runs, others are let in, pages are rendered, and what was committed before is shown', async () => {
  const site = await Site.start({ limits: { patchRate: 10 } })
  const barrier = new Barrier()
  const module = sayings(site.loom, barrier)
  const [page, other] = [await sharedPage(site, module), await sharedPage(site, module)]
  // The second change is held back for a moment, and nobody has asked for the tree since.
  for (const value of ['a', 'b']) page.event('say', value)
  page.event('wait')
  await barrier.reached()
  await Promise.all([shows(page, 'ab'), shows(other, 'ab')])
  expect(page.waiting).toBe(1)
  const late = await sharedPage(site, module)
  await shows(late, 'ab')
  expect(inside(await site.loom.mount(module, {}, { shared: KEY }))).toBe('ab')
  barrier.open()
  await Promise.all([page, other, late].map((one) => shows(one, 'ab!')))
  expect([page.waiting, late.unasked]).toEqual([0, 1])
})

test('the same while a receiver runs', async () => {
  const site = await Site.start()
  const barrier = new Barrier()
  const module = site.loom.register('waits', {
    props: { said: '' },
    handle: {
      say: ({ said }, { value }, ctx) => {
        ctx.after('rang', 0)
        return { said: `${said}${value}` }
      },
    },
    receive: {
      async rang({ said }) {
        await barrier.wait()
        return { said: `${said}!` }
      },
    },
    render: ({ said }) => html`${said}`,
  })
  const page = await sharedPage(site, module)
  page.event('say', 'a')
  await barrier.reached()
  const late = await sharedPage(site, module)
  await shows(late, 'a')
  barrier.open()
  await Promise.all([shows(page, 'a!'), shows(late, 'a!')])
})

test('a browser cannot call the receiver viewers', async () => {
  const site = await Site.start()
  const module = site.loom.register('here', {
    props: { told: 0 },
    handle: {},
    receive: { viewers: ({ told }) => ({ told: told + 1 }) },
    render: ({ told }) => html`${told}`,
  })
  const page = await sharedPage(site, module)
  await shows(page, '1')
  const outcomes: string[] = []
  page.onAnswer = (_, outcome) => outcomes.push(outcome)
  page.event('viewers')
  await settled(page)
  expect(outcomes).toEqual(['failed'])
  expect(page.text).toBe('1')
})

test('a user who is disconnected is gone at once, also in the middle of an event, and the others stay', async () => {
  const site = await Site.start({ bind: byHeader })
  let calls = 0
  const module = site.loom.register('slow', {
    props: { count: 0 },
    handle: {
      async add({ count }, event) {
        calls++
        if (event.viewer?.bind === 'eve') await new Promise(() => undefined)
        return { count: count + 1 }
      },
    },
    render: ({ count }) => html`${count}`,
  })
  const ada = await sharedPage(site, module, { user: 'ada' })
  const eve = await sharedPage(site, module, { user: 'eve' })
  eve.retry = () => 60_000
  eve.event('add')
  eve.event('add')
  await until('the call', () => calls === 1)
  ada.event('add')
  expect(site.loom.disconnect({ bind: 'eve' })).toBe(1)
  await shows(ada, '1')
  await until('the end', () => eve.closedWith.length === 1)
  ada.event('add')
  await shows(ada, '2')
  expect([calls, eve.text, ada.joins]).toEqual([3, '0', 1])
})

test('a component whose actor ends is told to its pages, and the next join starts it anew', async () => {
  // Two processes that share a store and know nothing of each other: the one that starts the component has it.
  const file = `${process.env['TMPDIR'] ?? '/tmp'}/loom-live-shared-owner-${process.pid}.sqlite`
  const { rmSync } = await import('node:fs')
  atEnd(() => {
    for (const end of ['', '-wal', '-shm']) rmSync(file + end, { force: true })
  })
  const sites = [await Site.start({ store: { sqlite: file } }), await Site.start({ store: { sqlite: file } })] as const
  const module = board(sites[0].loom)
  board(sites[1].loom)
  const first = await sharedPage(sites[0], module)
  first.event('add')
  await settled(first)
  const second = await sharedPage(sites[1], module)
  await shows(second, '1 board-7')
  second.event('add')
  await shows(second, '2 board-7')
  first.event('add')
  await until('the refusal', () => first.refused)
  expect(first.refused?.[1]).toBe('busy')
  // Nothing was committed twice: the page comes back, and its event counts once.
  first.cut()
  await until('the page to be back', () => first.joins === 2 && first.isSettled)
  await shows(first, '3 board-7')
})

test('classic clients share it, too, and each event has one answer', async () => {
  const site = await Site.start()
  const module = board(site.loom)
  const token = (): Promise<string> => sharedToken(site, module)
  const classic = await site.connect()
  await classic.joined('a', 'board', await token())
  const page = await sharedPage(site, module)
  for (let round = 1; round <= 20; round++) {
    page.event('add')
    expect(await classic.shows('a', 'nothing')).toMatch(/^\d+ board-7$/)
    await classic.event('a', 'add')
  }
  expect(await classic.fails('a', 'boom')).toBe('handle of module board: boom')
  await shows(page, '40 board-7')
  await until('the last change', () => classic.html('a') === '40 board-7')
  // What nobody of its page asked for came as a patch.
  page.event('add')
  await until('the change', () => classic.html('a') === '41 board-7')
  classic.leave('a')
  await openShared(site, module)
})

test('a classic client’s answer includes its event, also if another page’s change came between', async () => {
  const site = await Site.start()
  const barrier = new Barrier()
  const module = sayings(site.loom, barrier)
  const classic = await site.connect()
  await classic.joined('a', module.name, await sharedToken(site, module))
  const page = await sharedPage(site, module)
  for (let round = 1; round <= 3; round++) {
    page.event('wait')
    await barrier.reached()
    const first = classic.shows('a', 'say', { value: 'a' })
    const failed = classic.fails('a', 'none')
    const second = classic.shows('a', 'say', { value: 'b' })
    await until('the events to wait', () => site.loom.stats().queuedEvents === 3)
    barrier.open()
    expect([await first, (await failed) === '', await second].slice(1)).toEqual([false, '!ab'.repeat(round)])
    expect((await first).startsWith(`${'!ab'.repeat(round - 1)}!a`)).toBe(true)
    await settled(page)
  }
  expect(classic.unexpected.filter(({ type }) => type !== 'trees')).toEqual([])
})
