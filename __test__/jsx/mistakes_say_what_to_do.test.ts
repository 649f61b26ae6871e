// What beginners write, and those who come from React: each is an error that says what to write instead.

import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { html, type LiveModule, type Tree } from 'loom-live'
import { compileJsx, JsxError } from 'loom-live/jsx-compiler'
import { testLoom } from '../support/site'
import { run } from './modes'

/** What rendering says of this source, in which `page` is what is rendered. */
async function saidOf(mode: string, source: string): Promise<string> {
  const { page } = run<{ page: () => Tree }>(mode, source, join(__dirname, 'page.tsx'))
  const { loom } = testLoom({ development: mode.includes('development') })
  loom.register('page', { props: {}, handle: {}, render: page })
  const error: unknown = await loom.mount('page').then(
    (shown) => new Error(`Expected an error but received ${shown}`),
    (thrown: unknown) => thrown,
  )
  expect(error).toMatchObject({ name: 'LoomError', code: 'LOOM_TEMPLATE' })
  return (error as Error).message
}

type Mistake = readonly [name: string, jsx: string, said: RegExp]

/** Mistakes of names and forms, which the compile step sees as well. */
const OF_SOURCE: readonly Mistake[] = [
  [
    'an element that there is not',
    '<buton>x</buton>',
    /no element <buton>; did you mean <button>\?.*custom element has a hyphen/,
  ],
  ['React’s name of an attribute', '<p tabIndex={0}/>', /<p tabIndex=…>.*HTML calls it tabindex/],
  ['React’s name of an attribute of SVG', '<svg strokeWidth={2}/>', /SVG calls it stroke-width/],
  ['a misspelt aria attribute', '<p aria-lable="x"/>', /no attribute aria-lable; did you mean aria-label\?/],
  ['aria in one word', '<p ariaLabel="x"/>', /HTML calls it aria-label/],
  ['an event attribute', '<p onclick="save()"/>', /an attribute of this name holds script.*onClick="handler"/],
  ['an event under React’s name', '<p onDoubleClick="save"/>', /write onDblClick/],
  [
    'HTML as a prop',
    '<p dangerouslySetInnerHTML={{ __html: x }}/>',
    /there is no attribute dangerouslySetInnerHTML; HTML is a child: <div>\{raw\(html\)\}<\/div>.*sanitized/,
  ],
  ['a ref', '<p ref={x}/>', /no element on the server/],
  ['a default value', '<input defaultValue={x}/>', /write value/],
  ['a value of a textarea', '<textarea value={x}/>', /its text is its child/],
  ['a value of a select', '<select value={x}></select>', /the chosen <option> has selected/],
  [
    'the same attribute twice',
    '<p class="a" className="b"/>',
    /<p> has the attribute class twice, the second time as className/,
  ],
  ['children of an element that has none', '<input>x</input>', /<input> has no content/],
  [
    'a handler that is a function',
    '<button onClick={() => 1}/>',
    /<button onClick=\{…\}> was given a function.*handlers run on the server.*onClick="save".*on\('save', \{ id \}\)/,
  ],
  [
    'a handler with a modifier that is a function',
    "<button on={{ 'keydown.enter': () => 1 }}/>",
    /<button on=\{…\}> was given a function.*on=\{\{ 'keydown.enter': 'save' \}\}/,
  ],
  ['a key of on that is no event', "<p on={{ 'a b': 'x' }}/>", /a key of on is an event with modifiers/],
  ['a key of style that is no property', "<p style={{ 'a:b': 'x' }}/>", /a key of style is a property of CSS/],
]

