import { html, type LiveContext, Refusal } from 'loom-live'
import { counter, Site } from '../support/site'
import { until } from '../support/until'

interface Props {
  rows: string[]
  mode: string
}

class Point {
  x = 1
}

/** An object that throws at whoever looks at it. */
function untouchable(): object {
  const refuse = (): never => {
    throw new Error('hands off')
  }
  return new Proxy({}, { get: refuse, has: refuse, ownKeys: refuse, getPrototypeOf: refuse })
}

function cycle(): object {
  const self: { self?: object } = {}
  self.self = self
  return { self }
}

/** What handlers do wrong after they have changed the props they were given. */
const FAULTS: Record<string, (props: Props, ctx: LiveContext) => unknown> = {
  'throws an error': () => {
    throw new Error('thrown')
  },
  'throws undefined': () => {
    throw undefined
  },
  'throws what cannot be shown': () => {
    throw Object.create(null)
  },
  'throws an error whose message throws': () => {
    throw Object.defineProperty(new Error(), 'message', {
      get: () => {
        throw new Error('message')
      },
    })
  },
  rejects: () => Promise.reject(new Error('rejected')),

  'rejects with nothing': () => Promise.reject(),
  'rejects after a while': async () => {
    await new Promise((resolve) => setImmediate(resolve))
    throw new Error('late')
  },
  'refuses, with a redirect that is no text': () => {
    throw new Refusal('no', { redirect: new URL('http://localhost/login') as unknown as string })
  },
  'refuses later, with a redirect that is nothing': async () => {
    await new Promise((resolve) => setImmediate(resolve))
    throw new Refusal('no', { redirect: null as unknown as string })
  },
  'returns a thenable that throws': () => ({
    then: () => {
      throw new Error('then')
    },
  }),
  'returns a BigInt': () => ({ rows: [], mode: 1n }),
  'returns a cycle': cycle,
  'returns NaN': () => ({ rows: [], mode: NaN }),
  'returns Infinity': () => ({ rows: [-Infinity] }),
  'returns a Date': () => ({ rows: [], mode: new Date(0) }),
  'returns a Map': () => ({ rows: new Map() }),
  'returns a Set': () => ({ rows: new Set() }),
  'returns a class instance': () => ({ rows: [], mode: new Point() }),
  'returns a class instance as the props': () => new Point(),
  'returns a function in the props': () => ({ rows: [], mode: () => 1 }),
  'returns a symbol': () => ({ rows: [], mode: Symbol('x') }),
  'returns undefined in a list': () => ({ rows: [undefined] }),
  'returns a hole in a list': () => ({ rows: new Array(1) }),
  'returns a member named __proto__': () => JSON.parse('{"rows":[],"__proto__":{"mode":"x"}}') as unknown,
  'returns a nested member named __proto__': () => JSON.parse('{"rows":[{"__proto__":1}]}') as unknown,
  'returns a list': () => [],
  'returns a string': () => 'props',
  'returns a number': () => 7,
  'returns false': () => false,
  'returns what throws at whoever looks at it': untouchable,
  'resolves to a list of what throws at whoever looks at it': async () => Promise.resolve([untouchable()]),
  'resolves to props of what throws at whoever looks at it': async () => Promise.resolve({ rows: untouchable() }),
  'resolves to a Date': () => Promise.resolve({ rows: [], mode: new Date(0) }),
  'returns props whose getter throws': () => ({
    get rows() {
      throw new Error('getter')
    },
  }),
  'makes render throw': (props) => {
    props.mode = 'throw'
  },
  'makes render return a string': (props) => {
    props.mode = 'string'
  },
  'makes render return nothing': (props) => {
    props.mode = 'nothing'
  },
  'makes render return an object that looks like a tree': (props) => {
    props.mode = 'lookalike'
  },
  'makes render return a promise': (props) => {
    props.mode = 'promise'
  },
  'makes render put an object into a slot': (props) => {
    props.mode = 'object'
  },
  'makes render put a promise into a slot': (props) => {
    props.mode = 'promised slot'
  },
  'makes render put a function into a slot': (props) => {
    props.mode = 'function'
  },
  'makes render put a symbol into a slot': (props) => {
    props.mode = 'symbol'
  },
  'makes render put a Date into a slot': (props) => {
    props.mode = 'date'
  },
  'makes render use an unsafe template': (props) => {
    props.mode = 'unsafe'
  },
  'makes render nest without end': (props) => {
    props.mode = 'endless'
  },
}

