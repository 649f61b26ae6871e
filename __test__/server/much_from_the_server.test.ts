/** Much at once, and at bad moments: timers, values of tasks, subscriptions, closing, coming back twice. */

import { html, type LoomError, type Message } from 'loom-live'
import { WebSocket } from 'ws'
import { atEnd } from '../support/cleanup'
import { pageOf, shows, startPage } from '../support/pages'
import { TESTS_ALL } from '../support/passed_over'
import { Site } from '../support/site'
import { until, untilAllIsDone } from '../support/until'

test('10,000 timers that are due at once ring once each', async () => {
  const names = Array.from({ length: 100 }, (_, at) => `t${at}`)
  let rung = 0
  const site = await Site.start({ limits: { joinRatePerAddress: 100_000 } })
  const { name } = site.loom.register('timers', {
    props: { rung: 0 },
    handle: {
      begin(props, _, ctx) {
        // All at the same moment, which is later than the last of them is set.
        for (const timer of names) ctx.after(timer, Math.max(0, due - Date.now()))
        return { ...props }
      },
    },
    receive: Object.fromEntries(
      names.map((timer) => [
        timer,
        (props: Readonly<{ rung: number }>) => {
          rung += 1
          return { rung: props.rung + 1 }
        },
      ]),
    ),
    render: (props) => html`${props.rung}`,
  })
  const pages = await Promise.all(Array.from({ length: 100 }, () => pageOf(site, name)))
  const due = Date.now() + 2_000
  for (const page of pages) page.event('begin')
  await until('all timers to be set', () => pages.every((page) => page.waiting === 0))
  await Promise.all(pages.map((page) => shows(page, '100')))
  expect(rung).toBe(10_000)
  expect(site.log.all).toBe('')
})

/**
 * A value has no company: it crosses, is handled and committed before the next one is asked for. So each costs two ways
 * there and back between JavaScript's thread and the actor's, which is four switches of threads: some 25 µs on a quiet
 * machine, more than 100 on a busy one. A million of them is for who has two minutes.
 */
const COUNTS = TESTS_ALL ? [50_000, 1_000_000] : [50_000]

test.each(COUNTS)(
  'a task that yields %i values: all arrive in order, in bounded memory',
  async (COUNT) => {
    let next = 0
    let most = 0
    let waiting = 0
    const { page } = await startPage((loom) =>
      loom.register('stream', {
        props: { count: 0, isInOrder: true, state: '' },
        handle: {
          begin(props, _, ctx) {
            ctx.task('value', function* () {
              for (; next < COUNT; next++) {
                waiting += 1
                most = Math.max(most, waiting)
                yield next
              }
            })
            return { ...props, state: 'runs' }
          },
        },
        receive: {
          value(props, { data, done, error }) {
            if (done) return { ...props, state: error?.message ?? 'done' }
            waiting -= 1
            return { ...props, count: props.count + 1, isInOrder: props.isInOrder && data === props.count }
          },
        },
        render: ({ count, isInOrder, state }) => html`${state} ${count} ${String(isInOrder)}`,
      }),
    )
    page.event('begin')
    const isDone = (): boolean => page.text.startsWith('done')
    await untilAllIsDone('the values', isDone, () => next)
    expect(page.text).toBe(`done ${COUNT} true`)
    // The next value is asked for when the last one is handled: never do two wait.
    expect(most).toBe(1)
  },
  600_000,
)

test('a component that subscribes 10,000 times has each topic once, and each message once', async () => {
  const topics = Array.from({ length: 100 }, (_, at) => `topic ${at}`)
  const { site, page } = await startPage((loom) =>
    loom.register('greedy', {
      props: { got: 0, steps: 0 },
      handle: {
        async enter(props, _, ctx) {
          for (let time = 0; time < 10; time++) for (const topic of topics) await ctx.subscribe(topic, 'arrived')
          return { ...props, steps: props.steps + 1 }
        },
      },
      receive: { arrived: (props) => ({ ...props, got: props.got + 1 }) },
      render: ({ got, steps }) => html`${steps} ${got}`,
    }),
  )
  for (let step = 0; step < 10; step++) page.event('enter')
  await shows(page, '10 0')
  for (const topic of topics) await site.loom.publish(topic, 1)
  await shows(page, '10 100')
  expect(site.log.all).toBe('')
})

test('more effects than a step may have fail it', async () => {
  const { site, page } = await startPage((loom) =>
    loom.register('greedy', {
      props: { steps: 0 },
      handle: {
        async enter(props, _, ctx) {
          for (let time = 0; time < 10_000; time++) await ctx.subscribe('one', 'arrived')
          return { steps: props.steps + 1 }
        },
      },
      receive: { arrived: (props) => props },
      render: ({ steps }) => html`${steps}`,
    }),
  )
  page.event('enter')
  await until('the answer', () => page.waiting === 0)
  expect(page.text).toBe('0')
  await until('the log', () => site.log.all.includes('effects of one event or message at most'))
})

