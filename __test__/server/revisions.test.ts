/** Event numbers, revisions and lives: what each counts, what a state holds, and what a crash takes back. */

import { html, type Loom, type LoomOptions, type Message } from 'loom-live'
import { Barrier } from '../support/barrier'
import { LivePage } from '../support/live_page'
import { away, back, comeBack, gone, pageOf, shows, startPage as start } from '../support/pages'
import { Site } from '../support/site'
import { checkpointed, FEW, type Register, sqlite, twoProcesses } from '../support/two_processes'
import { until } from '../support/until'

const settled = (page: LivePage): Promise<unknown> => until('all answers', () => page.isSettled)

/** The messages that the page gets from here on. */
function listen(page: LivePage): unknown[][] {
  const messages: unknown[][] = []
  page.onFrame = (frame) => {
    const parsed = JSON.parse(frame.toString()) as unknown[]
    messages.push(...((Array.isArray(parsed[0]) ? parsed : [parsed]) as unknown[][]))
  }
  return messages
}

/** Counts events and messages; `hidden` is not shown. */
const counting: Register = (loom) =>
  loom.register('counting', {
    props: { clicks: 0, ticks: 0, hidden: 0 },
    connected: async (_, ctx) => ctx.subscribe('ticks', 'tick'),
    handle: {
      click: (props) => ({ ...props, clicks: props.clicks + 1 }),
      hide: (props) => ({ ...props, hidden: props.hidden + 1 }),
      fail: () => {
        throw new Error('no')
      },
    },
    receive: {
      tick: (props, { data }) =>
        data === 'hide' ? { ...props, hidden: props.hidden + 1 } : { ...props, ticks: props.ticks + 1 },
    },
    render: ({ clicks, ticks }) => html`${clicks} ${ticks}`,
  })

describe('the two counters', () => {
  test('a state that is committed is one revision more, whatever caused it; what fails or is not handled is none', async () => {
    const { site, page } = await start(counting)
    const before = page.revision
    page.event('click')
    await settled(page)
    expect(page.revision).toBe(before + 1)
    await site.loom.publish('ticks', 1)
    await shows(page, '1 1')
    expect(page.revision).toBe(before + 2)
    const outcomes: string[] = []
    page.onAnswer = (_, outcome) => outcomes.push(outcome)
    page.event('fail')
    page.event('no such handler')
    await settled(page)
    expect(page.revision).toBe(before + 2)
    // Each has a number of its own, which its answer names.
    expect([page.seen, outcomes]).toEqual([3, ['failed', 'failed']])
    page.event('click')
    await shows(page, '2 1')
    expect([page.seen, page.revision]).toEqual([4, before + 3])
  })

  test('a message raises no event number', async () => {
    const { site, page } = await start(counting)
    page.event('click')
    await settled(page)
    for (let round = 1; round <= 3; round++) {
      await site.loom.publish('ticks', 1)
      await shows(page, `1 ${round}`)
    }
    expect([page.seen, page.unasked]).toEqual([1, 3])
  })

  test('the wire names a revision only if it is not the last plus one', async () => {
    const { site, page } = await start(counting)
    const messages = listen(page)
    const names = (): unknown[] => messages.filter(([type]) => type === 'v').map(([, , revision]) => revision)
    page.event('click')
    await shows(page, '1 0')
    await site.loom.publish('ticks', 1)
    await shows(page, '1 1')
    page.event('hide')
    await settled(page)
    expect(names()).toEqual([])
    const { revision } = page
    // Nothing that is shown changes, and no event asks: nothing is sent.
    const sent = messages.length
    await site.loom.publish('ticks', 'hide')
    page.event('fail')
    await settled(page)
    expect(messages.slice(sent).filter(([type]) => typeof type === 'number')).toEqual([])
    page.event('click')
    await shows(page, '2 1')
    expect(names()).toEqual([revision + 2])
    expect(page.revision).toBe(revision + 2)
  })

  test('a checkpoint includes an event that failed: it is not handled again in another process', async () => {
    let failed = 0
    const { page, moves, second } = await twoProcesses((loom) =>
      loom.register('fails', {
        props: { count: 0 },
        handle: {
          click: ({ count }) => ({ count: count + 1 }),
          fail: () => {
            failed += 1
            throw new Error('no')
          },
        },
        render: ({ count }) => html`${count}`,
      }),
    )
    page.event('click')
    page.event('fail')
    await settled(page)
    await checkpointed(page)
    const { checkpoint } = page.memory
    page.event('fail')
    await until('the checkpoint that has it', () => page.memory.checkpoint !== checkpoint)
    await settled(page)
    await moves()
    page.event('click')
    await shows(page, '2')
    expect([failed, page.seen, second.loom.stats().events]).toEqual([2, 4, 1])
  })
})