function endless(): unknown {
  let tree: unknown = ''
  for (let depth = 0; depth < 200; depth++) tree = html`<i>${tree}</i>`
  return tree
}

function render({ rows, mode }: Props): unknown {
  switch (mode) {
    case 'throw':
      throw new Error('render')
    case 'string':
      return '<p></p>'
    case 'nothing':
      return undefined
    case 'lookalike':
      return { s: ['<p>', '</p>'], d: ['x'], statics: ['<p>', '</p>'], dynamics: ['x'] }
    case 'promise':
      return Promise.resolve(html`<p></p>`)
    case 'object':
      return html`<p>${{ toString: () => 'x' }}</p>`
    case 'promised slot':
      return html`<p>${Promise.resolve('x')}</p>`
    case 'function':
      return html`<p>${() => 'x'}</p>`
    case 'symbol':
      return html`<p>${Symbol('x')}</p>`
    case 'date':
      return html`<p>${new Date(0)}</p>`
    case 'unsafe':
      return html`<p class=${'x'}></p>`
    case 'endless':
      return endless()
    default:
      return html`<p>${rows.map((row) => html`<i>${row}</i>`)}</p>`
  }
}

async function faultySite(development = true) {
  const site = await Site.start({ development })
  const faulty = site.loom.register<Props>('faulty', {
    props: { rows: ['first'], mode: '' },
    handle: (props, { handler }, ctx) => {
      if (handler === 'show') return
      if (handler === 'add') return { ...props, rows: [...props.rows, 'added'] }
      props.rows.push('never')
      ctx.redirect('/never')
      return FAULTS[handler]?.(props, ctx) as Props
    },
    render: render as (props: Props) => ReturnType<typeof html>,
  })
  return { site, faulty, plain: counter(site.loom) }
}

describe.each([
  ['in development', true],
  ['in production', false],
])('%s', (_, development) => {
  test.each(Object.keys(FAULTS))('a handler that %s: an error, no commit, and the next event works', async (fault) => {
    const { site, faulty, plain } = await faultySite(development)
    const client = await site.live(faulty)
    await client.joined('c1', 'counter', await site.token(plain))
    expect(await client.shows('c0', 'add')).toBe('<p><i>first</i><i>added</i></p>')

    expect(await client.fails('c0', fault)).not.toBe('')
    expect(client.html('c0')).toBe('<p><i>first</i><i>added</i></p>')
    expect(await client.shows('c0', 'show')).toBe('<p><i>first</i><i>added</i></p>')
    expect(await client.shows('c0', 'add')).toBe('<p><i>first</i><i>added</i><i>added</i></p>')

    expect(await client.shows('c1', 'increment')).toBe('<b>1</b>')
    expect(client.messages.filter(({ type }) => type === 'redirect')).toEqual([])
    expect(client.unexpected).toEqual([])
    expect(site.loom.stats()).toMatchObject({ components: 2, errors: 1, callsInFlight: 0 })
    await until('the log', () => site.log.errors.length > 0)
    expect(site.log.errors).toHaveLength(1)
    expect(site.log.errors[0]).toContain('faulty')
  })

  test('faults of handlers and renders that come in one batch spare the batch', async () => {
    const { site, faulty } = await faultySite(development)
    const client = await site.connect()
    const token = await site.token(faulty)
    const ids = Object.keys(FAULTS).map((_, index) => `c${index}`)
    await Promise.all(ids.map((id) => client.joined(id, 'faulty', token)))
    const answers = await Promise.all(
      ids.flatMap((id, index) => [
        client.event(id, 'add'),
        client.event(id, Object.keys(FAULTS)[index] ?? ''),
        client.event(id, 'add'),
      ]),
    )
    expect(answers.map(({ type }) => type)).toEqual(ids.flatMap(() => ['patch', 'error', 'patch']))
    for (const id of ids) expect(client.html(id)).toBe('<p><i>first</i><i>added</i><i>added</i></p>')
  })
})

