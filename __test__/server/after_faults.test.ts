/** What a crash, a deploy and a missed change leave of what comes from the server: docs/guarantees.md names these tests. */

import { html, type LoomOptions, type Message } from 'loom-live'
import { LivePage } from '../support/live_page'
import { atEnd } from '../support/cleanup'
import { ownStore } from '../support/own_store'
import { away, back, comeBack, gone, shows } from '../support/pages'
import { inRedis } from '../support/redis'
import { Site } from '../support/site'
import { allCheckpointed, checkpointed, FEW, type Register, sqlite, twoProcesses } from '../support/two_processes'
import { Gate, until } from '../support/until'

/** Shows what it got of a topic. */
const reader: Register = (loom) =>
  loom.register('reader', {
    props: { got: [] as unknown[] },
    async connected(_, ctx) {
      await ctx.subscribe('news', 'arrived')
    },
    handle: { quiet: (props) => ({ ...props }) },
    receive: { arrived: ({ got }, { data, gap }: Message) => ({ got: [...got, gap ? 'gap' : data] }) },
    render: ({ got }) => html`${got.join(' ')}`,
  })

describe('messages of a topic', () => {
  test.each([
    ['without a store', (): LoomOptions => ({})],
    ['with a store', sqlite],
    ['with a store of its own', ownStore],
    ...inRedis(),
  ])('%s the next process says one gap, and then what is published there', async (_, options) => {
    const { first, second, page, moves } = await twoProcesses(reader, await options())
    await first.loom.publish('news', 'a')
    await shows(page, 'a')
    page.event('quiet')
    await allCheckpointed(page)
    await moves()
    await shows(page, 'a gap')
    await second.loom.publish('news', 'b')
    await shows(page, 'a gap b')
  })

  test('a server that closes leaves a state that includes what was read', async () => {
    const { first, page, moves } = await twoProcesses(reader, { limits: FEW })
    for (const number of [1, 2, 3]) await first.loom.publish('news', number)
    await shows(page, '1 2 3')
    await first.loom.close()
    await moves()
    await shows(page, '1 2 3 gap')
  })

  test('a message whose receiver throws is over, and the next one follows', async () => {
    const site = await Site.start()
    const { name } = site.loom.register('throws', {
      props: { got: [] as unknown[] },
      async connected(_, ctx) {
        await ctx.subscribe('news', 'arrived')
      },
      handle: {},
      receive: {
        arrived: ({ got }, { data }: Message) => {
          if (data === 2) throw new Error('not 2')
          return { got: [...got, data] }
        },
      },
      render: ({ got }) => html`${got.join(' ')}`,
    })
    const page = new LivePage({ url: () => site.url(), module: name, token: await site.token(name) })
    atEnd(() => {
      page.end()
    })
    await until('the page to be live', () => page.isLive)
    for (const number of [1, 2, 3]) await site.loom.publish('news', number)
    await shows(page, '1 3')
    page.cut()
    await until('the page to be back', () => page.resumes === 1 && page.isLive)
    await site.loom.publish('news', 4)
    await shows(page, '1 3 4')
  })
})

describe('timers', () => {
  const late: Register = (loom) =>
    loom.register('late', {
      props: { rung: '', kept: 0 },
      handle: {
        begin(props, _, ctx) {
          ctx.after('rings', 400, 'late')
          ctx.every('ticks', 30_000)
          return { ...props }
        },
      },
      receive: {
        rings: (props, { data }) => ({ ...props, rung: props.rung + String(data) }),
        ticks: (props) => props,
      },
      render: ({ rung }) => html`${rung}`,
    })

  test.each([
    ['without a store', (): LoomOptions => ({})],
    ['with a store', sqlite],
    ['with a store of its own', ownStore],
    ...inRedis(),
  ])('%s one that was begun goes on in the next process, and rings once', async (_, options) => {
    const { page, moves } = await twoProcesses(late, { limits: FEW, ...(await options()) })
    page.event('begin')
    await until('the answer', () => page.isSettled)
    // The step is in a checkpoint at once.
    await checkpointed(page)
    await moves()
    await shows(page, 'late')
    await new Promise((resolve) => setTimeout(resolve, 500))
    expect(page.text).toBe('late')
  })
})

test('a task whose page is away runs until its next value, which waits', async () => {
  let asked = 0
  let given = 0
  // The second value comes when nobody looks.
  const gate = new Gate()
  const { first, page } = await twoProcesses((loom) =>
    loom.register('streams', {
      props: { got: [] as unknown[] },
      handle: {
        begin(props, _, ctx) {
          ctx.task('value', async function* () {
            for (; asked < 6; asked++) {
              if (asked === 1) await gate.promise
              given += 1
              yield asked
            }
          })
          return { ...props }
        },
      },
      receive: { value: ({ got }, { data, done }) => ({ got: [...got, done ? 'done' : data] }) },
      render: ({ got }) => html`${got.join(' ')}`,
    }),
  )
  page.event('begin')
  await until('the first value', () => page.text === '0')
  await away(first, page)
  gate.open()
  await until('the next value', () => given === 2)
  await new Promise((resolve) => setTimeout(resolve, 60))
  expect([asked, given]).toEqual([1, 2])
  await back(page)
  await shows(page, '0 1 2 3 4 5 done')
})

