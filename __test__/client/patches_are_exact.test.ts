import { container, Harness, htmlOf, plain, tree, type Changes, type Json } from './harness'

const harness = new Harness()

const item = (text: string) => tree(['<li>', '</li>'], text)
const page = tree(
  ['<p>', '</p><ul>', '</ul><div>', '</div>'],
  'leaf',
  [item('a'), item('b'), item('c')],
  tree(['<b>', '</b>'], 'deep'),
)
const before = '<p>leaf</p><ul><li>a</li><li>b</li><li>c</li></ul><div><b>deep</b></div>'

test.each<[string, Changes, string]>([
  ['a text', { 0: 'new' }, before.replace('leaf', 'new')],
  ['a text that looks like markup', { 0: '<b>&amp;' }, before.replace('leaf', '&lt;b&gt;&amp;amp;')],
  ['HTML', { 0: { h: 'a <b>&amp;</b> c' } }, before.replace('leaf', 'a <b>&amp;</b> c')],
  ['a list anew', { 1: [item('d')] }, before.replace(/<ul>.*<\/ul>/, '<ul><li>d</li></ul>')],
  ['an empty list', { 1: [] }, before.replace(/<ul>.*<\/ul>/, '<ul></ul>')],
  ['inside a row', { 1: { c: { 1: { 0: 'B' } } } }, before.replace('b<', 'B<')],
  ['a row in', { 1: { i: [[0, item('n')]] } }, before.replace('<ul>', '<ul><li>n</li>')],
  ['a row out', { 1: { r: [[1, 1]] } }, before.replace('<li>b</li>', '')],
  [
    'rows swapped',
    {
      1: {
        m: [
          [2, 0],
          [0, 2],
        ],
      },
    },
    before.replace('a<', 'c<').replace(/c<(?=.*<.ul)(?!.*b<)/, 'a<'),
  ],
  [
    'a row moved and changed',
    { 1: { m: [[2, 0]], c: { 0: { 0: 'C' } } } },
    before.replace('<li>c</li>', '').replace('<ul>', '<ul><li>C</li>'),
  ],
  [
    'a row of another template',
    { 1: { r: [[0, 1]], i: [[0, plain('<li><i>x</i></li>')]] } },
    before.replace('<li>a', '<li><i>x</i>'),
  ],
  ['inside a subtree', { 2: { p: { 0: 'deeper' } } }, before.replace('deep', 'deeper')],
  ['another subtree', { 2: tree(['<u>', '</u>'], 'u') }, before.replace('<b>deep</b>', '<u>u</u>')],
  ['a subtree that becomes a text', { 2: '' }, before.replace('<b>deep</b>', '')],
  ['a text that becomes a list', { 0: [plain('1'), plain('2')] }, before.replace('leaf', '12')],
  ['several', { 0: 'x', 2: { p: { 0: 'y' } } }, before.replace('leaf', 'x').replace('deep', 'y')],
  ['nothing', {}, before],
])('%s', async (_, changes, html) => {
  const live = await harness.live(page)
  live.patch(changes)
  await live.settled()
  expect(await live.html()).toBe(html)
})

test.each<[string, Json[]]>([
  ['a slot without a change', [0, 'half', 1]],
  ['a slot out of range', [0, 'half', 3, 'x']],
  ['more of a slot out of range', [0, 'half', -4, 'x']],
  ['more of a list', [0, 'half', -2, 'x']],
  ['more of a tree', [0, 'half', -3, [0, 'x']]],
  ['a slot that is no number', [0, 'half', 'length', 'x']],
  ['null', [0, 'half', 2, null]],
  ['an unknown template', [0, 'half', 2, [99, 'x']]],
  ['a tree with too few values', [0, 'half', 2, [0]]],
  ['a list of texts', [0, 'half', 1, { l: ['a'] }]],
  ['going down into a text', [2, 'half', 0, { p: [0, 'x'] }]],
  ['going down into a list as into a tree', [0, 'half', 1, { p: [0, 'x'] }]],
  ['editing a tree', [0, 'half', 2, { r: [0, 1] }]],
  ['a row beyond the list', [0, 'half', 1, { c: [3, [0, 'x']] }]],
  ['more rows out than there are', [0, 'half', 1, { r: [2, 2] }]],
  ['a row out twice', [0, 'half', 1, { r: [0, 2], m: [1, 0] }]],
  ['a row to where none can be', [0, 'half', 1, { m: [0, 3] }]],
])('after a malformed patch the component joins anew: %s', async (_, changes) => {
  const live = await harness.live(page)
  live.wire.send([live.id, 0, ...changes])
  // It goes on, so that nothing is lost, and is shown as a whole.
  const join = await live.wire.next('join')
  expect(join).toMatchObject({ module: 'demo', token: 'secret', secret: 'a.secret', needsTree: true })
  expect(join.id).not.toBe(live.id)
  // What the old actor still says is nobody's business.
  live.patch({ 0: 'stale' })
  live.id = join.id
  live.joined(page)
  await live.state('live')
  live.patch({ 0: 'fresh' })
  await live.settled()
  expect(await live.html()).toBe(before.replace('leaf', 'fresh'))
})

