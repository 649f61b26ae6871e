import { container, editOf, Harness, htmlOf, plain, sendJoin, tree, type Tree } from './harness'

const harness = new Harness()

const row = (id: string, text = id) => tree(['<li data-l-key="', '"><input name="x"><span>', '</span></li>'], id, text)
const rows = (...ids: string[]) => ids.map((id) => row(id))
const list = (...ids: string[]) => tree(['<ul>\n', '\n</ul>'], rows(...ids))

/** Marks the elements so that it shows whether they are still the same. */
function mark(selector: string): (string | undefined)[] {
  return [...document.querySelectorAll<HTMLElement & { mark?: string }>(selector)].map((element) => {
    const before = element.mark
    element.mark ??= element.textContent?.trim() ?? ''
    return before
  })
}

test.each([
  ['in at the front', ['n', 'a', 'b', 'c', 'd']],
  ['out of the middle', ['a', 'd']],
  ['last to the front', ['d', 'a', 'b', 'c']],
  ['reversed', ['d', 'c', 'b', 'a']],
  ['all at once', ['x', 'c', 'y', 'a']],
])('keyed rows stay themselves: %s', async (_, ids) => {
  const live = await harness.live(list('a', 'b', 'c', 'd'))
  await live.page.evaluate(mark, 'li')
  const input = live.page.locator('li[data-l-key=a] input')
  await input.fill('typed')
  await input.evaluate((field: HTMLInputElement) => field.setSelectionRange(1, 3))
  live.patch({
    0: editOf(
      rows('a', 'b', 'c', 'd'),
      ids.map((id) => row(id, id.toUpperCase())),
    ),
  })
  await live.settled()
  expect(await live.page.locator('li').allInnerTexts()).toEqual(ids.map((id) => id.toUpperCase()))
  expect(await live.page.evaluate(mark, 'li')).toEqual(ids.map((id) => ('abcd'.includes(id) ? id : undefined)))
  expect(await input.inputValue()).toBe('typed')
  expect(
    await input.evaluate((field: HTMLInputElement) => [
      document.activeElement === field,
      field.selectionStart,
      field.selectionEnd,
    ]),
  ).toEqual([true, 1, 3])
})

test('the rows that need not move are not moved', async () => {
  const ids = ['a', 'b', 'c', 'd', 'e', 'f']
  const live = await harness.live(list(...ids))
  await live.page.evaluate(() => {
    const touched: string[] = []
    Object.assign(window, { touched })
    new MutationObserver((records) => {
      for (const { addedNodes, removedNodes } of records) {
        for (const node of [...addedNodes, ...removedNodes]) {
          if (node instanceof HTMLElement) touched.push(node.dataset.lKey ?? '')
        }
      }
    }).observe(document.querySelector('ul') as Element, { childList: true })
  })
  live.patch({ 0: editOf(rows(...ids), rows('f', 'n', 'a', 'b', 'd', 'e')) })
  await live.settled()
  const touched = await live.page.evaluate(() => (window as unknown as { touched: string[] }).touched)
  expect(new Set(touched)).toEqual(new Set(['f', 'n', 'c']))
})

test('a frame in a row that moves is not loaded again', async () => {
  const framed = (id: string) => tree(['<li id="', '"><iframe srcdoc="hi"></iframe></li>'], id)
  const live = await harness.live(tree(['<ul>', '</ul>'], ['a', 'b', 'c'].map(framed)))
  await live.page.evaluate(() => {
    for (let index = 0; index < frames.length; index++) Object.assign(frames[index] as Window, { mark: index })
  })
  live.patch({
    0: {
      m: [
        [2, 0],
        [0, 2],
      ],
    },
  })
  await live.settled()
  const marks = () =>
    [...document.querySelectorAll('iframe')].map((frame) => (frame.contentWindow as Window & { mark?: number }).mark)
  expect(await live.page.evaluate(marks)).toEqual([2, 1, 0])
})

test('the same key in two lists is two things', async () => {
  const two = (a: Tree[], b: Tree[]) => tree(['<ul id="one">', '</ul><ul id="two">', '</ul>'], a, b)
  const live = await harness.live(two([row('1', 'a'), row('2', 'b')], [row('1', 'c'), row('2', 'd')]))
  live.patch({ 0: { r: [[0, 1]] }, 1: { m: [[1, 0]], i: [[1, row('3', 'e')]] } })
  await live.settled()
  expect(await live.text('#one')).toBe('b')
  expect(await live.page.locator('#two li').allInnerTexts()).toEqual(['d', 'e', 'c'])
})

test('an error message that appears above a form takes nothing from it', async () => {
  const form = tree(['', '<div><label>Name <input name="name"></label></div><div><input name="mail"></div>'], '')
  const live = await harness.live(form)
  await live.page.fill('[name=name]', 'Ada')
  await live.page.fill('[name=mail]', 'ada@')
  live.patch({ 0: plain('<div>Not an address</div>') })
  await live.settled()
  expect(await live.page.inputValue('[name=name]')).toBe('Ada')
  expect(await live.page.inputValue('[name=mail]')).toBe('ada@')
  expect(await live.page.evaluate(() => document.activeElement?.getAttribute('name'))).toBe('mail')
  live.patch({ 0: '' })
  await live.settled()
  expect(await live.page.inputValue('[name=mail]')).toBe('ada@')
  expect(await live.page.evaluate(() => document.activeElement?.getAttribute('name'))).toBe('mail')
})