describe('lives', () => {
  /** Shows the life that its last message came in: the id of a timer's message names it. */
  const living: Register = (loom) =>
    loom.register('living', {
      props: { ids: [] as string[] },
      handle: {
        ring: (props, _, ctx) => {
          ctx.after('rung', 0)
          return { ...props }
        },
      },
      receive: { rung: ({ ids }, { id }) => ({ ids: [...ids, id] }) },
      render: ({ ids }) => html`${ids.join(' ')}`,
    })

  async function ring(page: LivePage): Promise<{ instance: string; life: string; count: string }> {
    const before = page.text
    page.event('ring')
    await until('the timer', () => page.text !== before && page.isSettled)
    const id = page.text.split(' ').at(-1) ?? ''
    const [, instance = '', life = '', count = ''] = /^([\w-]{22})-(\d+)\.(\d+)$/.exec(id) ?? []
    return { instance, life, count }
  }

  test.each([
    ['a checkpoint', (): LoomOptions => ({})],
    ['a store', sqlite],
  ])('a start from %s is a new life, a resume is none, and no id of a timer comes twice', async (what, options) => {
    const { page, moves } = await twoProcesses(living, options())
    const first = await ring(page)
    const second = await ring(page)
    expect(second).toEqual({ ...first, count: '2' })
    page.cut()
    await until('the page to be back', () => page.resumes === 1 && page.isLive)
    expect(await ring(page)).toEqual({ ...first, count: '3' })
    const { checkpoint } = page.memory
    await until('its checkpoint', () => page.memory.checkpoint !== checkpoint)
    await moves()
    const moved = await ring(page)
    expect(moved).toMatchObject({ instance: first.instance, count: '1' })
    expect(moved.life).not.toBe(first.life)
    // With a store lives have an order.
    if (what === 'a store') expect(Number(moved.life)).toBeGreaterThan(Number(first.life))
    const ids = page.text.split(' ')
    expect(new Set(ids).size).toBe(ids.length)
  })

  test('a start from the page’s token is the life of another component', async () => {
    const { site, name, page } = await start(living)
    const other = await pageOf(site, name)
    const [one, two] = [await ring(page), await ring(other)]
    expect(one.instance).not.toBe(two.instance)
    expect(one.life).not.toBe(two.life)
  })

  test('what the page knows of an earlier life is answered with the whole tree', async () => {
    const { site, page } = await start(counting, { limits: { parkTime: 0 } })
    page.event('click')
    await settled(page)
    await checkpointed(page)
    await site.loom.publish('ticks', 1)
    await shows(page, '1 1')
    const { checkpoint } = page.memory
    page.event('click')
    await until('its checkpoint', () => page.memory.checkpoint !== checkpoint)
    const { revision } = page
    await gone(site, page)
    await until('the component to end', () => site.loom.stats().components === 0)
    comeBack(page)
    await until('the page to be back', () => page.joins === 2 && page.isSettled)
    expect([page.text, page.resumes]).toEqual(['2 1', 0])
    // The state goes on from its own revision.
    expect(page.revision).toBeGreaterThanOrEqual(revision)
  })
})

