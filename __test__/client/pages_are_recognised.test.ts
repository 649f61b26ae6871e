import { container, Harness, htmlOf, Live, plain, tree, type Changes, type Slot, type Tree } from './harness'

const harness = new Harness()

const row = (id: string, text = id) => tree(['<li id="', '">', '</li>'], id, text)

interface Watching {
  records: string[]
  /** How often something was built: templates are copied for that. */
  copies: number
  /** Those of the page as it was. */
  nodes: Node[]
}

/** Notes what is there, and what happens to it. */
function watch(): void {
  const container = document.querySelector('[data-l-live]') as Element
  const watching: Watching = { records: [], copies: 0, nodes: [] }
  Object.assign(window, { watching })
  const walker = document.createTreeWalker(container)
  while (walker.nextNode()) watching.nodes.push(walker.currentNode)
  const cloneNode = Node.prototype.cloneNode
  Node.prototype.cloneNode = function (deep) {
    // Fields of the page are copied to know what they would show; if `fields.js` comes late, that is now.
    if (this.ownerDocument !== document) watching.copies += 1
    return cloneNode.call(this, deep)
  }
  new MutationObserver((records) => {
    for (const { type, target, addedNodes, removedNodes, attributeName, oldValue } of records) {
      if (target === container && type === 'attributes') continue
      const isCut =
        type === 'characterData'
          ? oldValue?.startsWith(target.nodeValue as string)
          : removedNodes.length === 0 && [...addedNodes].every((node) => node instanceof Text)
      const what = [...removedNodes, ...addedNodes].map((node) => node.nodeName)
      watching.records.push(
        isCut && type !== 'attributes'
          ? 'cut'
          : [type, target.nodeName, attributeName, ...what].filter(Boolean).join(' '),
      )
    }
  }).observe(container, {
    subtree: true,
    childList: true,
    attributes: true,
    characterData: true,
    characterDataOldValue: true,
  })
}

interface Seen {
  records: string[]
  copies: number
  lost: string[]
}

function seen(live: Live): Promise<Seen> {
  return live.page.evaluate(() => {
    const { records, copies, nodes } = (window as unknown as { watching: Watching }).watching
    const lost = nodes.filter((node) => !node.isConnected).map((node) => node.nodeName)
    return { records: records.splice(0), copies, lost }
  })
}

/** A page that shows `html`, where the user did something, and a component that joins with `content`. */
async function join(html: string, content: Tree, before?: () => void): Promise<Live> {
  const page = await harness.open(container(html))
  return harness.joins(page, content, async () => {
    if (before) await page.evaluate(before)
    await page.evaluate(watch)
  })
}

/** Nothing was built, and nothing touched but where texts had to be cut. */
async function expectUntouched(live: Live): Promise<void> {
  const { records, ...rest } = await seen(live)
  expect({ records: records.filter((record) => record !== 'cut'), ...rest }).toEqual({
    records: [],
    copies: 0,
    lost: [],
  })
}

/** What is at this place of the page, and whether it was there before the join. */
function places(live: Live): Promise<string[]> {
  return live.page.evaluate(() => {
    const { nodes } = (window as unknown as { watching: Watching }).watching
    const walker = document.createTreeWalker(document.querySelector('[data-l-live]') as Element)
    const found: string[] = []
    while (walker.nextNode()) {
      const node = walker.currentNode
      found.push(
        `${nodes.includes(node) ? 'old' : 'new'} ${(node as Partial<Element>).id || node.nodeName} ${node.nodeValue ?? ''}`.trim(),
      )
    }
    return found
  })
}

test('rows that have moved, changed, come and gone: the example of match.ts', async () => {
  const list = (...rows: Tree[]) => tree(['<ul>', '</ul>'], rows)
  const before = list(row('a', 'one'), row('b', 'two'), row('c', 'three'), row('d', 'four'))
  const live = await join(htmlOf(before), list(row('c', 'three'), row('d', 'vier'), row('e', 'five'), row('a', 'one')))
  expect(await places(live)).toEqual([
    'old UL',
    'old c',
    'old #text three',
    'old d',
    'old #text vier',
    'new e',
    'new #text five',
    'old a',
    'old #text one',
    // Of the list's slot, and of the one that shows the component.
    'new #text',
    'new #text',
  ])
})

