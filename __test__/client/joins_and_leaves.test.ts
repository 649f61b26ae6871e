import { container, Harness, plain, sendJoin, tree, until } from './harness'

const harness = new Harness()

const nested = (name: string, inner = '') =>
  `<div id="${name}" data-l-live="${name}" data-l-ws="/loom/ws" data-l-token="t-${name}">${inner}</div>`

test('every container joins with its module and token over one connection', async () => {
  await harness.open(nested('one') + nested('two') + nested('outer', nested('inner')))
  const wire = await harness.server.connection()
  const joins = [await wire.next(), await wire.next(), await wire.next(), await wire.next()]
  expect(joins.map(({ type, module, token }) => [type, module, token])).toEqual([
    ['join', 'one', 't-one'],
    ['join', 'two', 't-two'],
    ['join', 'outer', 't-outer'],
    ['join', 'inner', 't-inner'],
  ])
  expect(new Set(joins.map(({ id }) => id)).size).toBe(4)
  expect(wire.request.url).toBe('/loom/ws')
  expect(harness.server.wires).toHaveLength(1)
})

test('each path has a connection of its own', async () => {
  await harness.open(`${container('')}<div data-l-live="other" data-l-ws="/elsewhere?a=1" data-l-token="x"></div>`)
  const wires = [await harness.server.connection(), await harness.server.connection()]
  expect(wires.map((wire) => wire.request.url).sort()).toEqual(['/elsewhere?a=1', '/loom/ws'])
})

test('a container that appears joins, one that vanishes leaves, and the last one takes the connection along', async () => {
  const page = await harness.open(nested('one'))
  const wire = await harness.server.connection()
  const one = await wire.next('join')
  sendJoin(wire, one.id, plain('hello'))
  await page.evaluate(
    (html) => document.body.insertAdjacentHTML('beforeend', `<section>${html}</section>`),
    nested('late'),
  )
  const late = await wire.next('join')
  expect(late.module).toBe('late')
  await page.evaluate(() => document.querySelector('section')?.remove())
  expect(await wire.next('leave')).toEqual({ type: 'leave', id: late.id })
  await page.evaluate(() => document.querySelector('#one')?.remove())
  expect(await wire.next('leave')).toEqual({ type: 'leave', id: one.id })
  await until('the connection to close', () => wire.closed)
})

test('moving a container within one task is not leaving', async () => {
  const page = await harness.open(nested('one') + '<section></section>')
  const wire = await harness.server.connection()
  const { id } = await wire.next('join')
  sendJoin(wire, id, plain('<button data-l-click="go">go</button>'))
  await page.waitForSelector('[data-l-state=live]', { state: 'attached' })
  await page.evaluate(async () => {
    const one = document.querySelector('#one') as Element
    one.remove()
    await Promise.resolve()
    document.querySelector('section')?.append(one)
  })
  await page.click('button')
  expect(await wire.next()).toMatchObject({ type: 'event', id, handler: 'go' })
})

test('an element whose module changes leaves and joins as the other', async () => {
  const page = await harness.open(nested('one'))
  const wire = await harness.server.connection()
  const { id } = await wire.next('join')
  await page.evaluate(() => document.querySelector('#one')?.setAttribute('data-l-live', 'other'))
  expect(await wire.next('leave')).toEqual({ type: 'leave', id })
  expect(await wire.next('join')).toMatchObject({ module: 'other', token: 't-one' })
})

test('the page is adopted as it is, and patched where the tree says otherwise', async () => {
  const page = await harness.open(container('<p id="a">same</p><p id="b">old</p><i>gone</i>'))
  await page.evaluate(() => Object.assign(document.querySelector('#a') as Element, { mark: 1 }))
  const wire = await harness.server.connection()
  const { id } = await wire.next('join')
  expect(await page.getAttribute('[data-l-live]', 'data-l-state')).toBe('joining')
  sendJoin(wire, id, tree(['<p id="a">same</p><p id="b">', '</p>'], 'new'))
  await page.waitForSelector('[data-l-state=live]')
  expect(await page.innerHTML('[data-l-live]')).toBe('<p id="a">same</p><p id="b">new</p>')
  expect(await page.evaluate(() => (document.querySelector('#a') as unknown as { mark: number }).mark)).toBe(1)
})

test('an error answer to a join shows, and is not asked again', async () => {
  const page = await harness.open(nested('one') + nested('two'))
  const wire = await harness.server.connection()
  const one = await wire.next('join')
  const two = await wire.next('join')
  wire.send(['f', one.id, 'unknown module', 'reload'])
  sendJoin(wire, two.id, plain('fine'))
  await page.waitForSelector('#one[data-l-state=error]', { state: 'attached' })
  await page.waitForSelector('#two[data-l-state=live]')
  expect(await page.evaluate(() => (window as unknown as { seen: unknown[] }).seen)).toContainEqual({
    name: 'loom:error',
    detail: { message: 'unknown module', action: 'reload' },
  })
  expect(wire.received).toHaveLength(2)
  wire.drop()
  const again = await harness.server.connection()
  expect((await again.next('join')).module).toBe('two')
})

test('a malformed tree is joined again three times, and then it is an error', async () => {
  const page = await harness.open(nested('one'))
  const said: string[] = []
  page.on('console', (message) => said.push(message.text()))
  const wire = await harness.server.connection()
  for (let round = 0; round < 4; round++) {
    const { id } = await wire.next('join')
    wire.send(['j', id, 0, 0, [0, 'no such template'], 's'])
    await wire.next('leave')
  }
  await page.waitForSelector('#one[data-l-state=error]', { state: 'attached' })
  expect(wire.received).toHaveLength(8)
  expect(said.join()).toContain('malformed message')
})

test('a component that was given up does not come back with the connection, and says so once', async () => {
  const two = container('a') + container('b').replace('"demo"', '"other"')
  const page = await harness.open(two)
  const wire = await harness.server.connection()
  const [first, second] = [await wire.next('join'), await wire.next('join')]
  wire.send(['f', first.id, 'no such module'])
  sendJoin(wire, second.id, plain('b'))
  await page.waitForSelector('[data-l-live=other][data-l-state=live]')
  await page.waitForSelector('[data-l-live=demo][data-l-state=error]')
  for (let times = 0; times < 2; times++) {
    harness.server.wires.at(-1)?.drop()
    const next = await harness.server.connection()
    const join = await next.next('join')
    expect(join.module).toBe('other')
    sendJoin(next, join.id, plain('b'))
    await page.waitForSelector('[data-l-live=other][data-l-state=live]')
    expect(next.received).toHaveLength(1)
    expect(await page.getAttribute('[data-l-live=demo]', 'data-l-state')).toBe('error')
  }
  const seen = await page.evaluate(() => (window as unknown as { seen: { name: string }[] }).seen)
  expect(seen.filter(({ name }) => name === 'loom:error')).toHaveLength(1)
  // Its container can be given another chance.
  await page.evaluate(() =>
    document
      .querySelector('[data-l-live=demo]')
      ?.replaceWith(document.querySelector('[data-l-live=demo]')?.cloneNode(true) as Node),
  )
  const last = harness.server.wires.at(-1)
  expect((await last?.next('join'))?.module).toBe('demo')
})
