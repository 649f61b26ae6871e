// What a user has written breaks out of no place of JSX, whoever has compiled it, and names no attribute.

import { createElement, createLoom, type Tree } from 'loom-live'
import { MODES, run } from '../jsx/modes'
import { inside, testLoom } from '../support/site'

const EVIL = `</b><script>alert("1")</script>' onclick='x' &amp; &lt; \` \${1} {x}`
const ESCAPED =
  '&lt;/b&gt;&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39; onclick=&#39;x&#39; &amp;amp; &amp;lt; ` ${1} {x}'

async function shown(render: () => Tree): Promise<string> {
  const { loom } = testLoom({ development: false })
  loom.register('page', { props: {}, handle: {}, render })
  return inside(await loom.mount('page'))
}

/** The error of what cannot be shown. */
async function refusal(render: () => Tree): Promise<string> {
  const { loom } = testLoom({ development: false })
  loom.register('page', { props: {}, handle: {}, render })
  const error: unknown = await loom.mount('page').then(
    (page) => new Error(`Expected an error but received ${page}`),
    (thrown: unknown) => thrown,
  )
  expect(error).toMatchObject({ code: 'LOOM_TEMPLATE', name: 'LoomError' })
  return (error as Error).message
}

const PLACES: readonly (readonly [place: string, jsx: string, html: string])[] = [
  ['text', '<b>{evil}</b>', `<b>${ESCAPED}</b>`],
  ['text of the source', '<b>{`EVIL`}</b>', `<b>${ESCAPED}</b>`],
  ['an attribute', '<b title={evil}/>', `<b title="${ESCAPED}"></b>`],
  ['an attribute of the source', '<b title={`EVIL`}/>', `<b title="${ESCAPED}"></b>`],
  ['an attribute that is spread', '<b {...{ title: evil }}/>', `<b title="${ESCAPED}"></b>`],
  ['an attribute that comes and goes', '<b hidden={evil}/>', `<b hidden="${ESCAPED}"></b>`],
  ['a handler', '<b onClick={evil}/>', `<b data-l-click="${ESCAPED}"></b>`],
  ['a handler with modifiers', "<b on={{ 'click.once': evil }}/>", `<b data-l-on-click.once="${ESCAPED}"></b>`],
  ['a textarea', '<textarea>{evil}</textarea>', `<textarea>${ESCAPED}</textarea>`],
  ['a style', '<b style={{ color: evil, margin: 0 }}/>', '<b style="color: ; margin: "></b>'],
  ['a whole style', '<b style={evil}/>', '<b style=""></b>'],
  ['a URL', '<a href={`java\\tscript:${evil}`}/>', '<a href="about:invalid"></a>'],
  ['what a component gives', '<Echo>{evil}</Echo>', ESCAPED],
  ['a row', '<ul>{[1].map(() => <li key={evil}>{evil}</li>)}</ul>', `<ul><li>${ESCAPED}</li></ul>`],
]

describe.each(Object.keys(MODES))('%s', (mode) => {
  // A development build says instead that a style of several declarations is an object.
  const places = PLACES.filter(([place]) => place !== 'a whole style' || !mode.includes('development'))

  test.each(places)('no value breaks out of %s', async (_, jsx, html) => {
    const source = `const Echo = ({ children }) => children
      const evil = ${JSON.stringify(EVIL)}
      export const page = () => (${jsx.replace('EVIL', EVIL.replaceAll('`', '\\`').replaceAll('${', '\\${'))})`
    const { page } = run<{ page: () => Tree }>(mode, source)
    // A line feed at the start of a textarea is one that parsers drop.
    expect((await shown(page)).replace('<textarea>\n', '<textarea>')).toBe(html)
  })
})

test.each<[string, () => unknown]>([
  ['a plain object', () => ({ html: '<hr>' })],
  ['what looks like a tree', () => ({ statics: Object.assign(['<hr>'], { raw: ['<hr>'] }), dynamics: [] })],
  ['what looks like an element', () => ({ type: 'script', props: { children: 'alert(1)' }, key: null })],
  ['what looks like a list', () => ({ items: [1], key: () => 1, row: () => '<hr>' })],
  ['a function', () => () => '<hr>'],
])('only what JSX, html and raw made is HTML: %s', async (_, value) => {
  expect(await refusal(() => createElement('p', null, value()))).toMatch(/<p>/)
  expect(await refusal(() => createElement('p', { title: value() }))).toMatch(/<p title/)
})

test.each([
  'x onclick=alert(1)',
  'x"><script>alert(1)</script><p y',
  'x/onclick',
  'x\0',
  '',
  ' ',
  '=',
  'onclick',
  'ONCLICK',
  'onpointerrawupdate',
  'é',
  '@click',
  '?hidden',
  '__proto__ x',
  '}',
  '"',
])('a name that comes from data breaks out of no tag: %j', async (name) => {
  const given = JSON.parse(`{${JSON.stringify(name)}:"x"}`) as Record<string, unknown>
  expect(await refusal(() => createElement('p', given))).toMatch(/<p/)
  expect(await refusal(() => createElement('p', { on: given }))).toMatch(/<p|unknown event/)
  expect(await refusal(() => createElement('p', { bool: given }))).toMatch(/<p|boolean|holds script|no value is safe/)
})

test.each(['a:b', 'x;y', '}', '"', '', 'é', 'x"><hr>'])('nor does a property of a style: %j', async (name) => {
  expect(await refusal(() => createElement('p', { style: { [name]: 'red' } }))).toMatch(/a property of CSS/)
})

test.each(['p onclick=x', 'p><script', '', 'x-<hr>', 'x-y z', '/p', '!--', 'plaintext'])(
  'nor does the name of an element: %j',
  async (name) => {
    expect(await refusal(() => createElement(name, null))).toMatch(/There is no element/)
  },
)

test.each<[string, string, Record<string, unknown>]>([
  ['the source of a script', 'script', { src: '//evil' }],
  ['the text of a script', 'script', { children: 'alert(1)' }],
  ['the text of a style', 'style', { children: 'p {}' }],
  ['a document in a frame', 'iframe', { srcdoc: '<script>' }],
  ['where the addresses of a page lead', 'base', { href: '//evil' }],
  ['what a meta does', 'meta', { 'http-equiv': 'refresh', 'content': '0;url=//evil' }],
  ['the content of a template', 'template', { children: 'x' }],
])('where no value is safe, there is none: %s', async (_, element, props) => {
  expect(await refusal(() => createElement(element, props))).toMatch(
    /no value is safe|nothing can be escaped|<template>/,
  )
})

test('the prototype of objects gives no attribute', async () => {
  const given = JSON.parse('{"__proto__":{"title":"x"},"id":"a"}') as Record<string, unknown>
  const error = await refusal(() => createElement('p', given))
  expect(error).toMatch(/<p/)
  expect(await shown(() => createElement('p', { id: 'a' }))).toBe('<p id="a"></p>')
})

test('a loom in development says the same', async () => {
  const loom = createLoom({ secret: 'x'.repeat(32), development: true, logger: { error: () => 0, warn: () => 0 } })
  const page = loom.register('page', { props: {}, handle: {}, render: () => createElement('p', { 'x onclick': 1 }) })
  await expect(loom.mount(page)).rejects.toThrow(/cannot be the name of an attribute.*jsx_is_escaped\.test\.ts:\d+\)$/)
  await loom.close({ timeout: 0 })
})
