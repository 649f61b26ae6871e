import { container, Harness, htmlOf, plain, Live, tree, type Change, type Slot, type Tree } from './harness'

const harness = new Harness()

const row = (id: string, text = id) => tree(['<li data-l-key="', '">', '</li>'], id, text)

/** Notes every node that is there; `kept` later says which of them no longer are. */
function note(): void {
  const nodes: Node[] = []
  const walker = document.createTreeWalker(document.querySelector('[data-l-live]') as Element)
  while (walker.nextNode()) nodes.push(walker.currentNode)
  Object.assign(window, { nodes })
}

function lost(): string[] {
  return (window as unknown as { nodes: Node[] }).nodes
    .filter((node) => !node.isConnected && (node instanceof Element || node.nodeValue?.trim()))
    .map((node) => node.nodeName)
}

/** A page that shows `html`, and a component that joins with `content`. `said`: what the console said. */
async function adopt(html: string, content: Tree, change?: () => void): Promise<Live & { said: string[] }> {
  const page = await harness.blank()
  const said: string[] = []
  page.on('console', (message) => said.push(message.text()))
  harness.server.body = container(html)
  await page.goto(harness.server.url)
  const live = await harness.joins(page, content, async () => {
    if (change) await page.evaluate(change)
    await page.evaluate(note)
  })
  return Object.assign(live, { said })
}

const text = (...slots: Slot[]) => tree([...Array.from(slots, (_, index) => (index ? ' | ' : '<p>')), '</p>'], ...slots)

test.each<[string, Tree]>([
  ['texts beside static text', text('a', 'b', 'c')],
  ['texts side by side', tree(['<p>', '', '', '</p>'], 'one', 'two', 'three')],
  ['empty texts', tree(['<p>', '', ' ', '</p>', ''], '', '', '', '')],
  ['texts that look like markup', text('<b>', '&amp;', '"')],
  ['attributes', tree(['<p class="a ', ' ', '" title="', '">x</p>'], 'b', 'c', 'd & "e"')],
  ['boolean attributes', tree(['<input disabled="', '" required="', '">'], 1, 0)],
  ['a textarea', tree(['<textarea>\n', ' and ', '</textarea>'], 'one', '<two>')],
  ['nested trees', tree(['<div>', '', '</div>'], tree(['<b>', '</b> ', ''], '1', text('x')), '')],
  ['a list', tree(['<ul>\n  ', '\n</ul>'], [row('a'), row('b'), row('c')])],
  ['an empty list', tree(['<ul>', '</ul>'], [])],
  ['lists of lists', tree(['', ''], [tree(['<ul>', '</ul>'], [row('a')]), tree(['<ul>', '</ul>'], [])])],
  [
    'rows of several nodes',
    tree(
      ['<dl>', '</dl>'],
      ['a', 'b'].map((id) => tree(['\n<dt>', '</dt> - <dd>', '</dd>', '\n'], id, id, id)),
    ),
  ],
  [
    'rows of texts',
    tree(
      ['<p>', '</p>'],
      ['a', 'b'].map((id) => tree(['', ', '], id)),
    ),
  ],
  ['HTML', tree(['<p>a', 'b</p>'], { h: 'x <b>y</b> z' })],
  ['SVG', tree(['<svg viewBox="0 0 ', ' 9">', '</svg>'], '9', [tree(['<circle r="', '"></circle>'], '1')])],
  ['a foreign object in an SVG', tree(['<svg><foreignObject>', '</foreignObject></svg>'], text('x'))],
  ['a table with a body', tree(['<table><tbody>', '</tbody></table>'], [tree(['<tr><td>', '</td></tr>'], '1')])],
  [
    'a table without one',
    tree(
      ['<table><thead><tr><th>h</th></tr></thead>\n', '\n</table>'],
      ['1', '2'].map((id) => tree(['\n<tr><td>', '</td></tr>'], id)),
    ),
  ],
  [
    'a table of bodies',
    tree(
      ['<table>', '</table>'],
      ['1', '2'].map((id) => tree(['<tbody><tr><td>', '</td></tr></tbody>'], id)),
    ),
  ],
  [
    'a table with one of its parts',
    tree(['<table>', '</table>'], tree(['<thead><tr><th>', '</th></tr></thead>'], 'h')),
  ],
  [
    'a select',
    tree(
      ['<select>', '</select>'],
      ['a', 'b'].map((id) => tree(['<option value="', '" selected="', '">', '</option>'], id, id === 'b' ? 1 : 0, id)),
    ),
  ],
  [
    'a form with a field that is called as what every element has',
    tree(['<form class="', '"><input name="attributes"></form>'], 'a'),
  ],
  ['static comments', tree(['<!-- one --><p>', '</p><!-- two -->', ''], 'a', 'b')],
  ['an attribute that setAttribute would refuse', tree(['<p @click="x" :a="', '">x</p>'], 'b')],
])('all nodes of the page stay: %s', async (_, content) => {
  const live = await adopt(htmlOf(content), content)
  expect(await live.page.evaluate(lost)).toEqual([])
  expect(live.said).toEqual([])
  expect(tight(await live.html())).toBe(tight(await reread(live, htmlOf(content))))
})