/** Mistakes that only rendering shows. */
const OF_VALUES: readonly Mistake[] = [
  [
    'a handler that is a function, by its name',
    '<button onClick={save}/>',
    /function.*(handlers run on the server|write the function into handle of the module)/,
  ],
  ['an event that there is not', '<p onDbClick="x"/>', /unknown event, @dbclick/],
  ['a modifier that there is not', "<p on={{ 'click.onec': 'x' }}/>", /unknown modifier/],
  ['a component that is not imported', '<Missing/>', /but received undefined: the component is not imported/],
  ['a component that is an object', '<Ui/>', /but received object: a component is a function/],
  ['a class component', '<Classic/>', /<Classic> is a class\. A component is a function.*loom\.register/],
  ['a class component of React, compiled', '<Old/>', /<Old> is a class/],
  ['a component that returns nothing', '<Forgets/>', /<Forgets> returned nothing.*a block with a return/],
  ['a component that waits', '<Waits/>', /<Waits> returned a promise.*load the data in mount/],
  ['names of attributes that come from data', '<p {...data}/>', /cannot be the name of an attribute.*never from data/],
  ['an event attribute in what is spread', '<p {...{ onload: "x()" }}/>', /holds script/],
  [
    'the sugar of html in what is spread',
    '<p {...{ "@click.once": "x" }}/>',
    /write on=\{\{ "click\.once": 'handler' \}\}/,
  ],
  [
    'an object as a child',
    '<p>{user}</p>',
    /received object.*show a member of it|an object with name, id to show.*Show a member of it/,
  ],
  ['a Date as a child', '<p>{when}</p>', /Date.*toISOString/],
  ['a function as a child', '<p>{save}</p>', /function/],
  ['a promise as a child', '<p>{later}</p>', /[Pp]romise/],
  ['an element of React as a child', '<p>{react}</p>', /React.*jsxImportSource/],
  [
    'several keys that are the same',
    '<ul>{[1, 1].map((n) => <li key={n}/>)}</ul>',
    /two items with the key "1"; keys have to be unique/,
  ],
  [
    'a key that is no text',
    '<ul>{[1].map((n) => <li key={{}}/>)}</ul>',
    /a string or a number for a key of a list but received object/,
  ],
]

const AROUND = `
let Missing
const x = 'x', Ui = {}, user = { name: 'Ada', id: 1 }, when = new Date(0), later = Promise.resolve(1)
const react = { $$typeof: Symbol.for('react.element'), type: 'p' }
const data = { 'x onclick': 'alert(1)' }
const save = () => 1
class Classic { render() { return null } }
function Old() { return {} }
Old.prototype.isReactComponent = {}
const Forgets = () => { <p/> }
const Waits = async () => <p/>
export const page = () => `

const MODES = ['swc', 'swc, for development', 'esbuild, for development', 'the compile step and swc']

describe.each(MODES.filter((mode) => !mode.includes('compile')))('%s', (mode) => {
  test.each([...OF_SOURCE, ...OF_VALUES])('%s', async (_, jsx, said) => {
    expect(await saidOf(mode, `${AROUND}(${jsx})`)).toMatch(said)
  })
})

describe('the compile step', () => {
  test.each(OF_SOURCE)('%s', (_, jsx, said) => {
    let error: unknown
    try {
      compileJsx(`const a = 1\nexport const page = () =>\n  (${jsx})`, { filename: 'pages/list.tsx' })
    } catch (thrown) {
      error = thrown
    }
    expect(error).toBeInstanceOf(JsxError)
    expect((error as Error).message).toMatch(said)
    expect((error as Error).message).toMatch(/ \(at pages\/list\.tsx:3:\d+\)$/)
  })

  test.each(OF_VALUES)('and what it leaves to rendering: %s', async (_, jsx, said) => {
    expect(await saidOf('the compile step and swc', `${AROUND}(${jsx})`)).toMatch(said)
  })

  test('a file that cannot be read is an error with its place', () => {
    expect(() => compileJsx('\n\nconst a = <p>', { filename: 'a.jsx' })).toThrow(/ \(at a\.jsx:3:\d+\)$/)
  })
})

test('in a development build each says where', async () => {
  const said = await saidOf('swc, for development', `${AROUND}(\n<p>{user}</p>)`)
  expect(said).toMatch(/an object with name, id to show.*\(at __test__\/jsx\/page\.tsx:13\)$/)
})