test('a row that has changed is found behind one that another row has overtaken', async () => {
  const list = (...rows: Tree[]) => tree(['<ul>', '</ul>'], rows)
  const before = list(row('a', 'one'), row('b', 'two'), row('c', 'three'))
  const live = await join(htmlOf(before), list(row('c', 'three'), row('a', 'one'), row('b', 'zwei')))
  expect((await places(live)).filter((place) => !place.includes('#text'))).toEqual([
    'old UL',
    'old c',
    'old a',
    'old b',
  ])
})

test('a text that changes and an element that comes: the example of adopt.ts', async () => {
  const statics = ['<h1>', '</h1>', '<p>Dear ', ', hello</p>']
  const live = await join(htmlOf(tree(statics, 'Mail', '', 'Bob')), tree(statics, 'Mail', plain('<em>new</em>'), 'Ann'))
  expect(await places(live)).toEqual([
    'old H1',
    'old #text Mail',
    'new EM',
    'new #text new',
    'new #text',
    'old P',
    'old #text Dear',
    'new #text Ann',
    'new #text , hello',
    'new #text',
  ])
})

/** Deterministic, so that a failure can be looked at again. */
function random(seed: number): (limit: number) => number {
  let state = seed
  return (limit) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return Math.floor((state / 2_147_483_648) * limit)
  }
}

/** A tree of many kinds of content. The same numbers give the same templates. */
function grow(next: (limit: number) => number, depth = 3): Tree {
  const text = () => ['', 'one', ' two ', 'a < b & "c"', 'x\ny'][next(5)] as string
  const times = (make: (at: number) => Tree) => Array.from({ length: next(4) }, (_, at) => make(at))
  const inner = (): Slot => (depth > 0 && next(4) ? grow(next, depth - 1) : text())
  const kinds: (() => Tree)[] = [
    () => tree(['<div>', ' and ', '', '</div>'], text(), text(), inner()),
    () => tree(['', '', ' ', '<hr>', ''], text(), inner(), text(), inner()),
    () => tree(['<a href="/', '" class="k ', '" title="', ' ', '">', '</a>'], text(), text(), text(), text(), text()),
    () =>
      tree(
        ['<input disabled="', '" checked="', '" type="checkbox" class="a  b" value="', '">'],
        next(2),
        next(2),
        text(),
      ),
    () => tree(['<textarea rows="2">\n', ' - ', '</textarea><!-- said --> ', ''], text(), text(), text()),
    () => tree(['<div><!-- one -->', 'b<!-- two -->c', '</div>'], inner(), inner()),
    () =>
      tree(
        ['<ul>\n', '\n</ul>'],
        times((at) => row(String(at), text())),
      ),
    () =>
      tree(
        ['<div>', '</div>'],
        times((at) => tree(['', ', ', ''], `${at}:`, inner())),
      ),
    () =>
      tree(
        ['<table><tbody>', '</tbody></table>'],
        times((at) => tree(['\n<tr id="', '">\n<td>', '</td></tr>'], String(at), inner())),
      ),
    () =>
      tree(
        ['<table><thead><tr><th>h</th></tr></thead>\n', '\n</table>'],
        [
          tree(['\n<tr><td>', '</td></tr>'], text()),
          ...times((at) => tree(['\n<tr><td>', '</td></tr>'], `${at} ${text()}`)),
        ],
      ),
    () =>
      tree(
        ['<section>', ' <i>static <b>text</b></i> ', '</section>'],
        { h: 'a <b>b</b><!-- c --> d' },
        { h: '<u class="x">e</u>' },
      ),
    () =>
      tree(
        ['<svg viewBox="0 0 ', ' 9"><g>', '</g><title>', '</title></svg>'],
        '9',
        times((at) => tree(['<circle r="', '"></circle>'], String(at))),
        text(),
      ),
    () => tree(['<details open="', '"><summary>', '</summary>', '</details>'], next(2), text(), inner()),
    () =>
      tree(
        ['<select>', '</select>'],
        times((at) =>
          tree(['<option value="', '" selected="', '">', '</option>'], String(at), at === 1 ? 1 : 0, text()),
        ),
      ),
    () => tree(['<div data-l-ignore class="', '"><b>', '</b></div><template><p></p></template>'], text(), 'theirs'),
  ]
  return (kinds[next(kinds.length)] as () => Tree)()
}