test('a page that is back names what it shows and what it has, and gets what came after either', async () => {
  const barrier = new Barrier()
  const { site, page } = await start((loom) =>
    loom.register('busy', {
      props: { said: '' },
      connected: async (_, ctx) => ctx.subscribe('news', 'heard'),
      handle: {
        async slow({ said }, _, ctx) {
          await barrier.wait()
          ctx.push('slow', said)
          return { said: `${said} slow` }
        },
        fail: () => {
          throw new Error('no')
        },
        leave: ({ said }, _, ctx) => {
          ctx.redirect('/elsewhere')
          return { said: `${said} left` }
        },
      },
      receive: { heard: ({ said }, { data }: Message) => ({ said: `${said} ${String(data)}` }) },
      render: ({ said }) => html`<b>${said}</b><p>${'a text that is there, so that the tree is not small'}</p>`,
    }),
  )
  const text = (said: string): string => `<b>${said}</b><p>a text that is there, so that the tree is not small</p>`
  await site.loom.publish('news', 'before')
  await shows(page, text(' before'))
  const outcomes: string[] = []
  page.onAnswer = ({ handler }, outcome) => outcomes.push(`${handler} ${outcome}`)
  const { revision } = page
  page.event('slow')
  page.event('fail')
  page.event('leave')
  await barrier.reached()
  await away(site, page)
  barrier.open()
  await until('its events', () => site.loom.stats().queuedEvents === 0 && site.loom.stats().callsInFlight === 0)
  await site.loom.publish('news', 'after')
  await back(page)
  await settled(page)
  await shows(page, text(' before slow left after'))
  // The changes, and no tree; the failure, the redirect and the push.
  expect([page.joins, page.revision]).toEqual([1, revision + 3])
  expect(outcomes).toEqual(['slow applied', 'fail failed', 'leave applied'])
  expect([page.redirects, page.pushes]).toEqual([['/elsewhere'], [['slow', ' before']]])
})

describe('a committed state', () => {
  /** Has something of everything that a state holds. */
  const whole: Register = (loom) =>
    loom.register('whole', {
      props: { count: 0, got: [] as string[] },
      handle: {
        async begin({ count, got }, _, ctx) {
          await ctx.subscribe('news', 'heard')
          ctx.after('rings', 400, 'late')
          ctx.publish('said', count + 1)
          return { count: count + 1, got }
        },
        async fails({ count, got }, _, ctx) {
          await ctx.subscribe('other', 'heard')
          ctx.after('rings', 0, 'never')
          ctx.publish('said', 'never')
          return { count: count + 1, got: [...got, 'never'] }
        },
      },
      receive: {
        heard: ({ count, got }, { data, gap }: Message) => ({ count, got: [...got, gap ? 'gap' : String(data)] }),
        rings: ({ count, got }, { data }) => ({ count, got: [...got, String(data)] }),
      },
      render: ({ count, got }) => {
        if (got.includes('never')) throw new Error('the step fails as late as it can')
        return html`${count} ${got.join(' ')}`
      },
    })

  async function heard(site: Site): Promise<unknown[]> {
    const said: unknown[] = []
    const { name } = site.loom.register('hears', {
      props: { count: 0 },
      connected: async (_, ctx) => ctx.subscribe('said', 'heard'),
      handle: {},
      receive: {
        heard: ({ count }, { data }) => {
          said.push(data)
          return { count: count + 1 }
        },
      },
      render: ({ count }) => html`${count}`,
    })
    await pageOf(site, name)
    return said
  }

  test.each([
    ['from a checkpoint', (): LoomOptions => ({ limits: FEW })],
    ['from a store', (): LoomOptions => ({ limits: FEW, ...sqlite() })],
  ])(
    'is revived %s with its event number, its subscriptions, its timers and what is to be published',
    async (_, options) => {
      const { first, second, page, moves } = await twoProcesses(whole, options())
      const [before, after] = [await heard(first), await heard(second)]
      page.event('begin')
      await until('the answer', () => page.isSettled && before.length === 1)
      await checkpointed(page)
      const { revision } = page
      await moves()
      expect([page.seen, page.revision >= revision]).toEqual([1, true])
      // Its topic is another one here, which is said. Then come what is published and the timer that went on.
      await until('the gap', () => page.text.includes('gap'))
      await second.loom.publish('news', 'heard')
      await until('all of it', () => ['gap', 'heard', 'late'].every((one) => page.text.includes(one)))
      // The timer rings among them, once.
      expect(page.text.split(' ').filter((one) => one !== 'late')).toEqual(['1', 'gap', 'heard'])
      expect(page.text.split(' ')).toHaveLength(4)
      await until('what it had to publish', () => after.length === 1)
      expect([before, after, second.loom.stats().events]).toEqual([[1], [1], 0])
    },
  )

  test('waits for its page with all of it', async () => {
    const { site, page } = await start(whole)
    const said = await heard(site)
    page.event('begin')
    await settled(page)
    await away(site, page)
    await site.loom.publish('news', 'heard')
    await back(page)
    // The timer may have rung before.
    await until('all of it', () => ['1 heard late', '1 late heard'].includes(page.text))
    expect(said).toEqual([1])
  })

  test('has all of a step, or nothing', async () => {
    const { site, page } = await start(whole)
    const said = await heard(site)
    page.event('fails')
    await settled(page)
    await site.loom.publish('other', 'never')
    page.event('begin')
    await site.loom.publish('said', 'end')
    await until('the end', () => said.includes('end'))
    await shows(page, '1 late')
    expect(said.filter((one) => one !== 'end')).toEqual([1])
  })
})

