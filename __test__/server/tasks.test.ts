/** Tasks run beside the events: each value is a message, and the next is asked for when the last is handled. */

import { setTimeout as sleep } from 'node:timers/promises'
import { html, type LoomOptions, type Message, type TaskSource } from 'loom-live'
import { atEnd } from '../support/cleanup'
import { pageOf, shows, startPage } from '../support/pages'
import { Site } from '../support/site'
import { Gate, until } from '../support/until'

/** A page whose event `begin` begins this task; `received` is what its receiver got. */
async function start(
  task: (signal: AbortSignal) => TaskSource<unknown>,
  before = (): Promise<void> | void => undefined,
) {
  const received: Message[] = []
  const started = await startPage((loom) =>
    loom.register('works', {
      props: { got: 0, clicks: 0 },
      handle: {
        begin(props, _, ctx) {
          ctx.task('value', task)
          return { ...props }
        },
        click: (props) => ({ ...props, clicks: props.clicks + 1 }),
      },
      receive: {
        async value(props, message) {
          received.push(message)
          await before()
          return { ...props, got: props.got + 1 }
        },
      },
      render: ({ got, clicks }) => html`${got} ${clicks}`,
    }),
  )
  return { ...started, received }
}

test('the next value is asked for when the last one is handled', async () => {
  const gates: Gate[] = []
  let asked = 0
  const { page, received } = await start(
    async function* () {
      while (asked < 3) yield await Promise.resolve(++asked)
    },
    () => {
      const gate = new Gate()
      gates.push(gate)
      return gate.promise
    },
  )
  page.event('begin')
  for (let value = 1; value <= 3; value++) {
    await until('the value', () => received.length === value)
    await sleep(50)
    expect([asked, received.length]).toEqual([value, value])
    gates[value - 1]?.open()
  }
  const last = await until('the end', () => gates[3])
  last.open()
  await shows(page, '4 0')
})

test.each<[string, () => TaskSource<unknown>, object[]]>([
  [
    'an async iterable',
    async function* () {
      yield await Promise.resolve('a')
      yield 'b'
    },
    [{ data: 'a', done: false }, { data: 'b', done: false }, { done: true }],
  ],
  [
    'an iterable that returns something',
    function* () {
      yield 'a'
      return 'end'
    },
    [
      { data: 'a', done: false },
      { data: 'end', done: true },
    ],
  ],
  ['a promise', () => Promise.resolve('all'), [{ data: 'all', done: true }]],
  ['a promise of nothing', () => Promise.resolve(), [{ done: true }]],
  ['a promise that rejects', () => Promise.reject(new Error('no')), [{ done: true, error: 'no' }]],
  [
    'one that throws after a value',
    async function* () {
      yield await Promise.resolve('a')
      throw new Error('no')
    },
    [
      { data: 'a', done: false },
      { done: true, error: 'no' },
    ],
  ],
  [
    'one that throws at once',
    () => {
      throw new Error('no')
    },
    [{ done: true, error: 'no' }],
  ],
])('the last message of %s says so, and no other does', async (_, task, expected) => {
  const { page, received } = await start(task)
  page.event('begin')
  await shows(page, `${expected.length} 0`)
  const told = received.map(({ data, done, error }) => ({ data, done, error: error?.message }))
  expect(told).toEqual(expected.map((one) => ({ data: undefined, error: undefined, ...one })))
  for (const { from, gap } of received) expect([from, gap]).toEqual(['task', false])
})

test('a task that is replaced or cancelled in the step that asked for it is never called', async () => {
  const called: string[] = []
  const gate = new Gate()
  const { site, page } = await startPage((loom) =>
    loom.register('ends', {
      props: { got: '' },
      async connected(_, ctx) {
        await ctx.subscribe('news', 'heard')
        ctx.task('value', run('replaced in connected'))
        ctx.task('value', run('connected'))
      },
      handle: {
        replace(props, _, ctx) {
          ctx.task('value', run('replaced'))
          ctx.task('other', run('other'))
          ctx.task('value', run('replaced, too'))
          ctx.task('value', run('last'))
          return { ...props }
        },
        cancel(props, _, ctx) {
          ctx.task('value', run('cancelled'))
          ctx.cancel('value')
          ctx.task('other', run('cancelled, and replaced'))
          ctx.cancel('other')
          ctx.task('other', run('begun after a cancel'))
          return { ...props }
        },
        // What is published meanwhile waits behind it, and is handled in one visit, which is one step.
        async visit(props) {
          await gate.promise
          return { ...props }
        },
      },
      receive: {
        value: ({ got }, { data }) => ({ got: `${got}${String(data)}. ` }),
        other: ({ got }, { data }) => ({ got: `${got}${String(data)}. ` }),
        heard(_, { data }, ctx) {
          if (data === 'stop') ctx.cancel('value')
          else ctx.task('value', run(data as string))
        },
      },
      render: ({ got }) => html`${got}`,
    }),
  )
  function run(name: string) {
    return () => {
      called.push(name)
      return Promise.resolve(name)
    }
  }
  await shows(page, 'connected. ')
  page.event('replace')
  await until('both tasks', () => page.text.includes('last') && page.text.includes('other'))
  page.event('cancel')
  await until('the last task', () => page.text.includes('begun after'))
  page.event('visit')
  for (const name of ['visited', 'stop', 'visited again']) await site.loom.publish('news', name)
  gate.open()
  await until('the task of the visit', () => page.text.includes('visited again'))
  expect(called).toEqual(['connected', 'other', 'last', 'begun after a cancel', 'visited again'])
})