/** Several of them, one after the other. */
const forest = (seed: number) => {
  const next = random(seed)
  return tree(['<main>', '<br>', '', '</main>'], grow(next), grow(next), grow(next))
}

/** Whether what stands there is the client's to change. */
const isOurs = (content: Tree) => !content.s[0]?.includes('data-l-ignore')

/** The same tree, with something else in all slots that `pick` takes. */
function renewed(content: Tree, pick: (slot: Slot) => boolean, inRow = false): Tree {
  if (!isOurs(content)) return content
  const renew = (slot: Slot): Slot => {
    if (Array.isArray(slot)) return slot.map((one) => renewed(one, pick, true))
    if (typeof slot === 'object') return 's' in slot ? renewed(slot, pick, inRow) : slot
    if (!pick(slot)) return slot
    return typeof slot === 'number' ? 1 - slot : `${slot}9`
  }
  return tree(content.s, ...content.d.map(renew))
}

/** What makes the one tree of the other, said as deep inside as it goes. */
function changesTo(after: Tree, before: Tree): Changes {
  const changes: Changes = {}
  after.d.forEach((now, slot) => {
    const old = before.d[slot] as Slot
    if (Array.isArray(now)) {
      const rows = now.map((one, at) => changesTo(one, (old as Tree[])[at] as Tree))
      const changed = Object.entries(rows).filter(([, inside]) => Object.keys(inside).length)
      if (changed.length) changes[slot] = { c: Object.fromEntries(changed) }
    } else if (typeof now === 'object' && 's' in now) {
      const inside = changesTo(now, old as Tree)
      if (Object.keys(inside).length) changes[slot] = { p: inside }
    } else if (now !== old) changes[slot] = now
  })
  return changes
}