test('what comes into a table as bodies stands in the table itself', async () => {
  const bodies = (...texts: string[]) => texts.map((text) => tree(['<tbody><tr><td>', '</td></tr></tbody>'], text))
  const live = await harness.live(tree(['<table>', '</table>', ''], [], ''))
  live.patch({ 0: { i: bodies('a', 'b').map((body, at) => [at, body]) } })
  live.patch({ 0: { m: [[1, 0]] } })
  live.patch({ 1: tree(['<table>', '</table>'], bodies('c', 'd')) })
  await live.settled()
  expect(await live.html()).toBe(
    ['ba', 'cd']
      .map((texts) => `<table>${[...texts].map((text) => `<tbody><tr><td>${text}</td></tr></tbody>`).join('')}</table>`)
      .join(''),
  )
})

test('frames that mean nothing are passed over', async () => {
  const live = await harness.live(page)
  for (const frame of [
    '{',
    '[]',
    'null',
    '[[]]',
    '["x",1]',
    '["t",9]',
    '["t",9,["a"],"t"]',
    '["t",9,["a","b"],"?"]',
    '["j"]',
    '{"a":1}',
  ]) {
    live.wire.sendRaw(frame)
  }
  live.wire.sendRaw(Buffer.from([1, 2, 3]))
  live.wire.send([12345, 0, 0, 'x'])
  live.patch({ 0: 'still here' })
  await live.settled()
  expect(await live.text('p')).toBe('still here')
})

test('several messages in one frame take effect in their order', async () => {
  const live = await harness.live(page)
  const { id } = live
  live.wire.send([
    ['t', 50, ['<i>', '</i>'], 't'],
    [id, 0, 2, [50, 'x']],
    [id, 0, 2, { p: [0, 'y'] }],
    [id, 0, 0, 'z'],
  ])
  await live.settled()
  expect(await live.html()).toBe(before.replace('leaf', 'z').replace('<b>deep</b>', '<i>y</i>'))
})

test('another root is the answer to its event', async () => {
  const live = await harness.live(tree(['<button data-l-click="go">', '</button>'], 'one'))
  await live.page.click('button')
  await live.event()
  live.shows(tree(['<p>', '</p>'], 'two'))
  await live.state('live')
  expect(await live.html()).toBe('<p>two</p>')
  expect(await live.count('loom:join')).toBe(1)
  live.patch({ 0: 'three' })
  await live.settled()
  expect(await live.html()).toBe('<p>three</p>')
})

test.each([
  ['tbody', 'table', '<tr><td>', '</td></tr>'],
  ['g', 'svg', '<text>', '</text>'],
])('a container that is a %s has its rows parsed as one', async (name, parent, start, end) => {
  const live = await harness.live(tree(['', ''], []), {
    around: (html) => `<${parent}>${html.replace(/<(\/?)div/g, `<$1${name}`)}</${parent}>`,
  })
  live.patch({ 0: { i: [[0, tree([start, end], '1')]] } })
  await live.settled()
  expect(await live.html()).toBe(start + '1' + end)
  expect(
    await live.page.evaluate(() => {
      const container = document.querySelector('[data-l-live]')
      return container?.namespaceURI === container?.firstElementChild?.namespaceURI
    }),
  ).toBe(true)
})

test('a component of another template language is HTML', async () => {
  const live = await harness.live(tree(['', ''], { h: '<ul><li>a</li></ul>' }))
  live.patch({ 0: { h: '<ul><li>&lt;b&gt;</li></ul><p title="u"></p>' } })
  await live.settled()
  expect(await live.html()).toBe('<ul><li>&lt;b&gt;</li></ul><p title="u"></p>')
})

test('of HTML that changes, what is the same stays: a field keeps its text, a disclosure stays open', async () => {
  const page = (count: string, rows: string, name: string) =>
    `<p class="${name}" title="t">${count}</p><input name="q" value="s"><details><summary>s</summary>in</details><ul>${rows}</ul><a href="/${name}">x</a>`
  const live = await harness.live(tree(['', ''], { h: page('1', '<li>a</li><li>b</li>', 'one') }))
  await live.page.click('summary')
  await live.page.fill('input', 'typed')
  await live.page.evaluate(() =>
    document.querySelectorAll('p,input,details,ul,li:last-child').forEach((one) => Object.assign(one, { mark: 1 })),
  )
  const next = page('2', '<li>b</li><li>c</li>', 'two').replace(' title="t"', '')
  live.patch({ 0: { h: next } })
  await live.settled()
  expect((await live.html()).replace(' open=""', '')).toBe(next)
  expect(await live.page.inputValue('input')).toBe('typed')
  expect(await live.page.evaluate(() => document.activeElement?.localName)).toBe('input')
  expect(
    await live.page.evaluate(
      () => [...document.querySelectorAll('[data-l-live] *')].filter((one) => 'mark' in one).length,
    ),
  ).toBe(5)
})

