/** Nested components at the seam of the wire: what a page may join, and what a render may say. */

import { WebSocket } from 'ws'
import { html, live, type LiveOptions, type RegisteredModule } from 'loom-live'
import { atEnd } from '../support/cleanup'
import { redis, withRedis } from '../support/redis'
import { Site, type SiteOptions } from '../support/site'
import { until } from '../support/until'

type Said = [kind: unknown, ...rest: unknown[]]

/** A page that speaks the wire, and does nothing by itself. */
class Wire {
  readonly said: Said[] = []

  private constructor(private readonly socket: WebSocket) {
    socket.on('message', (data) => {
      for (const line of JSON.parse(`[${String(data as Buffer).replaceAll('\n', ',')}]`) as unknown[]) this.take(line)
    })
  }

  /** One message, or several in one frame. */
  private take(line: unknown): void {
    const [first] = line as unknown[]
    if (Array.isArray(first)) for (const one of line as unknown[]) this.take(one)
    else this.said.push(line as Said)
  }

  static async open(site: Site): Promise<Wire> {
    const socket = new WebSocket(site.url(), 'loom.2', { perMessageDeflate: false })
    const wire = new Wire(socket)
    atEnd(() => {
      socket.terminate()
    })
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
    return wire
  }

  cut(): void {
    this.socket.terminate()
  }

  send(...message: unknown[]): void {
    this.socket.send(JSON.stringify(message))
  }

  /** Joins, and gives how that ended: `j`, or what was refused. */
  async join(id: number, module: unknown, token: string, ...resume: unknown[]): Promise<Said> {
    const before = this.said.length
    this.send('j', id, module, token, ...resume)
    return until(`an answer to ${JSON.stringify(module)}`, () =>
      this.said.slice(before).find(([kind, to]) => (kind === 'j' || kind === 'f' || kind === 'a') && to === id),
    )
  }

  async of(kind: string, id: number): Promise<Said> {
    return until(`${kind} of ${id}`, () => this.said.filter((one) => one[0] === kind && one[1] === id).at(-1))
  }
}

interface Parent {
  shown: string[]
  given: number
}

let child: RegisteredModule<{ given: number; count: number }>

async function start(options: SiteOptions = {}): Promise<{ site: Site; wire: Wire; token: string }> {
  const site = await Site.start(options)
  register(site)
  const page = await site.loom.mount('parent')
  const [token = '', ofChild = ''] = [...page.matchAll(/data-l-token="([^"]+)"/g)].map(([, found]) => found ?? '')
  expect(page).toContain('<b>1 0</b>')
  tokenOfChild = ofChild
  return { site, wire: await Wire.open(site), token }
}

function register(site: Site): void {
  child = site.loom.register('child', {
    props: { given: 0, count: 0 },
    handle: { count: (props) => ({ ...props, count: props.count + 1 }) },
    render: ({ given, count }) => html`<b>${given} ${count}</b>`,
  })
  site.loom.register('parent', {
    props: { shown: ['one'], given: 1 } as Parent,
    handle: {
      show: (props, { value = '' }) => ({ ...props, shown: value.split(' ').filter(Boolean) }),
      give: (props) => ({ ...props, given: props.given + 1 }),
    },
    render: ({ shown, given }) => html`<p>${shown.map((key) => live(child, { given }, { key }))}</p>`,
  })
}

let tokenOfChild = ''

test('a nested component is joined under the parent that shows it, from its token or without one', async () => {
  const { site, wire, token } = await start()
  expect(await wire.join(1, ['child', 9, 'one'], tokenOfChild)).toEqual(['f', 1, expect.any(String), 'busy', 500])
  expect((await wire.join(2, 'parent', token))[0]).toBe('j')
  expect((await wire.join(3, ['child', 2, 'one'], tokenOfChild))[0]).toBe('j')
  wire.send('e', 2, 1, 0, 'show', 'click', { v: 'one two' })
  await until('the answer', () => wire.said.some((one) => JSON.stringify(one).includes('two')))
  expect((await wire.join(4, ['child', 2, 'two'], ''))[0]).toBe('j')
  expect(site.loom.stats().components).toBe(3)
  // It counts for the page as others do, and ends with its parent.
  wire.send('l', 2)
  await until('the end of all', () => site.loom.stats().components === 0)
  expect(await wire.of('f', 3)).toEqual(['f', 3, '', 'busy'])
})

test.each([
  ['another key', ['child', 2, 'two']],
  ['another module', ['parent', 2, 'one']],
  ['a parent that is not on this connection', ['child', 1, 'one']],
  ['itself', ['child', 3, 'one']],
])('what the parent does not show is not joined: %s', async (_, module) => {
  const { site, wire, token } = await start()
  await wire.join(2, 'parent', token)
  expect(await wire.join(3, module, tokenOfChild)).toEqual(['f', 3, expect.any(String), 'busy', 500])
  expect(site.loom.stats().components).toBe(1)
})