test('details and dialogs stay as the user has them, until the server changes its mind', async () => {
  const openable = (open: number, text: string): Tree => ({
    s: ['<details open="', '"><summary>s</summary><p>', '</p></details><dialog>d</dialog>'],
    d: [open, text],
  })
  const live = await harness.live(openable(0, '1'))
  await live.page.click('summary')
  await live.page.evaluate(() => document.querySelector('dialog')?.showModal())
  live.patch({ 1: '2' })
  await live.settled()
  expect(await live.page.evaluate(() => document.querySelector('details')?.open)).toBe(true)
  expect(await live.page.evaluate(() => document.querySelector('dialog')?.matches(':modal'))).toBe(true)
  live.patch({ 0: 1 })
  live.patch({ 0: 0 })
  await live.settled()
  expect(await live.page.evaluate(() => document.querySelector('details')?.open)).toBe(false)
  live.patch({ 0: 1, 1: '3' })
  await live.settled()
  await live.page.evaluate(() => document.querySelector('dialog')?.close())
  await live.page.click('summary')
  live.patch({ 1: '4' })
  await live.settled()
  expect(await live.page.evaluate(() => document.querySelector('details')?.open)).toBe(false)
})

test('scroll positions stay', async () => {
  const live = await harness.live({
    s: [
      '<div id="box" style="height:50px;overflow:auto"><p style="height:500px">',
      '</p></div><div style="height:5000px"></div>',
    ],
    d: ['1'],
  })
  await live.page.evaluate(() => {
    ;(document.querySelector('#box') as Element).scrollTop = 70
    scrollTo(0, 900)
  })
  live.patch({ 0: '2' })
  await live.settled()
  expect(await live.page.evaluate(() => [document.querySelector('#box')?.scrollTop, scrollY])).toEqual([70, 900])
})

test('nodes with data-l-ignore are left alone, whoever made them', async () => {
  const live = await harness.live(tree(['<div data-l-ignore class="map"></div><p>', '</p>', ''], '1', ''))
  await live.page.evaluate(() => {
    const map = document.querySelector('.map') as HTMLElement
    map.className = 'map ready'
    map.innerHTML = '<canvas></canvas>'
    map.insertAdjacentHTML('afterend', '<aside data-l-ignore>widget</aside>')
  })
  live.patch({ 0: '2', 1: plain('<hr>') })
  await live.settled()
  const kept = '<div data-l-ignore="" class="map ready"><canvas></canvas></div><aside data-l-ignore="">widget</aside>'
  expect(await live.html()).toBe(`${kept}<p>2</p><hr>`)
  live.shows(tree(['<p>', '</p>'], '3'))
  await live.settled()
  expect(await live.html()).toBe('<aside data-l-ignore="">widget</aside><p>3</p>')
})

test("a nested component's content is its own", async () => {
  const inner = container('<b>inner</b>').replace('"demo"', '"inner"').replace('"secret"', '"t1"')
  const page = await harness.open(container(`<p>1</p>${inner}`))
  const wire = await harness.server.connection()
  const outerJoin = await wire.next('join')
  const innerJoin = await wire.next('join')
  const outer = tree(['<p>', `</p>${inner}`], '1')
  sendJoin(wire, innerJoin.id, plain('<b>live</b>'))
  sendJoin(wire, outerJoin.id, outer)
  wire.send([outerJoin.id, 0, 0, '2'])
  await page.waitForSelector('p:text("2")')
  expect(await page.innerHTML('[data-l-live=inner]')).toBe('<b>live</b>')
  expect(await page.getAttribute('[data-l-live=inner]', 'data-l-state')).toBe('live')
  wire.send([innerJoin.id, 0])
  // Another module in its place is another component.
  const next = wire.template([`<p>3</p>${inner.replace('"inner"', '"next"')}`], '')
  wire.send(['s', outerJoin.id, 0, [next]])
  const messages = [await wire.next(), await wire.next()]
  expect(messages).toContainEqual({ type: 'leave', id: innerJoin.id })
  expect(messages).toContainEqual(expect.objectContaining({ type: 'join', module: 'next' }))
})

test('an unchanged part of the page is not touched', async () => {
  const live = await harness.live(tree(['<p>', '</p><video></video><iframe srcdoc="hi"></iframe>'], '1'))
  await live.page.evaluate(() => {
    const records: MutationRecord[] = []
    Object.assign(window, { records })
    new MutationObserver((more) => records.push(...more)).observe(document.querySelector('[data-l-live]') as Element, {
      subtree: true,
      childList: true,
      characterData: true,
      attributes: true,
    })
  })
  live.patch({ 0: '2' })
  await live.settled()
  const changes = await live.page.evaluate(() =>
    (window as unknown as { records: MutationRecord[] }).records.map((record) => record.type),
  )
  expect(changes).toEqual(['characterData'])
})