/** Parsers move the white space of tables about, and comments are nobody's business. */
const tight = (html: string) => html.replace(/<!--.*?-->/g, '').replace(/(?<=<\/?\w+>)\s+|\s+(?=<)/g, '')

/** What the browser makes of the HTML. */
function reread(live: Live, html: string): Promise<string> {
  return live.page.evaluate((source) => {
    const element = document.createElement('div')
    element.innerHTML = source
    return element.innerHTML
  }, html)
}

test('every slot of an adopted page can be changed', async () => {
  const content = tree(
    ['<p class="x ', '">', ' of ', '', '</p><ul>', '</ul>', '<textarea>', '</textarea>'],
    'a',
    '1',
    '2',
    '',
    [row('a')],
    text('sub'),
    'area',
  )
  const live = await adopt(htmlOf(content), content)
  live.patch({ 0: 'b', 1: '3', 2: '', 3: 'new', 4: { i: [[1, row('b')]], c: { 0: { 1: 'A' } } }, 5: '', 6: 'changed' })
  await live.settled()
  expect(await live.html()).toBe(
    '<p class="x b">3 of new</p><ul><li data-l-key="a">A</li><li data-l-key="b">b</li></ul><textarea>changed</textarea>',
  )
  expect(await live.page.inputValue('textarea')).toBe('changed')
})

test('what differs is set, and nothing else is touched', async () => {
  const shape = (count: string, rows: Tree[], name: string) =>
    tree(['<p class="', '">Count: ', '!</p><input name="q"><ul>', '</ul>'], name, count, rows)
  const live = await adopt(
    htmlOf(shape('5', [row('a'), row('b')], 'x')),
    shape('57', [row('a', 'A'), row('b'), row('c')], 'y'),
  )
  expect(await live.page.evaluate(lost)).toEqual([])
  expect(live.said).toEqual([])
  expect(await live.html()).toBe(htmlOf(shape('57', [row('a', 'A'), row('b'), row('c')], 'y')))
})

test('rows that the page has too much go', async () => {
  const list = (...ids: string[]) =>
    tree(
      ['<ul>', '</ul><p>end</p>'],
      ids.map((id) => row(id)),
    )
  const live = await adopt(htmlOf(list('a', 'b', 'c')), list('a'))
  expect(await live.html()).toBe(htmlOf(list('a')))
  expect(live.said).toEqual([])
})

const form = tree(['<form><input name="q"><p>', '</p></form>'], 'text')

test.each<[string, () => void]>([
  [
    'an element at the end',
    () => document.querySelector('form')?.insertAdjacentHTML('beforeend', '<my-icon></my-icon>'),
  ],
  [
    'an element in between',
    () => document.querySelector('input')?.insertAdjacentHTML('afterend', '<div class="icon"></div>'),
  ],
  ['attributes', () => document.querySelector('input')?.setAttribute('data-extension', '1')],
  ['classes', () => document.querySelector('p')?.classList.add('dark')],
  ['styles', () => document.querySelector('p')?.setAttribute('style', 'color: red')],
  [
    'a widget in a place with slots',
    () => document.querySelector('p')?.insertAdjacentHTML('beforeend', '<x-note></x-note>'),
  ],
])('what extensions put into the page stays, and does no harm: %s', async (_, change) => {
  const live = await adopt(htmlOf(form), form, change)
  const before = await live.html()
  expect(await live.page.evaluate(lost)).toEqual([])
  expect(live.said).toEqual([])
  live.patch({ 0: 'changed' })
  await live.settled()
  expect(await live.html()).toBe(before.replace('text', 'changed'))
})