test('neither its token nor its checkpoint nor its secret starts a component without a parent', async () => {
  const { wire, token } = await start()
  expect(await wire.join(1, 'child', tokenOfChild)).toEqual(['f', 1, expect.any(String), 'reload'])
  await wire.join(2, 'parent', token)
  const [, , , , , secret] = await wire.join(3, ['child', 2, 'one'], '')
  // What was not in the first paint has no anchor: its first checkpoint comes at once.
  const [, , , checkpoint] = await wire.of('c', 3)
  expect(checkpoint).toEqual(expect.any(String))
  expect(await wire.join(4, 'child', String(checkpoint))).toEqual(['f', 4, expect.any(String), 'reload'])
  expect(await wire.join(5, 'child', String(checkpoint), secret, 0, 0, 0)).toEqual([
    'f',
    5,
    expect.any(String),
    'reload',
  ])
})

test('a checkpoint of another parent starts nothing: the component begins with what it is given', async () => {
  const { wire, token } = await start()
  await wire.join(1, 'parent', token)
  await wire.join(2, ['child', 1, 'one'], '')
  wire.send('e', 2, 1, 0, 'count', 'click', {})
  await until('the answer', () => wire.said.some((one) => one[0] === 2 || (one[0] === 's' && one[1] === 2)))
  const checkpoint = await wire.of('c', 2)
  await wire.join(3, 'parent', token)
  expect(JSON.stringify(await wire.join(4, ['child', 3, 'one'], String(checkpoint[3])))).toContain('"1","0"')
})

test('a token that was mounted with something else starts nothing: the component is mounted with what it is given', async () => {
  const { wire, token } = await start()
  await wire.join(1, 'parent', token)
  wire.send('e', 1, 1, 0, 'give', 'click', {})
  await until('the answer', () => wire.said.some(([first, number]) => first === 1 && number === 1))
  expect(JSON.stringify(await wire.join(2, ['child', 1, 'one'], tokenOfChild))).toContain('"2","0"')
})

test('one connection has each nested component once', async () => {
  const { wire, token } = await start()
  await wire.join(1, 'parent', token)
  expect((await wire.join(2, ['child', 1, 'one'], ''))[0]).toBe('j')
  expect(await wire.join(3, ['child', 1, 'one'], '')).toEqual(['f', 3, expect.any(String)])
  wire.send('e', 2, 1, 0, 'count', 'click', {})
  await until('the answer of the first', () => wire.said.some(([first, number]) => first === 2 && number === 1))
})

test('what stands twice in a render is an error, and counts once if it comes later', async () => {
  const { site, wire, token } = await start()
  const twice = site.loom.register('twice', {
    props: {},
    handle: {},
    render: () => html`${live(child)}${live(child)}`,
  })
  await expect(site.loom.mount(twice)).rejects.toMatchObject({
    code: 'LOOM_TEMPLATE',
    message: expect.stringContaining('stands twice with no key') as string,
  })
  await wire.join(1, 'parent', token)
  wire.send('e', 1, 1, 0, 'show', 'click', { v: 'a a' })
  await site.log.says(/the same live\(\) stands twice|two items with the key/)
})

test('a shared component stands in a personal one, and none in a shared one', async () => {
  const { site, wire } = await start()
  const board = site.loom.register('board', {
    props: { count: 0 },
    handle: { add: (props) => ({ ...props, count: props.count + 1 }) },
    render: ({ count }) => html`<i>${count}</i>`,
  })
  const around = site.loom.register('around', {
    props: { room: 'b7' },
    handle: { other: () => ({ room: 'b8' }) },
    render: ({ room }) => html`<p>${live(board, {}, { shared: room })}</p>`,
  })
  const page = await site.loom.mount(around)
  const [, key = ''] = /<p><div data-l-live="board" data-l-key="([^"]+)"><i>0<\/i><\/div><\/p>/.exec(page) ?? []
  expect(key).not.toContain('b7')
  await wire.join(1, 'around', /data-l-token="([^"]+)"/.exec(page)?.[1] ?? '')
  expect((await wire.join(2, ['board', 1, key], ''))[0]).toBe('j')
  expect(site.loom.stats().components).toBeGreaterThan(1)
  // The server ends what the parent shows no more, whatever the page does.
  wire.send('e', 1, 1, 0, 'other', 'click', {})
  expect(await wire.of('f', 2)).toEqual(['f', 2, expect.any(String), 'busy'])
  const text = JSON.stringify(wire.said)
  const [next = ''] = [...text.matchAll(/~[\w-]{16}/g)].map(([found]) => found).filter((found) => found !== key)
  expect((await wire.join(3, ['board', 1, next], ''))[0]).toBe('j')
  expect((await wire.join(4, ['board', 1, key], ''))[3]).toBe('busy')
  const wrong = site.loom.register('wrong', { props: {}, handle: {}, render: () => html`${live(child)}` })
  await expect(site.loom.mount(wrong, {}, { shared: 'x' })).rejects.toThrow(/handle this|shared/)
  await site.log.says('live() cannot stand in a shared component')
})