test('a place in a template is that of the element, too', async () => {
  const { loom, log } = testLoom({ development: true })
  const { page } = run<{ page: () => Tree }>(
    'swc, for development',
    `export const page = () => (\n<p title={'a'}>\n  <input disabled={'false'}/></p>)`,
    join(__dirname, 'page.tsx'),
  )
  loom.register('page', { props: {}, handle: {}, render: page })
  await loom.mount('page')
  expect(log.warnings.join('\n')).toMatch(/attribute disabled of <input>.*page\.tsx:3/)
})

describe('in development', () => {
  const warned = async (mode: string, jsx: string): Promise<string> => {
    const { loom, log } = testLoom({ development: true })
    const { page } = run<{ page: () => Tree }>(
      mode,
      `import { html } from 'loom-live'\nexport const page = () => ${jsx}`,
    )
    loom.register('page', { props: {}, handle: {}, render: page } satisfies LiveModule<object>)
    await loom.mount('page')
    return log.warnings.join('\n')
  }

  test.each(MODES)('rows without keys are a warning: %s', async (mode) => {
    const text = await warned(mode, '<ul>{[1, 2].map((n) => <li>{n}</li>)}</ul>')
    expect(text).toMatch(
      /page: the rows of the list in slot 1, text: `<ul>\$\{1\}<\/ul>`.* have no keys.*<li key=\{row\.id\}>/,
    )
  })

  test.each(MODES)('rows of html, children of a component and rows with keys are not: %s', async (mode) => {
    expect(await warned(mode, '<ul>{[1, 2].map((n) => html`<li>${n}</li>`)}</ul>')).toBe('')
    expect(await warned(mode, '<ul>{[1, 2].map((n) => <li key={n}>{n}</li>)}</ul>')).toBe('')
    expect(await warned(mode, '((Box) => <Box><i>1</i><i>2</i></Box>)(({ children }) => <p>{children}</p>)')).toBe('')
  })

  test('a name that no handler has', async () => {
    expect(await warned('swc', '<p onClick="save">x</p>')).toMatch(
      /data-l-click="save".* names no handler|@click="save".* names no handler/,
    )
  })

  test('several declarations of a style in one text', () => {
    const { page } = run<{ page: () => Tree }>('swc', `export const page = () => <p style="color: red; margin: 0"/>`)
    testLoom({ development: true })
    expect(page).toThrow(
      /<p style=…> was given several declarations as one text.*style=\{\{ color: 'red', margin: 0 \}\}/,
    )
  })
})

test('JSX that is joined as text says so', () => {
  const { page } = run<{ page: () => Tree }>('swc', 'export const page = () => <p/>')
  const tree: object = page()
  // eslint-disable-next-line @typescript-eslint/no-base-to-string -- the mistake itself
  expect(() => String(tree)).toThrow(/was joined as text/)
  expect(html`${tree}`.dynamics).toHaveLength(1)
})

test('a package that the compile step needs and cannot find is no mistake in the code', () => {
  const empty = mkdtempSync(join(tmpdir(), 'loom-live-jsx-'))
  const script = `try { require('./jsx-compiler.cjs').compileJsx('const a = <p>x</p>', { filename: 'a.tsx' }) }
    catch (error) { console.log(error.name, error.code, error.message) }`
  try {
    copyFileSync(join(__dirname, '../../dist/jsx-compiler.cjs'), join(empty, 'jsx-compiler.cjs'))
    const { stdout } = spawnSync(process.execPath, ['-e', script], { cwd: empty, encoding: 'utf8' })
    expect(stdout.trim()).toBe(
      'LoomError LOOM_PLATFORM The compile step of JSX needs the package @babel/parser: npm install --save-dev @babel/parser magic-string',
    )
  } finally {
    rmSync(empty, { recursive: true })
  }
})