test('what is published while close() runs is accepted, or rejected; nothing hangs and nothing is left', async () => {
  const { site, page } = await startPage((loom) =>
    loom.register('closing', {
      props: { got: 0 },
      connected: async (_, ctx) => ctx.subscribe('news', 'arrived'),
      handle: {
        async slow(props) {
          await new Promise((resolve) => setTimeout(resolve, 200))
          return { ...props }
        },
      },
      receive: { arrived: ({ got }, { gap }: Message) => ({ got: gap ? got : got + 1 }) },
      render: ({ got }) => html`${got}`,
    }),
  )
  page.event('slow')
  await until('the handler to run', () => site.loom.stats().callsInFlight === 1)
  let isClosed = false
  const closing = site.loom.close().then(() => (isClosed = true))
  const outcomes: Promise<string>[] = []
  while (!isClosed) {
    const published = site.loom.publish('news', outcomes.length)
    outcomes.push(
      published.then(
        () => 'published',
        (error: unknown) => (error as LoomError).code,
      ),
    )
    await new Promise((resolve) => setImmediate(resolve))
  }
  await closing
  const said = new Set(await Promise.all(outcomes))
  expect(said.has('published')).toBe(true)
  expect([...said].every((one) => ['published', 'LOOM_STOPPED', 'LOOM_TOPIC'].includes(one))).toBe(true)
  expect(site.loom.stats()).toMatchObject({ components: 0, connections: 0, callsInFlight: 0 })
  await expect(site.loom.publish('news', 'late')).rejects.toMatchObject({ code: 'LOOM_STOPPED' })
})

test('a page that resumes twice has each message once, and the first connection gets nothing more', async () => {
  const { site, page } = await startPage(
    (loom) =>
      loom.register('twice', {
        props: { got: [] as unknown[] },
        connected: async (_, ctx) => ctx.subscribe('news', 'arrived'),
        handle: {},
        receive: { arrived: ({ got }, { data }) => ({ got: [...got, data] }) },
        render: ({ got }) => html`${got.join(' ')}`,
      }),
    { limits: { parkTime: 60_000 } },
  )
  await site.loom.publish('news', 'a')
  await shows(page, 'a')
  const { secret, checkpoint } = page.memory
  page.retry = () => 60_000
  page.cut()
  await until('the component to wait', () => site.loom.stats().parked === 1)
  await site.loom.publish('news', 'b')
  /** Comes back with the page's secret, and keeps what it is told. */
  const back = async (): Promise<unknown[][]> => {
    const told: unknown[][] = []
    const socket = new WebSocket(site.url(), 'loom.2')
    atEnd(() => {
      socket.terminate()
    })
    socket.on('message', (data: Buffer) => {
      const frame = JSON.parse(data.toString()) as unknown[]
      told.push(...((Array.isArray(frame[0]) ? frame : [frame]) as unknown[][]))
    })
    await new Promise((resolve) => socket.once('open', resolve))
    socket.send(JSON.stringify(['j', 1, 'twice', checkpoint ?? '', secret, 0, page.revision, 0]))
    return told
  }
  // At once, one after the other: the last one has the component.
  const [first, second] = await Promise.all([back(), back()])
  const shown = (told: unknown[][]): unknown[] =>
    told.flatMap((message) => message.slice(2)).filter((one) => one === 'a b' || one === 'a b c')
  await until('one of them to be let in', () => shown([...first, ...second]).length > 0)
  await site.loom.publish('news', 'c')
  await until('the next message', () => shown([...first, ...second]).includes('a b c'))
  await new Promise((resolve) => setTimeout(resolve, 100))
  const [one, other] = [shown(first), shown(second)]
  // Whoever came last has all of it once; the other at most what came before.
  const last = one.includes('a b c') ? one : other
  expect(last).toEqual(['a b', 'a b c'])
  expect((last === one ? other : one).includes('a b c')).toBe(false)
  expect(site.loom.stats().components).toBe(1)
})

test('a page that is gone while its task yields leaves no task and no component', async () => {
  const { site, page } = await startPage(
    (loom) =>
      loom.register('left', {
        props: { count: 0 },
        connected(_, ctx) {
          ctx.task('value', async function* () {
            for (;;) {
              await new Promise((resolve) => setTimeout(resolve, 1))
              yield 1
            }
          })
        },
        handle: {},
        receive: { value: ({ count }) => ({ count: count + 1 }) },
        render: ({ count }) => html`${count}`,
      }),
    { limits: { parkTime: 0 } },
  )
  await until('some values', () => Number(page.text) > 3)
  page.end()
  await until('all to end', () => site.loom.stats().tasks + site.loom.stats().components === 0)
})