describe('what a crash takes back', () => {
  /** Notes what it gets, from wherever. */
  const noting =
    (tell: (address: string) => void, calls: { revived: boolean; behind: boolean }[]): Register =>
    (loom: Loom) =>
      loom.register('noting', {
        props: { all: [] as string[] },
        connected(_, ctx) {
          tell(ctx.self)
          calls.push({ revived: ctx.revived, behind: ctx.behind })
        },
        handle: {
          note: ({ all }, event) => ({ all: [...all, event.value ?? ''] }),
          timer: ({ all }, _, ctx) => {
            ctx.after('rings', 300, 'rung')
            return { all: [...all, 'timer'] }
          },
          task: ({ all }, _, ctx) => {
            ctx.task('rings', () => Promise.resolve('value'))
            return { all: [...all, 'task'] }
          },
        },
        receive: { rings: ({ all }, { data }) => ({ all: [...all, String(data)] }) },
        render: ({ all }) => html`${all.join(' ')}`,
      })

  test('without a store, events of the last stretch come again in their order; values of tasks and what was sent do not', async () => {
    const addresses: string[] = []
    const calls: { revived: boolean; behind: boolean }[] = []
    const register = noting((address) => addresses.push(address), calls)
    const { first, page, moves } = await twoProcesses(register, { limits: FEW })
    page.event('note', 'kept')
    await checkpointed(page)
    page.event('note', 'a')
    page.event('task')
    await shows(page, 'kept a task value')
    await first.loom.send(addresses[0] ?? '', 'rings', 'sent')
    await shows(page, 'kept a task value sent')
    page.event('note', 'b')
    await shows(page, 'kept a task value sent b')
    await moves()
    // The task is begun again, since its event is; what the first one gave is gone, and so is what was sent.
    await until('the value of the second task', () => page.text.includes('value'))
    await settled(page)
    const all = page.text.split(' ')
    expect(all.filter((one) => one !== 'value')).toEqual(['kept', 'a', 'task', 'b'])
    expect(all.filter((one) => one === 'value')).toHaveLength(1)
    expect([page.resets, page.lost]).toEqual([1, 0])
    expect(calls).toEqual([
      { revived: false, behind: false },
      { revived: true, behind: true },
    ])
  })

  test('what rang after the last checkpoint is gone, and the timer goes on', async () => {
    const { page, moves } = await twoProcesses(
      (loom) =>
        loom.register('rings', {
          props: { clicks: 0, rung: 0, text: 'x'.repeat(5_000) },
          handle: {
            begin: (props, _, ctx) => {
              ctx.every('ring', 400)
              return { ...props }
            },
            click: (props) => ({ ...props, clicks: props.clicks + 1 }),
          },
          receive: { ring: (props) => ({ ...props, rung: props.rung + 1 }) },
          render: ({ clicks, rung }) => html`${clicks} ${rung}`,
        }),
      { limits: FEW },
    )
    page.event('begin')
    await settled(page)
    await checkpointed(page)
    page.event('click')
    await until('three rings', () => Number(page.text.split(' ')[1]) >= 3 && page.isSettled)
    const after: number[] = []
    page.onChange = () => after.push(Number(page.text.split(' ')[1]))
    await moves()
    await until('three rings again', () => (after.at(-1) ?? 0) >= 3)
    expect(after.filter((rung) => rung < 3)).not.toEqual([])
    expect([page.text.split(' ')[0], page.resets]).toEqual(['1', 1])
  })

  test('what comes again is no loss: connected is not told of one', async () => {
    const calls: { revived: boolean; behind: boolean }[] = []
    const register = noting(() => undefined, calls)
    const { page, moves } = await twoProcesses(register, { limits: FEW })
    page.event('note', 'kept')
    await checkpointed(page)
    page.event('note', 'a')
    page.event('note', 'b')
    await shows(page, 'kept a b')
    const { revision } = page
    await moves()
    expect([page.text, page.resets]).toEqual(['kept a b', 0])
    expect(page.revision).toBeGreaterThanOrEqual(revision)
    expect(calls.at(-1)).toEqual({ revived: true, behind: false })
  })

  test('with a store, nothing that was answered or shown: events, timers, values of tasks, what was sent', async () => {
    const addresses: string[] = []
    const calls: { revived: boolean; behind: boolean }[] = []
    const register = noting((address) => addresses.push(address), calls)
    const { first, second, page, moves } = await twoProcesses(register, { limits: FEW, ...sqlite() })
    page.event('note', 'kept')
    await checkpointed(page)
    page.event('task')
    await shows(page, 'kept task value')
    page.event('timer')
    await shows(page, 'kept task value timer rung')
    await first.loom.send(addresses[0] ?? '', 'rings', 'sent')
    page.event('note', 'last')
    await until('all of it', () => page.isSettled && page.text.includes('sent') && page.text.includes('last'))
    const { text, revision } = page
    await moves()
    expect(page.text).toBe(text)
    expect(page.revision).toBeGreaterThanOrEqual(revision)
    expect(second.loom.stats().events).toBe(0)
    expect(calls.at(-1)).toEqual({ revived: true, behind: false })
  })
})

