import { editOf, Harness, htmlOf, tree, type Live, type Tree } from './harness'

const harness = new Harness()

const row = (id: string, text = id) => tree(['<li data-l-key="', '">', '</li>'], id, text)

/** Deterministic, so that a failure can be looked at again. */
function random(seed: number): (limit: number) => number {
  let state = seed
  return (limit) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return Math.floor((state / 2_147_483_648) * limit)
  }
}

const shapes: Record<string, (id: string, text: string) => Tree> = {
  'one element': row,
  'several nodes': (id, text) => tree(['\n<dt id="', '">', '</dt> and <dd>', '</dd> '], id, text, text),
  'text only': (id, text) => tree(['', ':', ';'], id, text),
  'slots at both ends': (id, text) => tree(['', '<hr>', ''], id, text),
  'two templates': (id, text) => (Number(id) % 2 ? row(id, text) : tree(['<b>', '</b>', ''], id, text)),
}

test.each(Object.keys(shapes))('random edits of a list: rows of %s', async (name) => {
  const shape = shapes[name] as (id: string, text: string) => Tree
  const next = random(name.length)
  let rows = Array.from({ length: 8 }, (_, id) => shape(String(id), 'x'))
  const live = await harness.live(tree(['<div>a', 'b</div>'], rows))
  let made = 8
  for (let round = 0; round < 60; round++) {
    const edited = rows.filter(() => next(4) > 0)
    for (let moves = next(3); moves > 0 && edited.length; moves--) {
      const [moved] = edited.splice(next(edited.length), 1)
      edited.splice(next(edited.length + 1), 0, moved as Tree)
    }
    for (let more = next(4); more > 0; more--) edited.splice(next(edited.length + 1), 0, shape(String(made++), 'n'))
    const wanted = edited.map((one) => (next(3) ? one : shape(one.d[0] as string, String(round))))
    const change = editOf(rows, wanted)
    rows = wanted
    if (!Object.keys(change).length) continue
    live.patch({ 0: change })
    await live.settled()
    expect(await live.html()).toBe(htmlOf(tree(['<div>a', 'b</div>'], rows)))
  }
})

/** Counts what happens to the page from here on. */
async function watched(live: Live): Promise<() => Promise<string[]>> {
  await live.page.evaluate(() => {
    const records: string[] = []
    Object.assign(window, { records })
    new MutationObserver((more) => {
      for (const { type, target, addedNodes, removedNodes, attributeName } of more) {
        const what = type === 'childList' ? `+${addedNodes.length} -${removedNodes.length}` : (attributeName ?? '')
        records.push(`${type} ${target.nodeName} ${what}`.trim())
      }
    }).observe(document.querySelector('[data-l-live] > *') as Element, {
      subtree: true,
      childList: true,
      characterData: true,
      attributes: true,
    })
  })
  return async () => {
    await live.settled()
    return live.page.evaluate(() => (window as unknown as { records: string[] }).records.splice(0))
  }
}

test('a patch touches what it names', async () => {
  const cell = (id: string, text: string) => tree(['<tr class="r ', '"><td>', '</td><td>', '</td></tr>'], id, id, text)
  const rows = Array.from({ length: 50 }, (_, id) => cell(String(id), 'x'))
  const live = await harness.live(tree(['<table title="', ' ', '">', '</table>'], 'a', 'b', rows))
  const seen = await watched(live)
  live.patch({ 2: { c: { 7: { 2: 'y' } } } })
  expect(await seen()).toEqual(['characterData #text'])
  live.patch({ 1: 'c' })
  expect(await seen()).toEqual(['attributes TABLE title'])
  expect(await live.page.getAttribute('table', 'title')).toBe('a c')
  live.patch({ 2: { i: [[0, cell('n', 'n')]], r: [[49, 1]] } })
  expect(await seen()).toEqual(['childList TBODY +0 -1', 'childList TBODY +1 -0'])
  live.patch({ 2: { c: { 3: { 0: 'hot' } } } })
  expect(await seen()).toEqual(['attributes TR class'])
})

test('attributes with several slots, and boolean ones', async () => {
  const live = await harness.live(
    tree(
      ['<a href="/', '?q=', '" title="', '">x</a><button disabled="', '" hidden="', '">b</button>'],
      'a',
      'b',
      '',
      0,
      1,
    ),
  )
  live.patch({ 1: 'c & d', 2: '"<', 3: 1, 4: 0 })
  await live.settled()
  expect(await live.html()).toBe('<a href="/a?q=c &amp; d" title="&quot;&lt;">x</a><button disabled="">b</button>')
  live.patch({ 0: 'z', 2: '', 3: 0, 4: 1 })
  await live.settled()
  expect(await live.html()).toBe('<a href="/z?q=c &amp; d" title="">x</a><button hidden="">b</button>')
})

test('textarea and title', async () => {
  const live = await harness.live(tree(['<textarea>a ', ' b</textarea><svg><title>', '</title></svg>'], '<b>', 'one'))
  expect(await live.page.inputValue('textarea')).toBe('a <b> b')
  live.patch({ 0: '</textarea>', 1: '<i>' })
  await live.settled()
  expect(await live.page.inputValue('textarea')).toBe('a </textarea> b')
  expect(await live.page.locator('svg title').textContent()).toBe('<i>')
})