test('a task ends with its process, and connected may begin it again', async () => {
  const begun: boolean[] = []
  const { page, moves } = await twoProcesses(
    (loom) =>
      loom.register('works', {
        props: { got: [] as unknown[], works: false },
        connected({ works }, ctx) {
          begun.push(ctx.revived && works)
        },
        handle: {
          work(props, _, ctx) {
            ctx.task('value', async function* (signal) {
              yield 1
              await new Promise((resolve) => {
                signal.addEventListener('abort', resolve)
              })
            })
            return { ...props, works: true }
          },
        },
        receive: {
          value: ({ got, works }, { data, done }) => ({ got: done ? got : [...got, data], works: works && !done }),
        },
        render: ({ got }) => html`${got.join(' ')}`,
      }),
    sqlite(),
  )
  page.event('work')
  await shows(page, '1')
  await moves()
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(page.text).toBe('1')
  expect(begun).toEqual([false, true])
})

/** Counts, and pushes each count; it shows nothing of it. */
const pusher: Register = (loom) =>
  loom.register('pusher', {
    props: { count: 0, text: '' },
    handle: {
      go: ({ count, text }, _, ctx) => {
        ctx.push('count', count + 1)
        return { count: count + 1, text }
      },
      grow: ({ count, text }, event) => ({ count, text: text + (event.value ?? '') }),
    },
    render: ({ text }) => html`<b>${text}</b>`,
  })

describe('pushes', () => {
  test('a page that is shown the whole tree gets what it has missed, after the tree', async () => {
    const { first, page } = await twoProcesses(pusher, { limits: FEW })
    page.retry = () => 200
    page.event('go')
    await until('the first push', () => page.pushes.length === 1)
    // More is answered than is kept for a page, so that the page is shown the tree.
    page.event('go')
    for (let round = 0; round < 40; round++) page.event('grow', String(round).repeat(40))
    page.cut()
    await until('all answers', () => page.isSettled)
    await until('both pushes', () => page.pushes.length === 2)
    expect(page.pushes).toEqual([
      ['count', 1],
      ['count', 2],
    ])
    expect(first.log.errors).toEqual([])
  })

  test('without a store a push comes again if its event is handled again', async () => {
    const { page, moves } = await twoProcesses(pusher, { limits: FEW })
    page.event('grow', 'x')
    await checkpointed(page)
    page.event('go')
    await until('the push', () => page.pushes.length === 1)
    await moves()
    await until('the push again', () => page.pushes.length === 2)
    expect(page.pushes).toEqual([
      ['count', 1],
      ['count', 1],
    ])
  })

  test('with a store a push does not come again', async () => {
    const { page, moves } = await twoProcesses(pusher, { limits: FEW, ...sqlite() })
    page.event('grow', 'x')
    await checkpointed(page)
    page.event('go')
    await until('the push', () => page.pushes.length === 1)
    await moves()
    page.event('go')
    await until('the next push', () => page.pushes.length === 2)
    expect(page.pushes).toEqual([
      ['count', 1],
      ['count', 2],
    ])
  })
})