test('a component answers events while a task of its own waits', async () => {
  const gate = new Gate<string>()
  const { page } = await start(() => gate.promise)
  page.event('begin')
  page.event('click')
  await shows(page, '0 1')
  gate.open('late')
  await shows(page, '1 1')
})

test('a task that takes the place of another, a cancel and the end of the component abort it', async () => {
  const signals: AbortSignal[] = []
  const options: LoomOptions = { limits: { parkTime: 0 } }
  const { site, name, page } = await startPage(
    (loom) =>
      loom.register('aborts', {
        props: { steps: 0, got: 0 },
        handle: {
          begin({ steps, got }, _, ctx) {
            ctx.task('value', (signal) => {
              signals.push(signal)
              return new Promise((resolve) => {
                // It gives something nevertheless, which nobody gets.
                signal.addEventListener('abort', () => {
                  resolve('late')
                })
              })
            })
            return { steps: steps + 1, got }
          },
          stop({ steps, got }, _, ctx) {
            ctx.cancel('value')
            return { steps: steps + 1, got }
          },
        },
        receive: { value: ({ steps, got }) => ({ steps, got: got + 1 }) },
        render: ({ steps, got }) => html`${steps} ${got}`,
      }),
    options,
  )
  const aborted = (): boolean[] => signals.map((signal) => signal.aborted)
  page.event('begin')
  await until('the first task', () => signals.length === 1)
  page.event('begin')
  await until('the second task', () => signals.length === 2)
  expect(aborted()).toEqual([true, false])
  page.event('stop')
  await shows(page, '3 0')
  await until('the cancel', () => aborted().every(Boolean))
  page.event('begin')
  await until('the third task', () => signals.length === 3)
  const other = await pageOf(site, name)
  other.event('begin')
  await until('the task of another page', () => signals.length === 4)
  page.end()
  await until('the end of the component', () => aborted()[2])
  expect(aborted()).toEqual([true, true, true, false])
  expect(other.text).toBe('1 0')
})

/** What a library of the application may give, against the types. */
const wrong: [string, () => unknown][] = [
  ['an async iterator that gives nothing', () => ({ [Symbol.asyncIterator]: () => ({ next: () => undefined }) })],
  ['an iterator that gives nothing', () => ({ [Symbol.iterator]: () => ({ next: () => undefined }) })],
  [
    'an iterator whose result cannot be read',
    () => ({
      [Symbol.asyncIterator]: () => ({
        next: () => ({
          get done(): boolean {
            throw new Error('no')
          },
        }),
      }),
    }),
  ],
]

test.each(wrong)('%s is an error of its task, and of nothing else', async (_, task) => {
  const { page, received } = await start(task as () => TaskSource<unknown>)
  page.event('begin')
  await shows(page, '1 0')
  expect(received[0]?.error).toBeInstanceOf(Error)
})

test('what throws when it is told that nobody wants it any more harms nobody', async () => {
  const gate = new Gate<unknown>()
  const first = (): Promise<unknown> => gate.promise
  let begun = 0
  const { page } = await start(() => (begun++ === 0 ? first() : Promise.resolve('b')) as TaskSource<unknown>)
  page.event('begin')
  await until('the first task', () => begun === 1)
  // One of the same name ends it.
  page.event('begin')
  await shows(page, '1 0')
  gate.open({
    return() {
      throw new Error('no')
    },
  })
  await sleep(0)
  page.event('click')
  await shows(page, '1 1')
})

test('a task that ignores its signal, and throws or yields after its component is gone, harms nobody', async () => {
  const gate = new Gate()
  const signals: AbortSignal[] = []
  const site = await Site.start({ limits: { parkTime: 0, tasks: 4, connectionsPerAddress: 4 } })
  const { name } = site.loom.register('stubborn', {
    props: { got: 0 },
    handle: {
      begin(props, _, ctx) {
        ctx.task('rejects', async (signal) => {
          signals.push(signal)
          await gate.promise
          throw new Error('much too late')
        })
        ctx.task('yields', async function* (signal) {
          signals.push(signal)
          await gate.promise
          yield 1
          throw new Error('later still')
        })
        ctx.task('never', (signal) => new Promise(() => void signals.push(signal)))
        ctx.task('is no JSON', async (signal) => {
          signals.push(signal)
          await gate.promise
          return 1n
        })
        return { ...props }
      },
    },
    receive: Object.fromEntries(
      ['rejects', 'yields', 'never', 'is no JSON'].map((receiver) => [
        receiver,
        ({ got }: Readonly<{ got: number }>) => ({ got: got + 1 }),
      ]),
    ),
    render: ({ got }) => html`${got}`,
  })
  // Whoever comes next has all places, since those of the component that is gone were given back.
  for (const count of [4, 8]) {
    const page = await pageOf(site, name)
    page.event('begin')
    await until('the tasks', () => signals.length === count)
    page.end()
    await until('all to end', () => site.loom.stats().tasks + site.loom.stats().components === 0)
    await until('the signals', () => signals.every(({ aborted }) => aborted))
  }
  const unhandled: unknown[] = []
  const note = (error: unknown): void => void unhandled.push(error)
  process.on('unhandledRejection', note)
  atEnd(() => {
    process.off('unhandledRejection', note)
  })
  gate.open()
  const page = await pageOf(site, name)
  await sleep(100)
  expect([unhandled, page.text, site.loom.stats().tasks, site.log.errors]).toEqual([[], '0', 0, []])
})