test.each(['unknown', 'constructor', '__proto__', 'toString', 'hasOwnProperty', 'valueOf', '', 'add '])(
  'a handler that is unknown or inherited (%p) is an error',
  async (name) => {
    const { site, plain } = await faultySite()
    const client = await site.live(plain, { count: 3 })
    expect(await client.fails('c0', name)).toContain(JSON.stringify(name))
    expect(await client.shows('c0', 'increment')).toBe('<b>4</b>')
  },
)

test('handlers that the object inherits are not found', async () => {
  const site = await Site.start()
  const inherited = { destroy: () => ({ count: -1 }) }
  const handle = Object.assign(Object.create(inherited) as Record<string, never>, { keep: () => undefined })
  const module = site.loom.register('inheriting', {
    props: { count: 1 },
    handle,
    render: ({ count }) => html`<b>${count}</b>`,
  })
  const client = await site.live(module)
  await client.fails('c0', 'destroy')
  expect(await client.shows('c0', 'keep')).toBe('<b>1</b>')
})

test('the error names the fault in development, and nothing of the application in production', async () => {
  const shown = async (development: boolean): Promise<string> => {
    const { site, faulty } = await faultySite(development)
    const client = await site.live(faulty)
    const text = await client.fails('c0', 'throws an error')
    await until('the log', () => site.log.errors.length > 0)
    expect(site.log.errors[0]).toContain('thrown')
    return text
  }
  expect(await shown(true)).toContain('thrown')
  expect(await shown(false)).not.toMatch(/thrown|faulty|handle of/)
})

test('the log says where it was thrown, the page does not', async () => {
  const site = await Site.start({ development: true })
  const module = site.loom.register('where', {
    props: { count: 0, broken: false },
    handle: {
      throws: () => {
        throw new TypeError('first\nsecond')
      },
      rejects: () => Promise.reject(new TypeError('later')),
      render: (props) => ({ ...props, broken: true }),
      ours: () => ({ count: NaN, broken: false }),
    },
    render: ({ broken }) => {
      if (broken) throw new RangeError('no picture')
      return html`<b></b>`
    },
  })
  const client = await site.live(module)
  for (const handler of ['throws', 'rejects', 'render']) {
    expect(await client.fails('c0', handler)).not.toMatch(/\n\s+at /)
    await until('the log', () => site.log.errors.length > 0)
    expect(site.log.errors.shift()).toMatch(
      /^loom-live: where \("c0"\): the event .* failed: (handle|render) of module where: [^]*\n {4}at .*nothing_is_committed/,
    )
  }
  // What is wrong with props is said in words, and was not thrown by the application.
  await client.fails('c0', 'ours')
  await until('the log', () => site.log.errors.length > 0)
  expect(site.log.errors[0]).not.toMatch(/\n\s+at /)
})

test('a promise that rejects when its component is gone already is nobody’s unhandled rejection', async () => {
  const site = await Site.start()
  let reject: (error: Error) => void = () => undefined
  const module = site.loom.register('late', {
    props: {},
    handle: { wait: () => new Promise<void>((_, fail) => (reject = fail)) },
    render: () => html`<p></p>`,
  })
  const unhandled: unknown[] = []
  const listen = (error: unknown): void => void unhandled.push(error)
  process.on('unhandledRejection', listen)
  const client = await site.live(module)
  client.event('c0', 'wait').catch(() => undefined)
  await client.joined('c1', 'late', await site.token(module))
  client.leave('c0')
  client.event('c1', 'wait').catch(() => undefined)
  client.drop()
  await site.empty()
  reject(new Error('late'))
  await new Promise((resolve) => setImmediate(resolve))
  process.off('unhandledRejection', listen)
  expect(unhandled).toEqual([])
})
