/** A text that keeps its beginning: what follows is put behind it, and a selection in it stays. */

import { Harness, htmlOf, tree, type Change, type Live } from './harness'

const harness = new Harness()

const shape = (text: string) => tree(['<p>', '</p>'], text)
const BEGINNING = 'One <b>&amp;</b> "two" é e\u0301 😀 '.repeat(3)

async function shows(live: Live, text: string): Promise<void> {
  await live.settled()
  expect(await live.page.evaluate(() => document.querySelector('p')?.textContent)).toBe(text)
}

test.each<[string, Change, string]>([
  ['all of it stays', '<i>&lt;"😀', `${BEGINNING}<i>&lt;"😀`],
  ['nothing follows', [3, ''], 'One'],
  ['nothing stays', [0, 'x'], 'x'],
  ['a part stays', [BEGINNING.length - 3, '😁e'], `${BEGINNING.slice(0, -3)}😁e`],
])('the text is right: %s', async (_, change, text) => {
  const live = await harness.live(shape(BEGINNING))
  live.patch({ [-1]: change })
  await shows(live, text)
  live.patch({ [-1]: '\u0301 and more' })
  await shows(live, `${text}\u0301 and more`)
  live.patch({ [-1]: [2, '!'] })
  await shows(live, `${`${text}\u0301`.slice(0, 2)}!`)
  live.patch({ 0: 'another' })
  await shows(live, 'another')
})

test('a selection in what stays is kept, and the text is one node', async () => {
  const live = await harness.live(shape('A text of some length…'))
  await live.page.evaluate(() => {
    const text = document.querySelector('p')?.firstChild as Text
    getSelection()?.setBaseAndExtent(text, 2, text, 6)
    Object.assign(window, { text })
  })
  live.patch({ [-1]: [21, ' that goes'] })
  for (let count = 0; count < 50; count++) live.patch({ [-1]: ' on' })
  await shows(live, `A text of some length that goes${' on'.repeat(50)}`)
  const kept = await live.page.evaluate(() => ({
    selected: String(getSelection()),
    isSame: document.querySelector('p')?.firstChild === (window as unknown as { text: Node }).text,
    nodes: document.querySelector('p')?.childNodes.length,
  }))
  expect(kept).toEqual({ selected: 'text', isSame: true, nodes: 1 })
})

test('texts in rows and in subtrees go on, moved ones too', async () => {
  const row = (text: string) => tree(['<li>', '</li>'], text)
  const live = await harness.live(tree(['<ul>', '</ul>', ''], [row('a'), row('b'), row('c')], shape('deep')))
  live.patch({ 0: { m: [[2, 0]], c: { 0: { [-1]: ' moved' }, 2: { [-1]: [1, 'b'] } } }, 1: { p: { [-1]: 'er' } } })
  await live.settled()
  expect(await live.html()).toBe(
    htmlOf(tree(['<ul>', '</ul>', ''], [row('c moved'), row('a'), row('bb')], shape('deeper'))),
  )
})

test('a text that others have changed in the page is set as a whole', async () => {
  const live = await harness.live(shape('before'))
  await live.page.evaluate(() => {
    const text = document.querySelector('p')?.firstChild as Text
    text.data += ', and theirs'
  })
  live.patch({ [-1]: ' and after' })
  await shows(live, 'before and after')
})

test('a text that a translator has taken out of the page comes back as a whole', async () => {
  const live = await harness.live(shape('before'))
  await live.page.evaluate(() => {
    const font = document.createElementNS('http://www.w3.org/1999/xhtml', 'font')
    font.textContent = 'vorher'
    document.querySelector('p')?.firstChild?.replaceWith(font)
  })
  live.patch({ [-1]: [3, 'tween'] })
  await shows(live, 'beftween')
  live.patch({ [-1]: ' and after' })
  await shows(live, 'beftween and after')
})

test('the text is whole after a new join, and goes on from there', async () => {
  const live = await harness.live(shape('one'))
  live.patch({ [-1]: ' two' })
  await shows(live, 'one two')
  live.wire.drop()
  await live.rejoined(shape('one two'))
  await live.state('live')
  live.patch({ [-1]: ' three' })
  await shows(live, 'one two three')
})