test('a page that a translator has changed before the join shows what the server says', async () => {
  const content = tree(['<h1>Hello</h1><p>', ' of <b>', '</b></p><ul>', '</ul>'], '1', '2', [
    row('a', 'one'),
    row('b', 'two'),
  ])
  const live = await adopt(htmlOf(content), content, translate)
  expect(live.said).toEqual([])
  live.patch({ 0: '3', 1: '4', 2: { c: { 1: { 1: 'zwei' } } } })
  await live.settled()
  expect(await live.text('p')).toBe('3 of 4')
  expect(await live.page.locator('li').allInnerTexts()).toEqual(['one', 'zwei'])
})

/** As the translator of a browser does it: each text is taken out, and two elements with another come instead. */
function translate(): void {
  const walker = document.createTreeWalker(document.querySelector('[data-l-live]') as Element, NodeFilter.SHOW_TEXT)
  const texts: Node[] = []
  while (walker.nextNode()) if (walker.currentNode.nodeValue?.trim()) texts.push(walker.currentNode)
  for (const node of texts) {
    const font = document.createElementNS('http://www.w3.org/1999/xhtml', 'font')
    const inner = font.appendChild(font.cloneNode())
    inner.textContent = `[${node.nodeValue ?? ''}]`
    node.parentNode?.replaceChild(font, node)
  }
}

test('a page that is translated while it is live goes on', async () => {
  const content = tree(['<h1>Hello</h1><p>', ' of <b>', '</b></p><ul>', '</ul><input>'], '1', '2', [
    row('a', 'one'),
    row('b', 'two'),
  ])
  const live = await adopt(htmlOf(content), content)
  await live.page.fill('input', 'typed')
  await live.page.evaluate(translate)
  live.patch({ 0: '3' })
  await live.settled()
  expect(await live.text('p')).toBe('3 of 2')
  await live.page.evaluate(translate)
  live.patch({ 2: { m: [[1, 0]], c: { 1: { 1: 'eins' } } } })
  await live.settled()
  expect(await live.page.locator('li').allInnerTexts()).toEqual([expect.stringContaining('two'), 'eins'])
  expect(await live.page.inputValue('input')).toBe('typed')
  expect(live.said).toEqual(expect.not.arrayContaining([expect.stringContaining('anew')]))
})

test('rows that others have taken out of the page do not stop it', async () => {
  const content = tree(['<ul>', '</ul>'], [row('a'), row('b'), row('c')])
  const live = await adopt(htmlOf(content), content)
  await live.page.evaluate(() => document.querySelectorAll('li').forEach((item) => item.remove()))
  live.patch({ 0: { r: [[0, 1]], i: [[2, row('d')]] } })
  await live.settled()
  live.patch({ 0: { i: [[0, row('e')]], c: { 1: { 1: 'B' } } } })
  await live.settled()
  expect(await live.text('li[data-l-key=d]')).toBe('d')
})

test('a page of another shape is made anew, and the console says so', async () => {
  const content = tree(['<section><p>', '</p></section>'], '1')
  const live = await adopt('<div>something else</div>', content)
  expect(await live.html()).toBe(htmlOf(content))
  expect(live.said.join()).toContain('made anew')
  live.patch({ 0: '2' })
  await live.settled()
  expect(await live.text('p')).toBe('2')
})

test('after a reconnect the nodes are the same ones, with what the user did', async () => {
  const shape = (count: string, rows: Tree[]) =>
    tree(
      ['<p>', '</p><input name="q" value="', '"><details><summary>s</summary>', '</details><ul>', '</ul>'],
      count,
      'server',
      plain('<i>in</i>'),
      rows,
    )
  const live = await adopt(htmlOf(shape('0', [row('a')])), shape('0', [row('a')]))
  live.patch({ 0: '5', 3: { i: [[1, row('b')]] } })
  await live.settled()
  await live.page.fill('input', 'typed')
  await live.page.click('summary')
  await live.page.evaluate(note)
  live.wire.drop()
  await live.rejoined(shape('1', [row('a'), row('b', 'B'), row('c')]))
  await live.state('live')
  expect(await live.page.evaluate(lost)).toEqual(expect.not.arrayContaining(['LI', 'P', 'INPUT', 'DETAILS', 'I']))
  expect(await live.text('p')).toBe('1')
  expect(await live.page.locator('li').allInnerTexts()).toEqual(['a', 'B', 'c'])
  expect(await live.page.inputValue('input')).toBe('typed')
  expect(await live.page.evaluate(() => document.querySelector('details')?.open)).toBe(true)
})

