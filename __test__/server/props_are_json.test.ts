import { html, type RegisteredModule } from 'loom-live'
import { Site, testLoom } from '../support/site'

class Money {
  constructor(readonly cents: number) {}
}

const cycle: { self?: unknown } = {}
cycle.self = cycle

/** Values that JSON would change or refuse, and the path that the error names. */
const REFUSED: [string, () => object, string][] = [
  ['a BigInt', () => ({ a: 1n }), 'a'],
  ['a cycle', () => ({ a: cycle }), 'self'],
  ['NaN', () => ({ a: { b: NaN } }), 'a.b'],
  ['Infinity', () => ({ a: [1, Infinity] }), 'a[1]'],
  ['a Date', () => ({ rows: [{ at: new Date(0) }] }), 'rows[0].at'],
  ['a Map', () => ({ a: new Map([[1, 2]]) }), 'a'],
  ['a Set', () => ({ a: new Set() }), 'a'],
  ['a RegExp', () => ({ a: /x/ }), 'a'],
  ['an Error', () => ({ a: new Error('x') }), 'a'],
  ['a Buffer', () => ({ a: Buffer.from('x') }), 'a'],
  ['a typed array', () => ({ a: new Uint8Array(1) }), 'a'],
  ['a promise', () => ({ a: Promise.resolve(1) }), 'a'],
  ['a boxed string', () => ({ a: new String('x') }), 'a'],
  ['a class instance', () => ({ price: new Money(1) }), 'price'],
  ['a function', () => ({ a: () => 1 }), 'a'],
  ['a toJSON method', () => ({ a: { toJSON: () => 1 } }), 'a.toJSON'],
  ['a symbol', () => ({ a: Symbol('x') }), 'a'],
  ['a member named by a symbol', () => ({ a: { [Symbol('x')]: 1 } }), 'a'],
  ['undefined in a list', () => ({ a: [undefined] }), 'a[0]'],
  ['a hole in a list', () => ({ a: [1, , 2] }), 'a[1]'], // eslint-disable-line no-sparse-arrays
  ['a member named __proto__', () => JSON.parse('{"a":{"__proto__":{"x":1}}}') as object, 'a'],
  ['a member named __proto__ at the top', () => JSON.parse('{"__proto__":{"x":1}}') as object, '__proto__'],
]

interface Props {
  [name: string]: unknown
}

function anything(loom: ReturnType<typeof testLoom>['loom']): RegisteredModule<Props> {
  return loom.register<Props>('anything', {
    props: {},
    handle: {
      refuse: (_, { value }) => REFUSED[Number(value)]?.[1]() as Props,
      set: (_, { value = '{}' }) => JSON.parse(value) as Props,
      show: () => undefined,
    },
    render: (props) => html`<p>${JSON.stringify(props)}</p>`,
  })
}

const shown = (props: unknown): string => `<p>${JSON.stringify(props).replaceAll('"', '&quot;')}</p>`
const unquoted = (text: string): string => text.replaceAll('&#34;', '&quot;')

test.each(REFUSED)('mount refuses %s, and names its path', async (_, make, path) => {
  const { loom } = testLoom()
  const module = anything(loom)
  const mounting = loom.mount(module, make())
  await expect(mounting).rejects.toMatchObject({ code: 'LOOM_PROPS', name: 'LoomError' })
  await expect(mounting).rejects.toThrow(path)
})

test.each(REFUSED)('register refuses first props with %s', (_, make, path) => {
  const { loom } = testLoom()
  const register = () => loom.register('bad', { props: make(), handle: {}, render: () => html`` })
  expect(register).toThrow(expect.objectContaining({ code: 'LOOM_PROPS' }) as Error)
  expect(register).toThrow(path)
})

test('a handler’s props are held to the same', async () => {
  const site = await Site.start()
  const client = await site.live(anything(site.loom), { kept: 1 })
  for (const [index, [, , path]] of REFUSED.entries()) {
    expect(await client.fails('c0', 'refuse', { value: String(index) })).toContain(path)
    expect(unquoted(await client.shows('c0', 'show'))).toBe(shown({ kept: 1 }))
  }
})

test('every JSON value comes back as it was', async () => {
  const site = await Site.start()
  const client = await site.live(anything(site.loom))
  const values: unknown[] = [
    {},
    { a: null, b: true, c: false, d: 0, e: -1.5e300, f: 1e-7, g: 9007199254740991, h: '' },
    { text: '\0\u001f"\\/\u2028\u2029é☃😀<>&\'' },
    { '': { '': 1 }, 'a.b': [[], [[]], {}], constructor: 1, toString: 'x', length: 3, hasOwnProperty: [] },
    { '\ud800': '\ud83d' },
    { nested: JSON.parse('['.repeat(60) + ']'.repeat(60)) as unknown },
    { list: Array.from({ length: 1000 }, (_, index) => ({ index, text: `row ${index}` })) },
  ]
  for (const value of values) {
    expect((await client.event('c0', 'set', { value: JSON.stringify(value) })).type).toBe('patch')
    expect(JSON.parse(decode(await client.shows('c0', 'show')))).toEqual(value)
  }
})

