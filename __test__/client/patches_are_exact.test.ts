import { Harness, plain, tree, type Json } from './harness'

const harness = new Harness()

const item = (text: string) => tree(['<li>', '</li>'], text)
const page = tree(['<p>', '</p><ul>', '</ul><div>', '</div>'], 'leaf', [item('a'), item('b')], tree(['<b>', '</b>'], 'deep'))

test.each<[string, Json, string]>([
  ['a leaf', { 0: 'new' }, '<p>new</p><ul><li>a</li><li>b</li></ul><div><b>deep</b></div>'],
  ['a list of another length', { 1: [item('c')] }, '<p>leaf</p><ul><li>c</li></ul><div><b>deep</b></div>'],
  ['an empty list', { 1: [] }, '<p>leaf</p><ul></ul><div><b>deep</b></div>'],
  ['inside an item', { 1: { d: { 1: { d: { 0: 'B' } } } } }, '<p>leaf</p><ul><li>a</li><li>B</li></ul><div><b>deep</b></div>'],
  ['an item replaced', { 1: { d: { 0: plain('<li><i>x</i></li>') } } }, '<p>leaf</p><ul><li><i>x</i></li><li>b</li></ul><div><b>deep</b></div>'],
  ['inside a subtree', { 2: { d: { 0: 'deeper' } } }, '<p>leaf</p><ul><li>a</li><li>b</li></ul><div><b>deeper</b></div>'],
  ['a subtree replaced', { 2: tree(['<u>', '</u>'], 'u') }, '<p>leaf</p><ul><li>a</li><li>b</li></ul><div><u>u</u></div>'],
  ['a subtree that becomes a leaf', { 2: '' }, '<p>leaf</p><ul><li>a</li><li>b</li></ul><div></div>'],
  ['a leaf that becomes a list', { 0: [plain('1'), plain('2')] }, '<p>12</p><ul><li>a</li><li>b</li></ul><div><b>deep</b></div>'],
  ['several', { 0: 'x', 2: { d: { 0: 'y' } } }, '<p>x</p><ul><li>a</li><li>b</li></ul><div><b>y</b></div>'],
  ['nothing', {}, '<p>leaf</p><ul><li>a</li><li>b</li></ul><div><b>deep</b></div>'],
])('%s', async (_, change, html) => {
  const live = await harness.live(page)
  live.patch(change)
  await live.settled()
  expect(await live.html()).toBe(html)
})

test.each<[string, Json]>([
  ['no d', undefined],
  ['d is no object', [1]],
  ['an index out of range', { 0: 'half', 3: 'x' }],
  ['a negative index', { 0: 'half', '-1': 'x' }],
  ['an index that is no decimal', { 0: 'half', '01': 'x' }],
  ['a number for a text', { 0: 'half', 2: 1 }],
  ['null', { 0: 'half', 2: null }],
  ['an object that says nothing', { 0: 'half', 2: {} }],
  ['a subtree with too few statics', { 0: 'half', 2: { s: ['a'], d: ['b'] } }],
  ['a list of texts', { 0: 'half', 1: ['a'] }],
  ['going down into a leaf', { 1: { d: {} }, 0: { d: {} } }],
  ['an item that is a text', { 0: 'half', 1: { d: { 0: 'a' } } }],
  ['an item beyond the list', { 0: 'half', 1: { d: { 2: plain('c') } } }],
])('a malformed patch changes nothing, and the component joins anew: %s', async (_, change) => {
  const live = await harness.live(page)
  const before = await live.html()
  live.patch(change)
  expect(await live.wire.next('leave')).toEqual({ type: 'leave', id: live.id })
  const join = await live.wire.next('join')
  expect(join).toMatchObject({ module: 'demo', token: 'secret' })
  expect(join.id).not.toBe(live.id)
  expect(await live.html()).toBe(before)
  // What the old actor still says is nobody's business.
  live.patch({ 0: 'stale' })
  live.id = join.id
  live.trees(page)
  await live.state('live')
  live.patch({ 0: 'fresh' })
  await live.settled()
  expect(await live.text('p')).toBe('fresh')
})

test('a key named __proto__ is malformed and harms nothing', async () => {
  const live = await harness.live(page)
  live.wire.sendRaw(`{"type":"patch","id":"${live.id}","d":{"__proto__":{"s":["x"],"d":[]}}}`)
  await live.wire.next('leave')
  expect(await live.page.evaluate(() => 's' in {})).toBe(false)
})

test('trees in mid-life show with the empty patch that follows', async () => {
  const live = await harness.live(tree(['<button data-l-click="go">', '</button>'], 'one'))
  await live.page.click('button')
  await live.event()
  live.trees(tree(['<p>', '</p>'], 'two'))
  live.patch({})
  await live.settled()
  expect(await live.html()).toBe('<p>two</p>')
  expect(await live.count('loom:join')).toBe(1)
})

test('frames that mean nothing are passed over', async () => {
  const live = await harness.live(page)
  for (const frame of ['{', '[]', 'null', '{"type":"patch"}', '{"type":"trees","id":7}', '{"type":"news","id":"c0"}']) {
    live.wire.sendRaw(frame)
  }
  live.wire.sendRaw(Buffer.from([1, 2, 3]))
  live.wire.send({ type: 'patch', id: 'somebody', d: { 0: 'x' } })
  live.patch({ 0: 'still here' })
  await live.settled()
  expect(await live.text('p')).toBe('still here')
})

test.each([
  ['tbody', 'table', '<tr><td>', '</td></tr>'],
  ['g', 'svg', '<text>', '</text>'],
])('a container that is a %s is parsed as one', async (name, parent, before, after) => {
  const live = await harness.live(tree(['', ''], []), {
    around: (html) => `<${parent}>${html.replace(/<(\/?)div/g, `<$1${name}`)}</${parent}>`,
  })
  live.patch({ 0: [tree([before, after], '1')] })
  await live.settled()
  expect(await live.html()).toBe(before + '1' + after)
  expect(
    await live.page.evaluate(() => {
      const container = document.querySelector('[data-l-live]')
      return container?.namespaceURI === container?.firstElementChild?.namespaceURI
    }),
  ).toBe(true)
})