const entry = (id: string, text = id) =>
  tree(['<li id="', '"><input name="note" value=""><details><summary>', '</summary>more</details></li>'], id, text)
const bare = (_: string, text: string) => tree(['<li><input><b>', '</b></li>'], text)

test.each<[string, (id: string, text: string) => Tree, string[], string[]]>([
  ['one in front is gone', entry, ['a', 'b', 'c'], ['b', 'c']],
  ['one in front is gone and one came', entry, ['a', 'b', 'c'], ['b', 'c', 'd']],
  ['others are new, moved and gone', entry, ['a', 'b', 'c', 'd'], ['x', 'd', 'b', 'y']],
  ['without anything to know them by but what they say', bare, ['a', 'b', 'c'], ['b', 'c', 'd']],
  ['all that is beside it is new', bare, ['a', 'b', 'c'], ['x', 'b', 'y', 'z']],
])('after a reconnect a row that is the same keeps its nodes: %s', async (_, shape, before, after) => {
  const list = (ids: string[]) =>
    tree(
      ['<ul>', '</ul>'],
      ids.map((id) => shape(id, id)),
    )
  const live = await adopt(htmlOf(list(before)), list(before))
  const row = live.page.locator('li', { hasText: 'b' })
  await row.locator('input').fill('typed')
  await row.evaluate((element) => Object.assign(element, { mark: 1 }))
  live.wire.drop()
  await live.rejoined(list(after))
  await live.state('live')
  expect(await live.html()).toBe(htmlOf(list(after)))
  expect(await row.evaluate((element) => 'mark' in element)).toBe(true)
  expect(await row.locator('input').evaluate((field) => field === document.activeElement)).toBe(true)
  expect(
    await live.page.locator('input').evaluateAll((all) => all.map((one) => (one as HTMLInputElement).value).join('')),
  ).toBe('typed')
})

test('after a reconnect a row that changed is known by its attributes', async () => {
  const list = (...rows: Tree[]) => tree(['<ul>', '</ul>'], rows)
  const first = list(entry('a'), entry('b', '1'), entry('c', '2'))
  const live = await adopt(htmlOf(first), first)
  await live.page.fill('#b input', 'typed')
  await live.page.click('#b summary')
  live.wire.drop()
  const next = list(entry('b', '3'), entry('c', '4'))
  await live.rejoined(next)
  await live.state('live')
  expect((await live.html()).replace(' open=""', '')).toBe(htmlOf(next))
  expect(await live.page.inputValue('#b input')).toBe('typed')
  expect(await live.page.evaluate(() => document.querySelector('details')?.open)).toBe(true)
})

test('after a reconnect a row that is a textarea keeps what the user types in it, though it says something else', async () => {
  const list = (...texts: string[]) =>
    tree(
      ['<p>', '</p>'],
      texts.map((text, at) => tree(['<textarea name="', '">', '</textarea>'], `t${at}`, text)),
    )
  const live = await adopt(htmlOf(list('a', 'b')), list('a', 'b'))
  await live.page.fill('[name=t1]', 'typed')
  await live.page.evaluate(note)
  live.wire.drop()
  await live.rejoined(list('a', 'c'))
  await live.state('live')
  expect(await live.page.evaluate(lost)).not.toContain('TEXTAREA')
  expect(await live.html()).toBe(htmlOf(list('a', 'c')))
  expect(await live.page.evaluate(() => document.activeElement?.getAttribute('name'))).toBe('t1')
})

test('after a reconnect rows without a text are known by their attributes, however far they have come', async () => {
  const list = (from: number) =>
    tree(
      ['<ul>', '</ul>'],
      Array.from({ length: 400 }, (_, at) => tree(['<li class="r" id="', '"><input></li>'], `r${from + at}`)),
    )
  const live = await adopt(htmlOf(list(0)), list(0))
  await live.page.fill('#r300 input', 'typed')
  live.wire.drop()
  await live.rejoined(list(200))
  await live.state('live')
  expect(await live.page.inputValue('#r300 input')).toBe('typed')
})