test('HTML whose nodes others have moved is made anew where it belongs', async () => {
  const live = await harness.live(
    tree(['<main><p>', '</p></main><footer><b>own</b></footer>'], { h: '<i>1</i> and <u>2</u>' }),
  )
  await live.page.evaluate(() => document.querySelector('footer')?.prepend(document.querySelector('i') as Element))
  live.patch({ 0: { h: '<i>3</i> and <u>4</u>' } })
  await live.settled()
  expect(await live.html()).toBe('<main><p><i>3</i> and <u>4</u></p></main><footer><b>own</b></footer>')
})

test('HTML that changes sets its fields by the same rule as slots do', async () => {
  const page = (value: string, rest: string) => ({
    h: `<input value="${value}"><textarea>${value}</textarea><select><option>a</option>${rest}</select><style>i{top:${value}}</style>`,
  })
  const live = await harness.live(tree(['', ''], page('1', '<option>b</option>')))
  await live.page.selectOption('select', 'b')
  live.patch({ 0: page('2', '<option>x</option><option>b</option>') })
  await live.settled()
  expect(await live.page.inputValue('input')).toBe('2')
  expect(await live.page.inputValue('textarea')).toBe('2')
  expect(await live.page.inputValue('select')).toBe('b')
  expect(await live.page.textContent('[data-l-live] style')).toBe('i{top:2}')
})

test('of HTML that changes, a row that says the same stays itself, also where as many came as went', async () => {
  const row = (text: string) => `<li><input><b>${text}</b></li>`
  const live = await harness.live(tree(['<ul>', '</ul>'], { h: row('a') + row('b') }))
  await live.page.locator('li:last-child input').fill('typed')
  live.patch({ 0: { h: row('b') + row('c') } })
  await live.settled()
  expect(await live.html()).toBe(`<ul>${row('b')}${row('c')}</ul>`)
  const values = await live.page
    .locator('input')
    .evaluateAll((all) => all.map((one) => (one as HTMLInputElement).value))
  expect(values).toEqual(['typed', ''])
})

test('of HTML that changes, what is empty now is emptied', async () => {
  const live = await harness.live(
    tree(['', ''], { h: '<ul><li>a</li></ul><p>x</p><textarea>t</textarea><div data-l-ignore></div><b>1</b>' }),
  )
  await live.page.evaluate(() => document.querySelector('[data-l-ignore]')?.append('theirs'))
  live.patch({ 0: { h: '<ul></ul><p></p><textarea></textarea><div data-l-ignore></div><b>2</b>' } })
  await live.settled()
  expect(await live.html()).toBe('<ul></ul><p></p><textarea></textarea><div data-l-ignore="">theirs</div><b>2</b>')
})

test.each<[string, Changes, string]>([
  ['in before it', { 0: { i: [[1, item('n')]] } }, 'anbc'],
  ['moved before it', { 0: { m: [[3, 1]] } }, 'acb'],
  [
    'moved itself',
    {
      0: {
        m: [[1, 3]],
        i: [
          [0, item('n')],
          [4, item('m')],
        ],
      },
    },
    'nabmc',
  ],
])('a row without anything in it has its place, too: %s', async (_, changes, texts) => {
  const live = await harness.live(tree(['<ul>', '</ul>'], [item('a'), plain(''), item('b'), item('c')]))
  live.patch(changes)
  await live.settled()
  expect((await live.page.locator('li').allInnerTexts()).join('')).toBe(texts)
})

test('HTML after a reconnect is what the server says, as when it changes', async () => {
  const nested = container('').replace('"demo"', '"inner"').replace(' >', '>')
  const shape = (button: string, list: string) =>
    tree(['', ''], {
      h: `<main><button ${button}>x</button><ul>${list}</ul><ol>${list}</ol><i data-l-ignore></i>${nested}</main>`,
    })
  const live = await harness.live(shape('class="a b" disabled', '<li>a</li><li>b</li>'))
  await live.page.evaluate(() => {
    document.querySelector('ul')?.insertAdjacentHTML('beforeend', '<x-icon></x-icon>')
    document.querySelector('i')?.append('theirs')
  })
  await live.wire.next('join')
  live.wire.drop()
  live.wire = await harness.server.connection()
  live.id = (await live.wire.next('join')).id
  live.joined(shape('class="b"', '<li>b</li>'))
  await live.state('live')
  expect(await live.html('ul')).toBe('<li>b</li>')
  live.wire.drop()
  live.wire = await harness.server.connection()
  live.id = (await live.wire.next('join')).id
  live.joined(shape('class="b"', ''))
  await live.state('live')
  expect((await live.html()).replace(/ data-l-state="\w+"/, '')).toBe(
    htmlOf(shape('class="b"', '')).replace('ignore></i>', 'ignore="">theirs</i>'),
  )
  expect(await live.page.getAttribute('[data-l-live=inner]', 'data-l-state')).toBe('joining')
})