test('wrong arguments say what is wrong', async () => {
  const { site } = await start()
  const given =
    (...parameters: unknown[]) =>
    (): unknown =>
      (live as unknown as (...parameters: unknown[]) => unknown)(...parameters)
  for (const [parameters, message] of [
    [['child'], 'what loom.register gave'],
    [[{ name: 'child' }], 'what loom.register gave'],
    [[child, 7], 'props'],
    [[child, { at: new Date() }], 'at'],
    [[child, {}, { keys: 1 }], 'did you mean "key"'],
    [[child, {}, { key: {} }], 'a string or a number'],
    [[child, {}, { key: 'x'.repeat(257) }], '256 bytes'],
    [[child, {}, { as: 'script' }], 'the name of an element'],
    [[child, {}, { shared: '' }], '1 to 256 bytes'],
    [[child, { given: 1 }, { shared: 'x' }], 'no props'],
  ] as [unknown[], string][]) {
    expect(given(...parameters)).toThrow(message)
  }
  const withParams = site.loom.register('with-params', {
    props: {},
    params: () => ({}),
    handle: {},
    render: () => html`x`,
  })
  const wrong = site.loom.register('wrong', { props: {}, handle: {}, render: () => html`${live(withParams)}` })
  await expect(site.loom.mount(wrong)).rejects.toThrow(/cannot be nested by live\(\): it has params/)
  const options: LiveOptions = { key: 1, as: 'li' }
  expect(String(live(child, { given: 2 }, options).dynamics[1])).toBe('1')
})

test('a component that shows itself is an error, and not a page without an end', async () => {
  const site = await Site.start()
  const itself: RegisteredModule<object> = site.loom.register('itself', {
    props: {},
    handle: {},
    render: () => html`<p>${live(itself)}</p>`,
  })
  await expect(site.loom.mount(itself)).rejects.toThrow(/nests deeper than 16 levels/)
})

test('what is given is never in the page', async () => {
  const site = await Site.start()
  const inner = site.loom.register('inner', {
    props: { secret: '' },
    private: ['secret'],
    mount: ({ secret }) => ({ secret }),
    handle: {},
    render: () => html`<b>inner</b>`,
  })
  const outer = site.loom.register('outer', {
    props: { more: 0 },
    handle: { more: (props) => ({ more: props.more + 1 }) },
    render: ({ more }) => html`<p>${more}</p>${live(inner, { secret: `s3cret ${more}` })}`,
  })
  const page = await site.loom.mount(outer)
  const wire = await Wire.open(site)
  await wire.join(1, 'outer', /data-l-token="([^"]+)"/.exec(page)?.[1] ?? '')
  await wire.join(2, ['inner', 1, ''], '')
  wire.send('e', 1, 1, 0, 'more', 'click', {})
  await until('the answer', () => wire.said.some((one) => JSON.stringify(one).includes('"1"')))
  expect(page + JSON.stringify(wire.said)).not.toContain('s3cret')
})

test('an event of a component whose parent ends in order is still answered', async () => {
  let release: (() => void) | undefined
  const site = await Site.start()
  const slow = site.loom.register('slow', {
    props: { count: 0 },
    handle: {
      count: async ({ count }) => {
        await new Promise<void>((resolve) => (release = resolve))
        return { count: count + 1 }
      },
    },
    render: ({ count }) => html`<b>${count}</b>`,
  })
  site.loom.register('around', { props: {}, handle: {}, render: () => html`<p>${live(slow)}</p>` })
  const wire = await Wire.open(site)
  await wire.join(1, 'around', await site.token('around'))
  await wire.join(2, ['slow', 1, ''], '')
  wire.send('e', 2, 1, 0, 'count', 'click', {})
  await until('the call', () => release)
  const closing = site.loom.close({ timeout: 5_000 })
  release?.()
  await until('the answer', () => wire.said.some(([first, number]) => first === 2 && number === 1))
  await closing
})

withRedis('with other processes', () => {
  test('parent and child go on in another one, each from where it was', async () => {
    const { store } = (await redis()) as { store: { redis: string; prefix: string } }
    const sites = [await Site.start({ backplane: store }), await Site.start({ backplane: store })] as const
    register(sites[1])
    register(sites[0])
    const page = await sites[0].loom.mount('parent')
    const [token = ''] = [...page.matchAll(/data-l-token="([^"]+)"/g)].map(([, found]) => found ?? '')
    const wire = await Wire.open(sites[0])
    const ofParent = String((await wire.join(1, 'parent', token))[5])
    const ofChild = String((await wire.join(2, ['child', 1, 'one'], ''))[5])
    wire.send('e', 2, 1, 0, 'count', 'click', {})
    await until('the answer', () => wire.said.some(([first, number]) => first === 2 && number === 1))
    wire.cut()
    await until('both to wait', () => sites[0].loom.stats().parked === 2)
    const next = await Wire.open(sites[1])
    await next.join(1, 'parent', token, ofParent, 0, 0, 0, 1)
    // Without a checkpoint: what it knows can only come from the process that has it.
    const there = await next.join(2, ['child', 1, 'one'], '', ofChild, 1, 1, 0, 1)
    expect(JSON.stringify(there)).toContain('"1","1"')
    await until('nothing to be left behind', () => sites[0].loom.stats().components === 0)
    expect(sites[0].loom.stats().parked).toBe(0)
  })
})
