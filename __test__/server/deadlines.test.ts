import { html } from 'loom-live'
import { Site } from '../support/site'
import { Gate, turn, until } from '../support/until'

async function hurried(options: Parameters<typeof Site.start>[0] = {}) {
  const site = await Site.start({ limits: { handlerTime: 600 }, ...options })
  const gates: Gate[] = []
  const reasons: unknown[] = []
  const module = site.loom.register('hurried', {
    props: { count: 0 },
    handle: {
      async wait(props, _, ctx) {
        ctx.signal.addEventListener('abort', () => reasons.push(ctx.signal.reason))
        const gate = new Gate()
        gates.push(gate)
        // Both ways of changing the state are too late.
        await gate.promise
        props.count = 1000
        ctx.redirect('/late')
        return { count: 1000 }
      },
      never: () => new Promise<never>(() => undefined),
      increment: ({ count }) => ({ count: count + 1 }),
      show: () => undefined,
    },
    render: ({ count }) => html`<b>${count}</b>`,
  })
  return { site, module, gates, reasons }
}

test('a handler that never resolves fails, and the next event works', async () => {
  const { site, module } = await hurried()
  const client = await site.live(module)
  const answers = ['increment', 'never', 'increment'].map((handler) => client.event('c0', handler))
  expect((await Promise.all(answers)).map(({ type }) => type)).toEqual(['patch', 'error', 'patch'])
  expect(client.html('c0')).toBe('<b>2</b>')
  await until('the log', () => site.log.errors.length > 0)
  expect(site.log.errors.join()).toContain('handlerTime')
  expect(site.loom.stats()).toMatchObject({ components: 1, callsInFlight: 0 })
})

test('ctx.signal is aborted at the deadline, and the late result is dropped', async () => {
  const { site, module, gates, reasons } = await hurried()
  const client = await site.live(module)
  await client.shows('c0', 'increment')
  await client.fails('c0', 'wait')
  await until('the handler to be told', () => reasons.length === 1)
  expect(reasons[0]).toBeInstanceOf(Error)
  expect(await client.shows('c0', 'increment')).toBe('<b>2</b>')
  gates[0]?.open()
  await turn()
  expect(await client.shows('c0', 'show')).toBe('<b>2</b>')
  expect(await client.shows('c0', 'increment')).toBe('<b>3</b>')
  expect(client.messages.filter(({ type }) => type === 'redirect')).toEqual([])
  expect(client.unexpected).toEqual([])
})

test('a promise that rejects late is dropped, and is nobody’s unhandled rejection', async () => {
  const { site, module, gates } = await hurried()
  const unhandled: unknown[] = []
  const listen = (error: unknown): void => void unhandled.push(error)
  process.on('unhandledRejection', listen)
  const client = await site.live(module)
  await client.fails('c0', 'wait')
  gates[0]?.fail(new Error('too late'))
  await turn()
  expect(await client.shows('c0', 'increment')).toBe('<b>1</b>')
  process.off('unhandledRejection', listen)
  expect(unhandled).toEqual([])
  expect(client.unexpected).toEqual([])
  expect(site.log.all).not.toContain('too late')
})

test('a late result of one event is not taken for the result of the next', async () => {
  const { site, module, gates } = await hurried()
  const client = await site.live(module)
  await client.fails('c0', 'wait')
  const second = client.event('c0', 'wait')
  await until('the second handler to run', () => gates.length === 2)
  gates[0]?.open()
  expect(await second).toMatchObject({ type: 'error' })
  expect(await client.shows('c0', 'show')).toBe('<b>0</b>')
})

test('a deadline of one component disturbs no other', async () => {
  const { site, module } = await hurried()
  const client = await site.live(module)
  await client.joined('c1', 'hurried', await site.token(module))
  const failing = client.event('c0', 'never')
  for (let count = 1; count < 20; count++) expect(await client.shows('c1', 'increment')).toBe(`<b>${count}</b>`)
  expect(await failing).toMatchObject({ type: 'error' })
  expect(await client.shows('c1', 'increment')).toBe('<b>20</b>')
})

test('ctx.signal is aborted when the component leaves, and when its connection is gone', async () => {
  const { site, module, gates, reasons } = await hurried({ limits: { handlerTime: 2 ** 31 } })
  const client = await site.live(module)
  client.event('c0', 'wait').catch(() => undefined)
  await until('the handler to run', () => gates.length === 1)
  client.leave('c0')
  await until('it to be told', () => reasons.length === 1)
  await client.joined('c1', 'hurried', await site.token(module))
  client.event('c1', 'wait').catch(() => undefined)
  await until('the handler to run', () => gates.length === 2)
  client.drop()
  await until('it to be told', () => reasons.length === 2)
  await site.empty()
  for (const gate of gates) gate.open()
  await turn()
})

test('a signal that is asked for after the deadline is aborted already', async () => {
  const site = await Site.start({ limits: { handlerTime: 600 } })
  const gate = new Gate()
  let aborted: boolean | undefined
  const module = site.loom.register('later', {
    props: {},
    handle: {
      async wait(_, __, ctx) {
        await gate.promise
        aborted = ctx.signal.aborted
      },
      show: () => undefined,
    },
    render: () => html`<p></p>`,
  })
  const client = await site.live(module)
  await client.fails('c0', 'wait')
  // The next call comes behind the word that the last one was given up.
  await client.shows('c0', 'show')
  gate.open()
  await until('the handler to go on', () => aborted !== undefined)
  expect(aborted).toBe(true)
})