/** Parsers move the white space of tables about; comments and the order of attributes are nobody's business. */
function tight(html: string): string {
  return html
    .replace(/<!--.*?-->/g, '')
    .replace(/(?: [^\s=>]+="[^"]*")+/g, (attributes) =>
      attributes
        .split(/(?<=")(?= )/)
        .sort()
        .join(''),
    )
    .replace(/\s+/g, '')
}

/** What a browser makes of the tree's HTML. */
async function reread(live: Live, content: Tree): Promise<string> {
  return tight(
    await live.page.evaluate((html) => {
      const element = document.createElement('div')
      element.innerHTML = html
      return element.innerHTML
    }, htmlOf(content)),
  )
}

const entry = (id: string, text = id) =>
  tree(
    [
      '<li id="',
      '" class="row"><details><summary>',
      '</summary>more</details><input name="note"><div class="map"></div></li>',
    ],
    id,
    text,
  )
const list = (count: string, ...rows: Tree[]) =>
  tree(['<p class="n', '">', ' rows</p><ul>', '</ul>'], count, count, rows)

test('what the user and others did to the page does no harm', async () => {
  const same = tree(['<li><details><summary>s</summary></details><input></li>'])
  const content = tree(
    ['<ul>', '</ul><ul>', '</ul><textarea>', '</textarea>'],
    [same, same],
    [entry('a'), entry('b')],
    'text',
  )
  const live = await join(htmlOf(content), content, () => {
    for (const details of document.querySelectorAll('li:last-child details')) details.setAttribute('open', '')
    for (const field of document.querySelectorAll<HTMLInputElement>('input,textarea')) field.value = 'typed'
    document.querySelector('input')?.setAttribute('data-extension', '1')
    document.querySelector('.row')?.classList.add('dark')
    document.querySelector('.row')?.setAttribute('style', 'color: red')
    document.querySelector('.map')?.append('a widget')
    document.querySelector('input')?.after(document.createElement('x-icon'))
    document.querySelector('textarea')?.after(document.createElement('x-icon'))
    document.querySelector('input')?.focus()
  })
  await expectUntouched(live)
  expect(await live.page.evaluate(() => document.activeElement?.localName)).toBe('input')
  const values = await live.page
    .locator('input,textarea')
    .evaluateAll((all) => all.map((one) => (one as HTMLInputElement).value))
  expect(values).toEqual(Array(5).fill('typed'))
})

test('what is another now is set, and nothing else is touched', async () => {
  const rows = ['a', 'b', 'c'].map((id) => entry(id))
  const live = await join(htmlOf(list('3', ...rows)), list('4', ...rows))
  const { records, copies, lost } = await seen(live)
  expect(records.filter((record) => record !== 'cut')).toEqual(['attributes P class', 'characterData #text'])
  expect([copies, lost]).toEqual([0, []])
  expect(await live.html()).toBe(htmlOf(list('4', ...rows)))
})

test('a row that says something else may be another one: all are compared', async () => {
  const bare = (text: string) => tree(['<li><input><b>', '</b></li>'], text)
  const page = (...texts: string[]) => tree(['<p>', '</p><ul>', '</ul>'], texts.length.toString(), texts.map(bare))
  const live = await join(htmlOf(page('a', 'b', 'c')), page('b', 'c', 'd'), () => {
    document.querySelectorAll('input').forEach((input, at) => (input.value = String(at)))
  })
  expect(await live.html()).toBe(htmlOf(page('b', 'c', 'd')))
  const values = await live.page
    .locator('input')
    .evaluateAll((all) => all.map((one) => (one as HTMLInputElement).value))
  expect(values).toEqual(['1', '2', ''])
})

test('after a reconnect nothing at all is touched where nothing has changed', async () => {
  const content = tree(['<main>', ' of ', '', '', '</main>'], '1', '2', '', list('2', entry('a'), entry('b')))
  const live = await harness.live(content)
  await live.page.evaluate(watch)
  live.wire.drop()
  await live.rejoined(content)
  await live.state('live')
  expect(await seen(live)).toEqual({ records: [], copies: 0, lost: [] })
})

const seeds = Array.from({ length: 24 }, (_, at) => at + 1)

test.each(seeds)(
  'a page as the server rendered it is found without building it, and every slot of it: %i',
  async (seed) => {
    const content = forest(seed)
    const live = await join(htmlOf(content), content)
    const { records, copies, lost } = await seen(live)
    // What is others' is not found but copied.
    expect(JSON.stringify(content).includes('data-l-ignore') ? 0 : copies).toBe(0)
    // The white space of a table may have gone elsewhere: texts only are touched.
    const isTable = JSON.stringify(content).includes('<thead>')
    expect(records.filter((record) => !/^(cut|childList \w+( #text)+|characterData #text)$/.test(record))).toEqual([])
    expect(isTable ? [] : records.filter((record) => record !== 'cut')).toEqual([])
    expect(lost.filter((name) => !isTable || name !== '#text')).toEqual([])
    expect(tight(await live.html())).toBe(await reread(live, content))
    const next = renewed(content, () => true)
    live.patch(changesTo(next, content))
    await live.settled()
    expect(tight(await live.html())).toBe(await reread(live, next))
  },
)

test.each(seeds)('a page that is found and one that is compared come out alike: %i', async (seed) => {
  const content = forest(seed)
  const next = random(seed)
  const now = renewed(content, () => next(3) === 0)
  const later = renewed(now, () => true)
  const outcomes: string[][] = []
  // What is no server's makes it another page.
  for (const before of [
    undefined,
    () => document.querySelector('[data-l-live]')?.append(document.createElement('u')),
  ]) {
    const live = await join(htmlOf(content), now, before)
    const first = tight(await live.html())
    live.patch(changesTo(later, now))
    await live.settled()
    outcomes.push([
      first,
      tight(await live.html()),
      await live.page.evaluate(() =>
        [...document.querySelectorAll('input,textarea,select')].map((one) => (one as HTMLInputElement).value).join(),
      ),
    ])
  }
  expect(outcomes[0]).toEqual(outcomes[1])
})