test.each<[string, Slot, Change, string]>([
  ['a subtree', tree(['Hello <b>', '</b>'], 'Ada'), '', ''],
  ['HTML', { h: 'Hello <b>Ada</b>' }, { h: 'Bye <b>Ada</b>' }, 'Bye Ada'],
  ['a row', ['a', 'b'].map((text) => tree(['', '; '], text)), { r: [[0, 1]] }, 'b; '],
  ['a row that moves', ['a', 'b'].map((text) => tree(['', '; '], text)), { m: [[1, 0]] }, 'b; a; '],
])('what a translator has made of a text goes with it: %s', async (_, slot, change, shown) => {
  const content = tree(['<p>', '</p>'], slot)
  const live = await adopt(htmlOf(content), content)
  await live.page.evaluate(translate)
  live.patch({ 0: change })
  await live.settled()
  expect(await live.page.textContent('p')).toBe(shown)
})

test('after a reconnect an element that was made by another template has nothing of that', async () => {
  const shape = (button: string) => tree(['<p>', '</p>'], plain(button))
  const before = shape('<button data-l-click="start" data-l-focus="look" class="x" disabled>Start</button>')
  const after = shape('<button data-l-click="stop">Stop</button>')
  const live = await adopt(htmlOf(before), before)
  live.wire.drop()
  await live.rejoined(after)
  await live.state('live')
  expect(await live.html()).toBe(htmlOf(after))
})

const cards = (...ids: string[]) =>
  tree(
    ['<ul>', '</ul>'],
    ids.map((id) => tree(['<x-card>', '</x-card>'], id)),
  )
const inMain = (slot: Slot) => tree(['<main>', '</main>'], slot)

test.each<[string, Tree, Tree]>([
  ['children', inMain(plain('<div><i>x</i> t <b>y</b></div>')), inMain(plain('<div><b>z</b></div>'))],
  ['all children', inMain(plain('<div><i>x</i></div>')), inMain(plain('<div></div>'))],
  ['attributes', inMain(plain('<input type="checkbox" class="x" checked>')), inMain(plain('<input>'))],
  ['rows that are custom elements', cards('a', 'b', 'c'), cards('a', 'c')],
  ['a custom element', inMain(plain('<x-card>a</x-card>')), inMain('')],
  ['what is ignored', inMain(plain('<b data-l-ignore="">a</b>')), inMain('')],
  ['what is ignored now', inMain(plain('<b>a</b>')), inMain(plain('<b data-l-ignore="">z</b>'))],
  ['a style', inMain(plain('<style>a{}</style>')), inMain(plain('<style>b{}</style>'))],
  [
    'the content of a template',
    inMain(plain('<template><i>a</i></template>')),
    inMain(plain('<template><i>b</i></template>')),
  ],
])('after a reconnect nothing stays of what another template has shown: %s', async (_, before, after) => {
  const live = await adopt(htmlOf(before), before)
  live.wire.drop()
  await live.rejoined(after)
  await live.state('live')
  expect(await live.html()).toBe(await reread(live, htmlOf(after)))
})

test('after a reconnect what others have put beside it stays', async () => {
  const content = (count: string) => tree(['<main><p>', '</p></main>'], count)
  const live = await adopt(htmlOf(content('1')), content('1'))
  await live.page.evaluate(() =>
    document.querySelector('main')?.append(document.createElement('x-note'), document.createElement('div')),
  )
  live.wire.drop()
  await live.rejoined(content('2'))
  await live.state('live')
  expect(await live.html()).toBe('<main><p>2</p><x-note></x-note><div></div></main>')
})

test.each([
  ['<b>a</b>', '<b data-l-ignore="">z</b>'],
  ['<b data-l-ignore="">a</b>', '<b>z</b>'],
])('what is ignored and what is not are not the same element: %s', async (before, after) => {
  const content = inMain({ h: before })
  const live = await adopt(htmlOf(content), content)
  live.patch({ 0: { h: after } })
  await live.settled()
  expect(await live.html('main')).toBe(after)
})
