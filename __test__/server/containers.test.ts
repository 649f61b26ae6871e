// The element that a component is mounted as, and what cannot stand in it.

import { html, raw, type ContainerName, type Tree } from 'loom-live'
import { testLoom } from '../support/site'

async function mount(tree: Tree, as?: string, development = true): Promise<string> {
  const { loom } = testLoom({ development })
  const module = loom.register('m', { handle: {}, render: () => tree })
  return loom.mount(module, {}, as === undefined ? {} : { as: as as ContainerName })
}

const ROW = html`<tr><td>a</td></tr>`

test.each<[string, () => Tree]>([
  ['tbody', () => ROW],
  ['thead', () => ROW],
  ['tr', () => html`<td>a</td><th>b</th>`],
  ['table', () => html`<caption>c</caption><tbody>${ROW}</tbody>`],
  ['colgroup', () => html`<col>`],
  ['ul', () => html`<li>a</li>${[html`<li>b</li>`]}`],
  ['li', () => html`a<ul><li>b</li></ul>`],
  ['dl', () => html`<dt>a</dt><dd>b</dd>`],
  ['section', () => html`<h2>a</h2><table>${ROW}</table>`],
  ['x-rows', () => html`<p>a</p>`],
])('a component is a <%s>', async (as, tree) => {
  const page = await mount(tree(), as)
  expect(page).toMatch(new RegExp(`^<${as} data-l-live="m" data-l-ws="[^"]*" data-l-token="[^"]*">.*</${as}>$`, 's'))
})

test('by default it is a <div>', async () => {
  expect(await mount(html`<p>a</p>`)).toMatch(/^<div data-l-live="m".*<\/div>$/)
  expect(await mount(html`<p>a</p>`, undefined)).toMatch(/^<div /)
})

test.each([
  'script',
  'style',
  'textarea',
  'title',
  'template',
  'iframe',
  'svg',
  'DIV',
  'br',
  '',
  'div ',
  'x"y-z',
  'font-face',
  1,
  {},
])('a component cannot be a %j', async (as) => {
  await expect(mount(html`a`, as as string)).rejects.toThrow(
    as === null
      ? /^$|received null/
      : /Expected the name of an element that can hold a component.*for the option as of mount/,
  )
})

test.each<[string, () => Tree, string | undefined, RegExp]>([
  ['a row', () => ROW, undefined, /^render of module m: <tr> cannot stand in <div>.*{ as: "tbody" }.*<table>/],
  ['a row behind others', () => html`<p>${'a'}</p>${[ROW]}`, undefined, /<tr> cannot stand in <div>/],
  ['a row that is raw', () => html`${raw('<tr></tr>')}`, undefined, /<tr> cannot stand in <div>/],
  ['a cell', () => html`<td>a</td>`, undefined, /<td> cannot stand in <div>.*{ as: "tr" }/],
  ['a cell in a body', () => html`<td>a</td>`, 'tbody', /<td> cannot stand in <tbody>.*{ as: "tr" }/],
  ['a row in a table', () => ROW, 'table', /<tr> cannot stand in <table>.*{ as: "tbody" }/],
  ['a paragraph in a body', () => html`<p>a</p>`, 'tbody', /<p> cannot stand in <tbody>/],
  ['text in a body', () => html`${'a'}${ROW}`, 'tbody', /text cannot stand in <tbody>/],
  ['a body', () => html`<tbody></tbody>`, 'section', /<tbody> cannot stand in <section>.*{ as: "table" }/],
  ['a list in a paragraph', () => html`<ul></ul>`, 'p', /<ul> \(which ends it\) cannot stand in <p>/],
])('%s at a wrong place is an error of mount', async (_, tree, as, message) => {
  for (const development of [true, false]) {
    const mounted = mount(tree(), as, development)
    await expect(mounted).rejects.toThrow(message)
    await expect(mounted).rejects.toThrow(expect.objectContaining({ code: 'LOOM_TEMPLATE' }) as Error)
  }
})

test('in production a template is looked at once for each container', async () => {
  const { loom } = testLoom({ development: false })
  const module = loom.register('m', {
    props: { rows: false },
    handle: {},
    render: ({ rows }) => html`${rows ? ROW : ''}`,
  })
  await loom.mount(module)
  await loom.mount(module, { rows: true })
  await expect(loom.mount(module, { rows: true }, { as: 'section' })).rejects.toThrow('<tr> cannot stand in <section>')
  await expect(loom.mount(module, { rows: true }, { as: 'section' })).rejects.toThrow('<tr> cannot stand in <section>')
})

test('the HTML of a raw module is looked at, too', async () => {
  const { loom } = testLoom()
  const module = loom.register('m', {
    handle_json: (_, props) => props,
    render_tree_json: () => '{"s":["<tr><td>x</td></tr>"],"d":[]}',
  })
  await expect(loom.mount(module)).rejects.toThrow('<tr> cannot stand in <div>')
  expect(await loom.mount(module, {}, { as: 'tbody' })).toContain('<tbody data-l-live="m"')
})
