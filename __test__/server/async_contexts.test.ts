// What one call enters with `AsyncLocalStorage.enterWith` is in no other call: not in another user's, not in a later one.

import { AsyncLocalStorage } from 'node:async_hooks'
import { html, type LiveModule, type SocketMessage } from 'loom-live'
import { atEnd } from '../support/cleanup'
import { Site, type SiteOptions } from '../support/site'
import { turn, until } from '../support/until'

const user = new AsyncLocalStorage<string>()

interface Props {
  own: string
}

/** The value in which each callback enters `alice` if its props say so, and notes who it finds there. */
const later = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

type Where =
  'handle' | 'handle, async' | 'authorize' | 'authorize, async' | 'mount' | 'mount, async' | 'upgrade' | 'render'

const PLACES: Where[] = [
  'handle',
  'handle, async',
  'authorize',
  'authorize, async',
  'mount',
  'mount, async',
  'upgrade',
  'render',
]

/** A module that enters `alice` in one place, if the component is hers, and notes whom every place finds. */
function module(where: Where, found: string[]): LiveModule<Props> {
  const enter = (at: string, own: string | undefined): void => {
    found.push(`${at}: ${user.getStore() ?? 'nobody'}`)
    if (own === 'alice' && where.startsWith(at)) user.enterWith('alice')
  }
  const isLate = where.endsWith('async')
  return {
    props: { own: '' },
    version: 2,
    private: ['own'],
    upgrade(props) {
      enter('upgrade', props['own'] as string)
      return props as unknown as Props
    },
    authorize({ request }) {
      enter('authorize', request.headers['x-user']?.toString())
      return isLate ? later().then(() => true) : true
    },
    mount(_, { request }) {
      const own = request.headers['x-user']?.toString() ?? ''
      enter('mount', own)
      return isLate ? later().then(() => ({ own })) : { own }
    },
    handle: {
      go(props) {
        enter('handle', props.own)
        return isLate ? later().then(() => props) : props
      },
    },
    render({ own }) {
      enter('render', own)
      return html`<p>${own}</p>`
    },
  }
}

const options: SiteOptions[] = [{ development: true }, { development: false }]

describe.each(options)('with %j', (given) => {
  test.each(PLACES)('what %s enters is in no other connection’s call', async (where) => {
    const found: string[] = []
    // The page is rendered elsewhere, with the version before: what it does in its own request is its own.
    const old = await Site.start(given)
    old.loom.register('page', { ...module('handle', []), version: 1 })
    const site = await Site.start(given)
    site.loom.register('page', module(where, found))
    const token = await user.run('route', () => old.token('page'))
    const alice = await site.connect({ headers: { 'x-user': 'alice' } })
    const bob = await site.connect({ headers: { 'x-user': 'bob' } })
    await alice.joined('c0', 'page', token)
    await bob.joined('c0', 'page', token)
    await Promise.all([alice.shows('c0', 'go'), bob.shows('c0', 'go')])
    // One after the other, and several in one turn of JavaScript's.
    for (let round = 0; round < 3; round++) {
      const before = found.length
      await alice.shows('c0', 'go')
      await turn()
      await Promise.all([alice, bob].map((one) => one.shows('c0', 'go')))
      expect(found.length).toBeGreaterThan(before)
    }
    const own = (line: string): boolean =>
      // Within one call of hers what she has entered is there: her handler, and what is rendered after it.
      line.endsWith(': alice') && !where.startsWith(line.split(':')[0] as string)
    const others = found.filter((line) => !line.endsWith(': nobody') && !own(line))
    expect(others).toEqual([])
    // In bob's calls nothing was ever entered.
    const count = (text: string): number => found.filter((line) => line === text).length
    for (const at of ['handle', 'authorize', 'render']) expect(count(`${at}: nobody`)).toBeGreaterThan(0)
  })
})

test('what a callback of loom.start, the logger and onError enter is in no handler', async () => {
  const found: (string | undefined)[] = []
  const site = await Site.start({
    logger: {
      error: () => {
        user.enterWith('logger')
      },
      warn: () => {
        user.enterWith('logger')
      },
    },
    onError: () => {
      user.enterWith('onError')
    },
  })
  const module = site.loom.register('look', {
    props: {},
    handle: {
      look: () => void found.push(user.getStore()),
      boom: () => {
        throw new Error('boom')
      },
    },
    render: () => html``,
  })
  const replies: SocketMessage[] = []
  const socket = await site.loom.start(
    'c0',
    (message) => {
      replies.push(message)
      user.enterWith('reply')
    },
    module,
    '{}',
  )
  atEnd(() => {
    socket.stop()
  })
  const client = await site.live(module)
  for (let round = 0; round < 3; round++) {
    await client.fails('c0', 'boom')
    socket.send({ type: 'event', handler: 'boom', event: 'click' })
    await until('a reply', () => replies.length === round + 2)
    await client.shows('c0', 'look')
  }
  expect(found).toEqual([undefined, undefined, undefined])
})

test('a handler sees what it has entered itself, after each await, and the context that the loom was made in', async () => {
  const found: unknown[] = []
  const site = await user.run('application', () => Site.start())
  const module = site.loom.register('own', {
    props: {},
    handle: {
      async go() {
        found.push(user.getStore())
        user.enterWith('own')
        await turn()
        found.push(user.getStore())
      },
    },
    render: () => html``,
  })
  const client = await site.live(module)
  await client.shows('c0', 'go')
  await client.shows('c0', 'go')
  expect(found).toEqual(['application', 'own', 'application', 'own'])
})