function decode(markup: string): string {
  return markup
    .replace(/^<p>|<\/p>$/g, '')
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
    .replaceAll('&quot;', '"')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
}

test('undefined members count as absent; objects without a prototype are plain', async () => {
  const { loom } = testLoom()
  const bare = Object.assign(Object.create(null) as object, { b: 1 })
  const module = loom.register('keys', {
    props: {} as Props,
    handle: {},
    render: (props) =>
      html`${Object.keys(props)
        .filter((key) => props[key] !== undefined)
        .join()}`,
  })
  const page = await loom.mount(module, { a: undefined, bare })
  expect(page).toContain('>bare</div>')
})

test('props left out of mount are the module’s own', async () => {
  const { loom } = testLoom()
  const module = loom.register('both', {
    props: { a: 1, b: { c: 2 } },
    handle: {},
    render: ({ a, b }) => html`${a} ${b.c}`,
  })
  expect(await loom.mount(module)).toContain('>1 2</div>')
  expect(await loom.mount(module, { a: 5 })).toContain('>5 2</div>')
  expect(await loom.mount('both', { b: { c: 7 } })).toContain('>1 7</div>')
})

test.each([[null], [7], ['text'], [[]], [() => 1]])('mount takes an object of props, not %p', async (props) => {
  const { loom } = testLoom()
  anything(loom)
  await expect(loom.mount('anything', props as unknown as object)).rejects.toMatchObject({
    code: expect.stringMatching(/LOOM_(ARGUMENT|PROPS)/) as string,
  })
})

test('a handler may change its props and return nothing, or those it was given', async () => {
  const site = await Site.start()
  interface List {
    rows: string[]
  }
  const list = site.loom.register<List>('list', {
    props: { rows: [] },
    handle: {
      add: (props, { value = '' }) => void props.rows.push(value),
      addAndReturn(props, { value = '' }) {
        props.rows.push(value)
        return props
      },
      async addLater(props, { value = '' }) {
        await new Promise((resolve) => setImmediate(resolve))
        props.rows.push(value)
      },
      replace: (_, { value = '' }) => ({ rows: [value] }),
      share: (props, { value = '' }) => ({ ...props, rows: [...props.rows, value] }),
    },
    render: ({ rows }) => html`${rows.join()}`,
  })
  const client = await site.live(list)
  expect(await client.shows('c0', 'add', { value: 'a' })).toBe('a')
  expect(await client.shows('c0', 'addAndReturn', { value: 'b' })).toBe('a,b')
  expect(await client.shows('c0', 'addLater', { value: 'c' })).toBe('a,b,c')
  expect(await client.shows('c0', 'share', { value: 'd' })).toBe('a,b,c,d')
  expect(await client.shows('c0', 'replace', { value: 'e' })).toBe('e')
  expect(await client.shows('c0', 'add', { value: 'f' })).toBe('e,f')
  expect(site.log.all).toBe('')
})

test.each([64 << 20, 1])(
  'what render sorts in place is committed as it was sorted, with %d bytes for copies',
  async (propsCacheBytes) => {
    const { loom } = testLoom({ limits: { propsCacheBytes } })
    interface Rows {
      rows: { id: number; count: number }[]
      clicks: number
    }
    const module = loom.register<Rows>('sorting', {
      props: { rows: [], clicks: 0 },
      handle: {
        click: (props) => ({ ...props, clicks: props.clicks + 1 }),
        count: (props, { value }) => ({
          ...props,
          rows: props.rows.map((row) => (String(row.id) === value ? { ...row, count: row.count + 1 } : row)),
        }),
      },
      render: ({ rows }) => html`${rows.sort((one, other) => one.id - other.id).map(({ id }) => html`<i>${id}</i>`)}`,
    })
    const first = { rows: [3, 1, 2].map((id) => ({ id, count: 0 })), clicks: 0 }
    for (const handlers of [
      ['count', 'count'],
      ['click', 'count'],
      ['click', 'click', 'count', 'count'],
    ]) {
      const socket = await loom.start('x', () => undefined, module, JSON.stringify(first))
      for (const handler of handlers)
        socket.send({ type: 'event', handler, event: 'click', special_vars: { value: '1' } })
      const count = handlers.filter((handler) => handler === 'count').length
      const rows = [1, 2, 3].map((id) => ({ id, count: id === 1 ? count : 0 }))
      const { propsJson } = await socket.state()
      expect(JSON.parse(propsJson)).toEqual({ rows, clicks: handlers.length - count })
    }
  },
)

