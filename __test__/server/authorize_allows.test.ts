// A guard that is absent, misspelt or unclear is an error or a refusal, never an open door.

import { createLoom, html, Refusal, type LiveModule } from 'loom-live'
import { SECRET, Site, testLoom } from '../support/site'

const refusing: [string, unknown][] = [
  ['undefined', undefined],
  ['null', null],
  ['0', 0],
  ["''", ''],
  ['NaN', NaN],
  ['false', false],
  ['1', 1],
  ["'yes'", 'yes'],
  ['an object', { admin: true }],
  ['a function', () => true],
]

const ways: [string, (value: unknown) => unknown][] = [
  ['at once', (value) => value],
  ['later', (value) => Promise.resolve(value)],
]

async function guarded(answer: () => unknown, development = true) {
  const site = await Site.start({ development })
  const ran: string[] = []
  const module = site.loom.register('guarded', {
    props: { count: 0 },
    authorize: answer as () => boolean,
    handle: {
      go: ({ count }) => {
        ran.push('go')
        return { count: count + 1 }
      },
    },
    render: ({ count }) => html`${count}`,
  })
  return { site, ran, token: await site.token(module) }
}

describe.each(ways)('an authorize that answers %s', (_, way) => {
  test.each(refusing)('%s refuses a join', async (_, value) => {
    const { site, token } = await guarded(() => way(value), false)
    const client = await site.connect()
    expect(await client.join('c0', 'guarded', token)).toMatchObject({ type: 'error', error: 'Not allowed' })
  })

  test.each(refusing)('%s refuses an event', async (_, value) => {
    let allowed: unknown = true
    const { site, token, ran } = await guarded(() => way(allowed))
    const client = await site.connect()
    await client.joined('c0', 'guarded', token)
    allowed = value
    expect(await client.fails('c0', 'go')).toBe('Not allowed')
    allowed = true
    expect(await client.shows('c0', 'go')).toBe('1')
    expect(ran).toEqual(['go'])
  })

  test('development says once what was given, and that only true allows', async () => {
    const { site, token } = await guarded(() => way(undefined))
    const client = await site.connect()
    for (let round = 0; round < 3; round++) await client.join('c0', 'guarded', token)
    const lines = site.log.warnings.filter((line) => line.includes('authorize'))
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(/guarded: authorize returned undefined, and that refuses: only true allows/)
  })

  test('false is an answer, of which nothing is logged', async () => {
    const { site, token } = await guarded(() => way(false))
    const client = await site.connect()
    await client.join('c0', 'guarded', token)
    expect(site.log.warnings.filter((line) => line.includes('authorize'))).toEqual([])
  })
})

const plain = { props: {}, handle: {}, render: () => html`` }

test.each([
  ['autorize', 'authorize'],
  ['authorise', 'authorize'],
  ['Authorize', 'authorize'],
  ['authorise ', 'authorize'],
  ['privat', 'private'],
  ['versions', 'version'],
  ['onMount', 'mount'],
  ['__proto__x', undefined],
])('a member named %j is an error', (name, near) => {
  const { loom } = testLoom()
  const register = () => loom.register('page', { ...plain, [name]: () => true })
  expect(register).toThrow(expect.objectContaining({ code: 'LOOM_ARGUMENT' }) as Error)
  expect(register).toThrow(`a member of module "page" but received ${JSON.stringify(name)}`)
  if (near === undefined) expect(register).not.toThrow(/did you mean/)
  else expect(register).toThrow(`did you mean ${JSON.stringify(near)}?`)
  // Nothing of it is left.
  loom.register('page', plain)
})

describe('an instance of a class', () => {
  class Guard {
    authorize(): boolean {
      return false
    }
  }

  class Page extends Guard implements LiveModule<{ count: number }> {
    readonly props = { count: 0 }
    readonly handle = {}
    #looks = 0

    render({ count }: { count: number }) {
      return html`${count + this.#looks}`
    }
  }

  test('is a module, with the authorize that it inherits', async () => {
    const site = await Site.start()
    site.loom.register('page', new Page())
    const client = await site.connect()
    expect(await client.join('c0', 'page', await site.token('page'))).toMatchObject({ type: 'error' })
  })

  test('with a misspelt member, own or inherited, is an error', () => {
    class Misspelt extends Page {
      autorize(): boolean {
        return false
      }
    }
    class Below extends Misspelt {}
    const { loom } = testLoom()
    for (const made of [new Misspelt(), new Below(), Object.create(new Below()) as Below]) {
      expect(() => loom.register('page', made)).toThrow(/"autorize" of type string; did you mean "authorize"\?/)
    }
  })
})

test('a module that a compiler has made of a file is one', () => {
  const { loom } = testLoom()
  const compiled = Object.defineProperty({ ...plain }, '__esModule', { value: true })
  loom.register('compiled', compiled)
  loom.register('namespace', Object.assign(Object.create(null) as object, plain) as typeof plain)
})

test('a raw module has two members', () => {
  const { loom } = testLoom()
  const raw = { handle_json: () => '{}', render_tree_json: () => '{"s":[""],"d":[]}', authorize: () => true }
  expect(() => loom.register('raw', raw)).toThrow(/a member of module "raw" but received "authorize"/)
})

const misspelt: [string, (loom: ReturnType<typeof testLoom>['loom']) => unknown, string][] = [
  ['an option', () => createLoom({ secret: SECRET, orign: [] } as object), 'origin'],
  ['a limit', () => createLoom({ secret: SECRET, limits: { eventrate: 1 } as object }), 'eventRate'],
  ['a store', () => createLoom({ secret: SECRET, store: { sqllite: 'x' } as never }), 'sqlite'],
  ['an option of mount', (loom) => loom.mount('page', {}, { requst: {} } as object), 'request'],
  [
    'an option of attach',
    (loom) => {
      loom.attach({ emit: () => true } as never, { middlewares: [] } as object)
    },
    'middleware',
  ],
  ['an option of close', (loom) => loom.close({ timout: 1 } as object), 'timeout'],
  ['an option of a Refusal', () => new Refusal('no', { redirct: '/login' } as object), 'redirect'],
  ['a filter', (loom) => loom.disconnect({ adress: '::1' } as never), 'address'],
]

test.each(misspelt)('%s that nobody knows is an error that says which is near', async (_, use, near) => {
  const { loom } = testLoom()
  loom.register('page', plain)
  const used = Promise.resolve().then(() => use(loom))
  await expect(used).rejects.toMatchObject({ code: 'LOOM_ARGUMENT' })
  await expect(used).rejects.toThrow(`did you mean ${JSON.stringify(near)}?`)
})