describe('what a step publishes', () => {
  const speaker: Register = (loom) =>
    loom.register('speaker', {
      props: { said: '' },
      handle: {
        note: (props) => ({ ...props }),
        async say(_, event, ctx) {
          ctx.publish('news', event.value)
          await new Promise((resolve) => setTimeout(resolve, 50))
          return { said: event.value ?? '' }
        },
      },
      render: ({ said }) => html`${said}`,
    })

  /** Hears what is published in a process, with its ids. */
  async function listener(site: Site): Promise<{ heard: [unknown, string][] }> {
    const heard: [unknown, string][] = []
    const { name } = site.loom.register('listener', {
      props: { count: 0 },
      async connected(_, ctx) {
        await ctx.subscribe('news', 'arrived')
      },
      handle: {},
      receive: {
        arrived: ({ count }, { data, id }: Message) => {
          heard.push([data, id])
          return { count: count + 1 }
        },
      },
      render: ({ count }) => html`${count}`,
    })
    const page = new LivePage({ url: () => site.url(), module: name, token: await site.token(name) })
    atEnd(() => {
      page.end()
    })
    await until('the listener to be live', () => page.isLive)
    return { heard }
  }

  test('without a store, is published in the next process again, under the same id, if its event is handled again', async () => {
    const { first, second, page, moves } = await twoProcesses(speaker)
    const [before, after] = [await listener(first), await listener(second)]
    page.event('note')
    await until('the answer', () => page.isSettled)
    page.event('say', 'hello')
    await until('the handler to run', () => first.loom.stats().callsInFlight === 1)
    // The page gets neither the answer nor a checkpoint.
    await moves()
    await until('the message twice', () => before.heard.length === 1 && after.heard.length === 1)
    expect(before.heard[0]?.[0]).toBe('hello')
    expect(after.heard).toEqual(before.heard)
  })

  test.each([
    ['with a store', sqlite],
    ['with a store of its own', ownStore],
    ...inRedis(),
    ['without a store, but with a checkpoint', (): LoomOptions => ({})],
  ])(
    '%s, is published in the next process again, under the same id, if it belongs to the last step',
    async (_, options) => {
      const { first, second, page, moves } = await twoProcesses(speaker, await options())
      const [before, after] = [await listener(first), await listener(second)]
      const { checkpoint } = page.memory
      page.event('say', 'hello')
      await until('the message', () => before.heard.length === 1 && page.isSettled)
      await until('its checkpoint', () => page.memory.checkpoint !== checkpoint)
      await moves()
      await until('the message again', () => after.heard.length === 1)
      expect(before.heard[0]?.[0]).toBe('hello')
      expect(after.heard).toEqual(before.heard)
      expect(second.loom.stats().events).toBe(0)
    },
  )

  test.each([
    ['with a store', sqlite],
    ['without a store, but with a checkpoint', (): LoomOptions => ({})],
  ])(
    '%s, comes again under its id if connected has asked for it, and each start has an id of its own',
    async (_, options) => {
      let starts = 0
      const caller: Register = (loom) =>
        loom.register('caller', {
          props: {},
          connected(_, ctx) {
            ctx.publish('news', ++starts)
          },
          handle: {},
          render: () => html`here`,
        })
      const { second, page, moves } = await twoProcesses(caller, options())
      const after = await listener(second)
      await checkpointed(page)
      await moves()
      await until('both messages', () => after.heard.length === 2)
      expect(after.heard.map(([data]) => data)).toEqual([1, 2])
      const [again, own] = after.heard.map(([, id]) => id)
      expect(own).not.toBe(again)
    },
  )

  test('with a store, does not come again in the next process if a further step was made', async () => {
    const { first, second, page, moves } = await twoProcesses(speaker, sqlite())
    const [before, after] = [await listener(first), await listener(second)]
    page.event('say', 'hello')
    page.event('note')
    await until('the message', () => before.heard.length === 1 && page.isSettled)
    await moves()
    page.event('say', 'again')
    await until('the next message', () => after.heard.length > 0)
    expect(after.heard.map(([data]) => data)).toEqual(['again'])
  })

  test('comes once in one process, also if the component has ended and goes on from its checkpoint', async () => {
    const { first: site, page } = await twoProcesses(speaker, { limits: { ...FEW, parkTime: 0 } })
    const { heard } = await listener(site)
    page.event('note')
    await checkpointed(page)
    page.event('say', 'hello')
    await until('the message', () => heard.length === 1)
    const { components } = site.loom.stats()
    await gone(site, page)
    await until('the component to end', () => site.loom.stats().components < components)
    comeBack(page)
    await until('the page to be back', () => page.joins === 2 && page.isSettled)
    page.event('say', 'again')
    await until('the next message', () => heard.length > 1)
    expect(heard.map(([data]) => data)).toEqual(['hello', 'again'])
  })
})

describe('what is sent to one component', () => {
  const inbox =
    (tell: (address: string) => void): Register =>
    (loom) =>
      loom.register('inbox', {
        props: { got: [] as unknown[] },
        connected(_, ctx) {
          tell(ctx.self)
        },
        handle: { note: (props) => ({ ...props }) },
        receive: { got: ({ got }, { data }: Message) => ({ got: [...got, data] }) },
        render: ({ got }) => html`${got.join(' ')}`,
      })

  test('comes once and in order, also while the page is away', async () => {
    let address = ''
    const { first, page } = await twoProcesses(inbox((one) => (address = one)))
    await first.loom.send(address, 'got', 1)
    await shows(page, '1')
    await away(first, page)
    for (const number of [2, 3]) await first.loom.send(address, 'got', number)
    await first.loom.send(address, 'got', 3, { id: 'three' })
    await first.loom.send(address, 'got', 3, { id: 'three' })
    await back(page)
    await shows(page, '1 2 3 3')
  })

  test('what waited for too long is gone, and the log says so; what comes later arrives', async () => {
    let address = ''
    const options = { limits: { topicMessages: 4 } }
    const { first, page } = await twoProcesses(
      inbox((one) => (address = one)),
      options,
    )
    await away(first, page)
    for (let number = 1; number <= 9; number++) await first.loom.send(address, 'got', number)
    await back(page)
    await first.loom.send(address, 'got', 10)
    await shows(page, '10')
    await first.log.says('sent to a component are lost')
    expect(first.log.errors).toEqual([])
    expect(first.log.warnings.filter((line) => line.includes('sent to a component are lost'))).toHaveLength(1)
  })

  test('the address is good in the next process, which reports no fault', async () => {
    const addresses: string[] = []
    const { second, page, moves, first } = await twoProcesses(inbox((one) => addresses.push(one)))
    await first.loom.send(addresses[0] ?? '', 'got', 1)
    await shows(page, '1')
    page.event('note')
    await allCheckpointed(page)
    await moves()
    await second.loom.send(addresses[0] ?? '', 'got', 2)
    await shows(page, '1 2')
    expect(second.log.errors).toEqual([])
  })
})