test('what others have put where slots were stays, when the page joins and when it comes back', async () => {
  const content = (text: string) => tree(['<div data-l-ignore class="', '">', '</div><p>', '</p>'], text, text, text)
  const live = await harness.live(content('1'))
  await live.page.evaluate(() =>
    document.querySelector('[data-l-ignore]')?.replaceChildren(document.createElement('canvas')),
  )
  live.wire.drop()
  await live.rejoined(content('2'))
  await live.state('live')
  live.patch({ 0: '3', 1: '3' })
  await live.settled()
  expect(await live.html()).toBe('<div data-l-ignore="" class="3"><canvas></canvas></div><p>2</p>')
})

test('a change of what others have taken over touches nothing else', async () => {
  const live = await harness.live(
    tree(['<div data-l-ignore>', '<b>', '</b></div><p title="ours"></p>'], '1', { h: '<i>1</i>' }),
  )
  await live.page.evaluate(() => document.querySelector('p')?.setAttribute('title', 'theirs'))
  live.patch({ 0: '2', 1: { h: '<i>3</i>' } })
  live.patch({ 1: 'text' })
  await live.settled()
  expect(await live.html()).toBe('<div data-l-ignore="">1<b><i>1</i></b></div><p title="theirs"></p>')
})

test("a nested component's content is its own where slots are in it, too", async () => {
  const slots = container('MARK').replace('"demo"', '"inner"').split('MARK')
  const page = await harness.open(container(slots.join('<b>1</b>')))
  const wire = await harness.server.connection()
  const { id } = await wire.next('join')
  const inner = await wire.next('join')
  sendJoin(wire, inner.id, tree(['<b>', '</b>'], '2'))
  await page.waitForSelector('b:text("2")')
  sendJoin(wire, id, tree(slots, { h: '<b>1</b>' }))
  await page.waitForSelector('body > [data-l-state=live]')
  expect(await page.innerHTML('[data-l-live=inner]')).toBe('<b>2</b>')
})

test('a nested component that goes on in new content is patched there, and goes with it', async () => {
  const [start = '', end = ''] = container('<b>inner</b>', 'class="MARK"').replace('"demo"', '"inner"').split('MARK')
  const shape = (name: string, around: string) => tree([`<i>${around}</i>`, ''], tree([start, end], name))
  const live = await harness.live(tree(['<main>', '</main>'], ''))
  const inner = live.page.locator('[data-l-live=inner]')
  live.patch({ 0: shape('one', '1') })
  await live.wire.next('join')
  await inner.evaluate((element) => Object.assign(element, { mark: 1 }))
  live.patch({ 0: shape('two', '2') })
  await live.page.waitForSelector('i:text("2")')
  expect(await inner.getAttribute('class')).toBe('two')
  live.patch({ 0: { p: { 0: { p: { 0: 'three' } } } } })
  await live.settled()
  expect(await inner.getAttribute('class')).toBe('three')
  expect(await inner.evaluate((element) => 'mark' in element)).toBe(true)
  live.patch({ 0: '' })
  await live.settled()
  expect(await live.html('main')).toBe('')
})

test('after a reconnect a nested component goes on in its row, and is not taken for another', async () => {
  const inner = (token: string) =>
    container(`<b>${token}</b>`).replace('"demo"', '"inner"').replace('"secret"', `"${token}"`)
  const list = (...tokens: string[]) =>
    tree(
      ['<ul>', '</ul>'],
      tokens.map((token) => tree(['<li>', '</li>'], { h: inner(token) })),
    )
  const page = await harness.open(container(htmlOf(list('1', '2'))))
  const wire = await harness.server.connection()
  const { id } = await wire.next('join')
  sendJoin(wire, (await wire.next('join')).id, plain('<b>live 1</b>'))
  const last = (await wire.next('join')).id
  sendJoin(wire, last, plain('<b>live 2</b>'))
  await page.waitForSelector('b:text("live 2")')
  sendJoin(wire, id, list('3', '1'))
  expect(await wire.next('join')).toMatchObject({ module: 'inner', token: '3' })
  expect(await page.locator('li').allInnerTexts()).toEqual(['3', 'live 1'])
  expect(await wire.next('leave')).toMatchObject({ id: last })
})

test('after a reconnect one of two nested components that are the same goes on, and stays where it is', async () => {
  const list = (count: number) => {
    const inner = { h: container('<b>new</b>').replace('"demo"', '"inner"') }
    return tree(
      ['<ul>', '</ul>'],
      Array.from({ length: count }, () => tree(['<li>', '</li>'], inner)),
    )
  }
  const page = await harness.open(container(htmlOf(list(1))))
  const wire = await harness.server.connection()
  const { id } = await wire.next('join')
  sendJoin(wire, (await wire.next('join')).id, plain('<b>live</b>'))
  await page.waitForSelector('b:text("live")')
  sendJoin(wire, id, list(3))
  expect(await wire.next('join')).toMatchObject({ module: 'inner' })
  expect(await wire.next('join')).toMatchObject({ module: 'inner' })
  expect(await page.locator('li').allInnerTexts()).toEqual(['live', 'new', 'new'])
})