describe('a checkpoint is due at once after a step that', () => {
  const STEPS = ['subscribe', 'unsubscribe', 'every', 'after', 'cancel'] as const

  test.each(STEPS)('asks for ctx.%s', async (step) => {
    const { page } = await start(
      (loom) =>
        loom.register('moves', {
          // Not one of the small states, which travel with the answers.
          props: { count: 0, text: 'x'.repeat(5_000) },
          async connected(_, ctx) {
            await ctx.subscribe('there', 'got')
            ctx.every('ticks', 60_000)
          },
          handle: {
            quiet: (props) => ({ ...props, count: props.count + 1 }),
            subscribe: async (props, _, ctx) => {
              await ctx.subscribe('news', 'got')
              return { ...props }
            },
            unsubscribe: (props, _, ctx) => {
              ctx.unsubscribe('there')
              return { ...props }
            },
            every: (props, _, ctx) => {
              ctx.every('got', 60_000)
              return { ...props }
            },
            after: (props, _, ctx) => {
              ctx.after('got', 60_000)
              return { ...props }
            },
            cancel: (props, _, ctx) => {
              ctx.cancel('ticks')
              return { ...props }
            },
          },
          receive: { got: (props) => props, ticks: (props) => props },
          render: ({ count }) => html`${count}`,
        }),
      { limits: FEW },
    )
    await checkpointed(page)
    for (let round = 0; round < 3; round++) page.event('quiet')
    await settled(page)
    const { checkpoint } = page.memory
    page.event('quiet')
    await settled(page)
    expect(page.memory.checkpoint).toBe(checkpoint)
    page.event(step)
    await until('another checkpoint', () => page.memory.checkpoint !== checkpoint)
  })
})

test('commits from the server count for limits.checkpointEvents', async () => {
  const { site, page } = await start(
    (loom) =>
      loom.register('told', {
        props: { count: 0, text: 'x'.repeat(1_500) },
        connected: async (_, ctx) => ctx.subscribe('news', 'told'),
        handle: {},
        receive: { told: (props) => ({ ...props, count: props.count + 1 }) },
        render: ({ count }) => html`${count}`,
      }),
    { limits: { checkpointQuiet: 60_000, checkpointEvents: 4 } },
  )
  await checkpointed(page)
  const { checkpoint } = page.memory
  let seen = 0
  for (let round = 1; page.memory.checkpoint === checkpoint && round <= 40; round++) {
    await site.loom.publish('news', round)
    await shows(page, String(round))
    seen = round
  }
  expect(page.memory.checkpoint).not.toBe(checkpoint)
  // Twice as many as for a small state, and not at once.
  expect(seen).toBeGreaterThan(2)
})