test('development shows what is committed, also of careless handlers', async () => {
  const development = true
  const { loom } = testLoom({ development })
  const list = loom.register('list', {
    props: { rows: ['a'] },
    handle: {
      // Changes what it was given and returns a copy that shares it.
      add(props, { value = '' }) {
        props.rows.push(value)
        return { ...props }
      },
    },
    render: ({ rows }) => html`${rows.join()}`,
  })
  const socket = await loom.start('x', () => undefined, list, '{"rows":["a"]}')
  socket.send({ type: 'event', handler: 'add', event: 'click', special_vars: { value: 'b' } })
  const { propsJson, treeJson } = await socket.state()
  expect([propsJson, treeJson]).toEqual(['{"rows":["a","b"]}', '{"s":["",""],"d":["a,b"]}'])
})

test('development keeps apart what handlers of two components return', async () => {
  const development = true
  const site = await Site.start({ development })
  const EMPTY = { rows: [] as string[] }
  const list = site.loom.register('list', {
    props: { rows: [] as string[] },
    handle: {
      reset: () => EMPTY,
      add: (props, { value = '' }) => void props.rows.push(value),
      show: () => undefined,
    },
    render: ({ rows }) => html`${rows.join()}`,
  })
  const ada = await site.live(list)
  const bob = await site.live(list)
  await ada.shows('c0', 'reset')
  await bob.shows('c0', 'reset')
  expect(await ada.shows('c0', 'add', { value: 'ada’s secret' })).toBe('ada’s secret')
  expect(await bob.shows('c0', 'show')).toBe('')
})

test('development drops what a handler changes of its props later', async () => {
  const development = true
  const site = await Site.start({ development })
  const kept: { rows: string[] }[] = []
  const list = site.loom.register('list', {
    props: { rows: ['a'] },
    handle: {
      keep(props) {
        const next = { rows: [...props.rows] }
        kept.push(next)
        return next
      },
      show: () => undefined,
    },
    render: ({ rows }) => html`${rows.join()}`,
  })
  const client = await site.live(list)
  await client.shows('c0', 'keep')
  kept[0]?.rows.push('later')
  expect(await client.shows('c0', 'show')).toBe('a')
})

test('development finds that props were changed into what is no JSON', async () => {
  const site = await Site.start({ development: true })
  const kept: Props[] = []
  const spoil = (props: Props): void => {
    props['self'] = props
    props['big'] = [1n]
  }
  const module = site.loom.register<Props>('spoilt', {
    props: { count: 0 },
    handle: {
      keep({ count }) {
        const next = { count }
        kept.push(next)
        return next
      },
      spoil(props) {
        spoil(props)
        return { count: 2 }
      },
      add: ({ count }) => ({ count: Number(count) + 1 }),
    },
    render: ({ count }) => html`${count}`,
  })
  const client = await site.live(module)
  await client.shows('c0', 'keep')
  kept.forEach(spoil)
  expect(await client.shows('c0', 'add')).toBe('1')
  expect(site.log.all).toMatch(/spoilt: props.self was changed from outside after a handler had returned it/)
  expect(await client.shows('c0', 'spoil')).toBe('2')
  expect(site.log.all).toMatch(
    /the handler "spoil" returned new props but also changed props.self of the props that it got/,
  )
})

test('development warns of a render that changes its props', async () => {
  const site = await Site.start({ development: true })
  const module = site.loom.register('ranking', {
    props: { rows: [1, 2, 3], down: false },
    handle: { turn: (props) => ({ ...props, down: !props.down }) },
    render: ({ rows, down }) => html`${rows.sort((one, other) => (down ? other - one : one - other)).join()}`,
  })
  const client = await site.live(module)
  expect(site.log.all).toBe('')
  await client.event('c0', 'turn')
  expect(site.log.all).toMatch(
    /ranking: render changed props\.rows\[0\]\. .* Change a copy, as in \[\.\.\.props\.rows\]\.sort\(\)$/,
  )
})

test.each(['x', '€'])(
  'props that no page could join with are refused when the page is rendered: %s',
  async (letter) => {
    const { loom } = testLoom({ limits: { messageBytes: 10_000 } })
    loom.register('large', { props: { text: '' }, handle: {}, render: () => html`<p>x</p>` })
    const most = Math.floor(6_900 / Buffer.byteLength(letter))
    expect(await loom.mount('large', { text: letter.repeat(most) })).toContain('data-l-token')
    await expect(loom.mount('large', { text: letter.repeat(most + 1_000) })).rejects.toMatchObject({
      code: 'LOOM_PROPS',
      message: expect.stringMatching(
        /mount of module "large" are too large.*\d+ bytes.*messageBytes is 10000/,
      ) as string,
    })
  },
)

test('what may be rendered can be joined with', async () => {
  const site = await Site.start({ limits: { messageBytes: 10_000 } })
  const large = site.loom.register('large', { props: { text: '' }, handle: {}, render: () => html`<p>x</p>` })
  // The largest that is not refused.
  let [least, most] = [0, 10_000]
  while (most - least > 1) {
    const middle = (least + most) >> 1
    const isTaken = await site.loom.mount(large, { text: 'x'.repeat(middle) }).then(
      () => true,
      () => false,
    )
    if (isTaken) least = middle
    else most = middle
  }
  await site.live(large, { text: 'x'.repeat(least) })
})