test('HTML keeps to its slot', async () => {
  const live = await harness.live(tree(['a', 'b', 'c'], { h: '<b>1</b>' }, ''))
  live.patch({ 0: { h: 'x<i>2</i>y' }, 1: { h: '' } })
  await live.settled()
  expect(await live.html()).toBe('ax<i>2</i>ybc')
  live.patch({ 0: '<', 1: { h: '<u>3</u>' } })
  await live.settled()
  expect(await live.html()).toBe('a&lt;b<u>3</u>c')
})

test('templates and lists in each other', async () => {
  const inner = (name: string, ...items: string[]) =>
    tree(
      ['<h2>', '</h2>', ''],
      name,
      items.map((item) => row(item)),
    )
  const live = await harness.live(tree(['', ''], [inner('one', 'a'), inner('two')]))
  live.patch({
    0: { m: [[1, 0]], i: [[2, inner('three', 'x', 'y')]], c: { 0: { 1: { i: [[0, row('b')]] } }, 1: { 0: 'ONE' } } },
  })
  await live.settled()
  expect(await live.html()).toBe(
    htmlOf(tree(['', ''], [inner('two', 'b'), inner('ONE', 'a'), inner('three', 'x', 'y')])),
  )
  live.patch({ 0: { r: [[0, 1]], m: [[1, 1]], c: { 0: { 1: { m: [[1, 0]] } } } } })
  await live.settled()
  expect(await live.html()).toBe(htmlOf(tree(['', ''], [inner('three', 'y', 'x'), inner('ONE', 'a')])))
})

test('SVG that comes later is SVG, and HTML in it is HTML', async () => {
  const live = await harness.live(tree(['<svg>', '<foreignObject>', '</foreignObject></svg>'], [], ''))
  live.patch({ 0: { i: [[0, tree(['<linearGradient id="', '"/>'], 'g')]] }, 1: tree(['<p>', '</p>'], 'x') })
  await live.settled()
  expect(
    await live.page.evaluate(() => ['#g', 'p'].map((name) => document.querySelector(name)?.constructor.name)),
  ).toEqual(['SVGLinearGradientElement', 'HTMLParagraphElement'])
})

test('a video plays on, an animation runs on, a frame stays loaded, a field keeps the focus while rows move', async () => {
  const shape = (id: string) =>
    tree(
      ['<li id="', '"><div class="spin">', '</div><iframe srcdoc="hi"></iframe><video loop muted></video><input></li>'],
      id,
      id,
    )
  const live = await harness.live(
    tree(
      ['<style>@keyframes s{to{rotate:1turn}} .spin{animation:s 60s linear infinite}</style><ul>', '</ul>'],
      ['a', 'b', 'c'].map(shape),
    ),
  )
  await live.page.evaluate(async () => {
    const canvas = document.createElement('canvas')
    const recorder = canvas.captureStream(10)
    const video = document.querySelector('#a video') as HTMLVideoElement
    video.srcObject = recorder
    canvas.getContext('2d')?.fillRect(0, 0, 9, 9)
    await video.play()
    const frame = document.querySelector<HTMLIFrameElement>('#a iframe')
    Object.assign(frame?.contentWindow as Window, { mark: 1 })
    const animation = document.querySelector('#a .spin')?.getAnimations()[0]
    if (animation) animation.currentTime = 30_000
    document.querySelector<HTMLElement>('#a input')?.focus()
  })
  live.patch({ 0: { m: [[0, 2]], c: { 2: { 1: 'moved' } } } })
  await live.settled()
  expect(await live.page.locator('li').evaluateAll((all) => all.map((one) => one.id))).toEqual(['b', 'c', 'a'])
  const state = await live.page.evaluate(() => {
    const frame = document.querySelector<HTMLIFrameElement>('#a iframe')?.contentWindow
    return {
      paused: document.querySelector<HTMLVideoElement>('#a video')?.paused,
      mark: (frame as unknown as { mark?: number }).mark,
      later: Number(document.querySelector('#a .spin')?.getAnimations()[0]?.currentTime) >= 30_000,
      focused: document.activeElement === document.querySelector('#a input'),
    }
  })
  expect(state).toEqual({ paused: false, mark: 1, later: true, focused: true })
})

test('a child component in HTML goes on when the HTML around it changes', async () => {
  const child = '<div data-l-live="child" data-l-token="t"><b>child</b></div>'
  const live = await harness.live(tree(['<section>', '</section>'], { h: `<p>1</p>${child}` }))
  const joined = await live.wire.next('join')
  const id = live.wire.template(['<b>', '</b>'], 't')
  live.wire.send([
    ['j', joined.id, 0, 0, [id, 'child'], 's'],
    [joined.id, 0, 0, 'alive'],
  ])
  await live.page.waitForSelector('b:text("alive")')
  live.patch({ 0: { h: `<p>2</p>${child}` } })
  await live.settled()
  expect(await live.text('section')).toMatch(/2\s*alive/)
  live.patch({ 0: { h: child } })
  live.patch({ 0: { h: `<i>${child}</i>` } })
  await live.settled()
  live.wire.send([joined.id, 0, 0, 'still'])
  await live.page.waitForSelector('i b:text("still")')
  expect(live.wire.received).toHaveLength(2)
})
