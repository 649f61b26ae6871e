// Nothing starts that nobody waits for: if a page was told that an event took too long, its handler has not started, and
// never will, or had started before.

import { html, type LiveModule, type LoomOptions } from 'loom-live'
import { Site } from '../support/site'
import { Gate, turn, until } from '../support/until'

const HANDLER_TIME = 500

/** Keeps the event loop for so long. */
function block(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
}

interface Props {
  count: number
}

async function started(more: Partial<LiveModule<Props>> = {}, components = 1, options: LoomOptions = {}) {
  const site = await Site.start({ limits: { handlerTime: HANDLER_TIME }, ...options })
  const ran: string[] = []
  const module = site.loom.register<Props>('shop', {
    props: { count: 0 },
    handle: {
      order: (props, _, ctx) => {
        ran.push(ctx.id)
        return { count: props.count + 1 }
      },
      block: () => {
        ran.push('block')
        block(3 * HANDLER_TIME)
      },
      show: () => undefined,
    },
    render: ({ count }) => html`${count}`,
    ...more,
  })
  const client = await site.connect()
  for (let index = 0; index < components; index++) await client.joined(`c${index}`, 'shop', await site.token(module))
  return { site, module, client, ran }
}

/** Comes as numbers if it is a click without a value, and as JSON if it has one. */
const forms = [
  ['as numbers', {}],
  ['as JSON', { value: 'x' }],
] as const

test.each(forms)('an event that was given up while the loop was blocked is never handled (%s)', async (_, vars) => {
  const { client, ran } = await started({}, 2)
  await client.shows('c1', 'show')
  const waits = client.event('c1', 'order', vars)
  // It is on its way, and its time is over before anybody looks.
  block(3 * HANDLER_TIME)
  expect(await waits).toMatchObject({ type: 'error' })
  await turn()
  expect(await client.shows('c1', 'show')).toBe('0')
  expect(ran).toEqual([])
  expect(await client.shows('c1', 'order', vars)).toBe('1')
  expect(ran).toEqual(['c1'])
})

test.each(forms)('an event that was fetched with one that blocks the loop is never handled (%s)', async (_, vars) => {
  const { client, ran } = await started({}, 12)
  await client.shows('c1', 'show')
  // They are fetched at once, or some of them after the first has blocked the loop.
  const answers = [client.event('c0', 'block')]
  for (let index = 1; index < 12; index++) answers.push(client.event(`c${index}`, 'order', vars))
  const outcomes = await Promise.all(answers)
  await turn()
  for (let index = 1; index < 12; index++) {
    const expected = outcomes[index]?.type === 'error' ? '0' : '1'
    expect(await client.shows(`c${index}`, 'show')).toBe(expected)
  }
  // What was handled after the loop had been blocked was wanted: its page was told nothing else.
  const after = ran.slice(ran.indexOf('block') + 1)
  expect(after.filter((id) => outcomes[Number(id.slice(1))]?.type === 'error')).toEqual([])
})

test('nothing starts after an authorize that takes longer than the deadline, be it at once or later', async () => {
  const gate = new Gate()
  let how: 'at once' | 'later' | undefined
  const { client, ran } = await started({
    authorize: async (_, event) => {
      if (event?.handler !== 'order') return true
      if (how === 'at once') block(2 * HANDLER_TIME)
      else await gate.promise
      return true
    },
  })
  how = 'later'
  expect(await client.event('c0', 'order')).toMatchObject({ type: 'error' })
  gate.open()
  await turn()
  expect(await client.shows('c0', 'show')).toBe('0')
  how = 'at once'
  expect(await client.event('c0', 'order')).toMatchObject({ type: 'error' })
  expect(await client.shows('c0', 'show')).toBe('0')
  expect(ran).toEqual([])
})

test('mount does not start after an authorize, nor render after a mount, that took too long', async () => {
  const gates = { authorize: new Gate(), mount: new Gate() }
  const ran: string[] = []
  let held: keyof typeof gates | undefined
  const { site, module, client } = await started({
    private: ['count'],
    async authorize(_, event) {
      ran.push('authorize')
      if (event === undefined && held === 'authorize') await gates.authorize.promise
      return true
    },
    async mount() {
      ran.push('mount')
      if (held === 'mount') await gates.mount.promise
      return { count: 0 }
    },
    render: ({ count }) => {
      ran.push('render')
      return html`${count}`
    },
  })
  const token = await site.token(module)
  ran.length = 0
  for (const at of ['authorize', 'mount'] as const) {
    held = at
    expect(await client.join('c5', 'shop', token)).toMatchObject({ type: 'error' })
    gates[at].open()
    await turn()
    await client.shows('c0', 'show')
  }
  expect(ran.filter((line) => line !== 'render')).toEqual(['authorize', 'authorize', 'authorize', 'mount', 'authorize'])
})

test('nothing starts for a connection that was closed while authorize was asked, or by an earlier handler of the turn', async () => {
  const gate = new Gate()
  const authorize = async (_: unknown, event: { handler: string } | undefined) => {
    if (event?.handler === 'order') await gate.promise
    return true
  }
  const bind: LoomOptions['bind'] = ({ headers }) => headers['x-user']?.toString()
  const { site, module, ran } = await started({ authorize }, 0, { bind, limits: {} })
  const ada = await site.connect({ headers: { 'x-user': 'ada' } })
  const request = { headers: { 'x-user': 'ada' }, socket: {}, url: '/' } as never
  await ada.joined('c0', 'shop', await site.token(module, {}, { request }))
  ada.event('c0', 'order', { value: 'ada' }).catch(() => undefined)
  await until('the event to wait', () => site.loom.stats().callsInFlight === 1)
  await turn()
  expect(site.loom.disconnect({ bind: 'ada' })).toBe(1)
  // In the same turn: nobody but this thread knows of it so far.
  gate.open()
  await turn()
  await ada.closeCode()
  await until('the call to end', () => site.loom.stats().callsInFlight === 0)
  expect(ran).toEqual([])
})
