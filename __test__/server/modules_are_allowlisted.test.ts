import { html, type LiveModule } from 'loom-live'
import { counter, Site, testLoom } from '../support/site'

const render = () => html`<p></p>`

test('only registered names can be joined, mounted and started', async () => {
  const site = await Site.start()
  const module = counter(site.loom)
  const client = await site.connect()
  const token = await site.token(module)
  for (const name of ['other', '__proto__', 'constructor', 'hasOwnProperty', '']) {
    expect(await client.join('c0', name, token)).toMatchObject({ type: 'error', id: 'c0' })
    await expect(site.loom.mount(name)).rejects.toMatchObject({ code: 'LOOM_ARGUMENT' })
    await expect(site.loom.start('x', () => undefined, name, '{}')).rejects.toMatchObject({
      code: expect.stringMatching(/^LOOM_/) as string,
    })
  }
  expect(site.loom.stats().components).toBe(0)
})

test('a name that JavaScript gives a meaning is a name like others', async () => {
  const site = await Site.start()
  for (const name of ['__proto__', 'constructor', 'toString']) {
    const module = counter(site.loom, name)
    const client = await site.live(module, { count: 1 })
    expect(await client.shows('c0', 'increment')).toBe('<b>2</b>')
  }
})

test('a module that is registered while pages are open can be joined', async () => {
  const site = await Site.start()
  const first = counter(site.loom, 'first')
  const client = await site.live(first)
  const second = counter(site.loom, 'second')
  expect(await client.joined('c1', 'second', await site.token(second))).toBe('<b>0</b>')
})

test('registering a name twice is an error, and the first stays', async () => {
  const { loom } = testLoom()
  counter(loom)
  const again = () => loom.register('counter', { props: {}, handle: {}, render })
  expect(again).toThrow(expect.objectContaining({ code: 'LOOM_ARGUMENT' }) as Error)
  expect(again).toThrow('"counter"')
  expect(await loom.mount('counter')).toContain('<b>0</b>')
})

test('a module of one loom is none of another', async () => {
  const { loom } = testLoom()
  const other = testLoom()
  const module = counter(loom)
  await expect(other.loom.mount(module)).rejects.toMatchObject({ code: 'LOOM_ARGUMENT' })
})

test.each<[string, unknown, unknown]>([
  ['no name', '', { handle: {}, render }],
  ['a name that is no string', 7, { handle: {}, render }],
  ['no module', 'x', undefined],
  ['null', 'x', null],
  ['no render', 'x', { handle: {} }],
  ['no handle', 'x', { render }],
  ['a handler that is no function', 'x', { handle: { go: 'go' }, render }],
  ['handle null', 'x', { handle: null, render }],
  ['props that are a list', 'x', { props: [], handle: {}, render }],
  ['half a raw module', 'x', { handle_json: () => '{}' }],
  ['a private prop that is nowhere', 'x', { handle: {}, render, private: ['key'] }],
])('a module’s shape is checked: %s', (_, name, module) => {
  const { loom } = testLoom()
  const register = () => loom.register(name as string, module as LiveModule<object>)
  expect(register).toThrow(
    expect.objectContaining({ code: expect.stringMatching(/^LOOM_(ARGUMENT|PROPS)$/) as string }) as Error,
  )
  expect(register).toThrow(/^Expected /)
})

test('one handler for all gets every name', async () => {
  const site = await Site.start()
  const echo = site.loom.register('echo', {
    props: { names: [] as string[] },
    handle: ({ names }, { handler }) => ({ names: [...names, handler] }),
    render: ({ names }) => html`${names.join()}`,
  })
  const client = await site.live(echo)
  await client.shows('c0', 'constructor')
  await client.shows('c0', '__proto__')
  expect(await client.shows('c0', 'x')).toBe('constructor,__proto__,x')
})

test('handlers are called with their object', async () => {
  const site = await Site.start()
  const handle = {
    next: ({ count }: { count: number }) => ({ count: count + 1 }),
    twice({ count }: { count: number }) {
      return handle.next.call(this, { count: count + (this === handle ? 1 : 0) })
    },
  }
  const module = site.loom.register('own', {
    props: { count: 0 },
    handle,
    render: ({ count }) => html`<b>${count}</b>`,
  })
  const client = await site.live(module)
  expect(await client.shows('c0', 'twice')).toBe('<b>2</b>')
})

test.each<[string, () => unknown, string]>([
  ['text', () => '<p></p>', 'received string'],
  ['a promise', () => Promise.resolve(render()), 'render is not async'],
  ['a value that stands nowhere', () => html`<p>${{} as string}</p>`, '<p>'],
])('a render that gives %s is an error that names its module', async (_, render, text) => {
  const { loom } = testLoom()
  const module = loom.register('board', { handle: {}, render: render as () => ReturnType<typeof html> })
  const mounted = loom.mount(module)
  await expect(mounted).rejects.toMatchObject({ code: 'LOOM_TEMPLATE' })
  await expect(mounted).rejects.toThrow('render of module board: ')
  await expect(mounted).rejects.toThrow(text)
})
