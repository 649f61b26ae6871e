/** Commands: what they say, and what is refused where it is written. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createLoom, html, js, on, type LoomError } from 'loom-live'
import { checkAttribute } from '../../lib/render/safe_attribute'
import { atEnd } from '../support/cleanup'
import { SECRET } from '../support/site'

function errorOf(work: () => unknown): LoomError {
  try {
    work()
  } catch (error) {
    return error as LoomError
  }
  throw new Error(`Expected ${String(work)} to throw`)
}

test('commands are a text: the calls as they are written', () => {
  expect(String(js.toggle('#menu').focus('#first'))).toBe('js([["toggle","#menu"],["focus","#first"]])')
  expect(String(js.show(undefined, { time: 5, transition: 'fade' }))).toBe(
    'js([["show",null,{"time":5,"transition":"fade"}]])',
  )
  expect(String(js.call('save').call('drop', { id: 7 }))).toBe('js([["call","save"],["call","drop",{"id":7}]])')
  expect(String(on('like').optimistic(js.addClass('liked')))).toBe(
    'js([["call","like",null,{"optimistic":[["addClass","liked"]]}]])',
  )
})

test('a chain leaves the one that it goes on from as it was', () => {
  const menu = js.toggle('#menu')
  menu.focus('#first')
  expect(String(menu)).toBe('js([["toggle","#menu"]])')
})

test('in a page they are escaped, and in JSON they are their text', async () => {
  const loom = createLoom({ secret: SECRET })
  atEnd(() => loom.close({ timeout: 0 }))
  const button = html`<button @click=${js.addClass('"><script>')}>x</button>`
  const page = await loom.mount(loom.register('tested', { props: {}, handle: {}, render: () => button }))
  expect(page).toContain('data-l-click="js([[&quot;addClass&quot;,&quot;\\&quot;')
  expect(page).not.toContain('<script>')
  expect(JSON.stringify({ click: js.focus() })).toBe('{"click":"js([[\\"focus\\"]])"}')
})

test.each([
  ['onclick', 'x'],
  ['ONCLICK', 'x'],
  ['on', 'x'],
  ['srcdoc', '<p>'],
  ['style', 'color:red'],
  ['class', 'x'],
  ['data-l-click', 'save'],
  ['l-loading', ''],
  ['a b', ''],
  ['', ''],
  ['href', 'javascript:alert(1)'],
  ['href', ' JaVa\nScript:alert(1)'],
  ['xlink:href', 'javascript:alert(1)'],
  ['src', 'data:text/html,x'],
  ['action', 'vbscript:x'],
  ['formaction', 'javascript:x'],
  ['srcset', '/a 1x, javascript:x 2x'],
])('the attribute %s is not set to %j', (name, value) => {
  const { code, message } = errorOf(() => js.setAttribute(name, value))
  expect(code).toBe('LOOM_ARGUMENT')
  expect(message).toMatch(/^Expected .* for the (name|value) of js\.setAttribute/)
})

test('other attributes are', () => {
  for (const [name, value] of [
    ['aria-expanded', 'true'],
    ['href', '/a?b=javascript:c'],
    ['href', 'https://example.org/'],
    ['href', 'mailto:a@example.org'],
    ['title', 'javascript: the good parts'],
    ['open', ''],
  ] as const)
    expect(() => checkAttribute('setAttribute', name, value)).not.toThrow()
  expect(() => js.toggleAttribute('href', '#a', ['javascript:x'])).toThrow(/value of js.toggleAttribute/)
})

test('the client refuses by the same rules', () => {
  const rulesOf = (file: string): string[] =>
    [
      ...readFileSync(join(__dirname, '../..', file), 'utf8').matchAll(
        /^const (?:NAME|REFUSED|URLS|SCHEMES) =\s+(.*)$/gm,
      ),
    ].map(([, rule = '']) => rule)
  const rules = rulesOf('lib/render/safe_attribute.ts')
  expect(rules).toHaveLength(4)
  expect(rulesOf('client/commands/safety.ts')).toEqual(rules)
})

test('what is misspelt, too large or not to be taken back says so', () => {
  const wrong: [() => unknown, RegExp][] = [
    [() => js.show(7 as never), /the selector of js\.show/],
    [() => js.addClass(' '), /the classes of js\.addClass/],
    [() => js.show('#a', { tim: 5 } as never), /did you mean "time"/],
    [() => js.hide('#a', { time: -1 }), /time of js\.hide/],
    [() => js.transition({ begin: 'a' } as never), /begin/],
    [() => js.navigate('javascript:alert(1)'), /the URL of js\.navigate/],
    [() => js.scrollIntoView('#a', { block: 'middle' as never }), /block of js\.scrollIntoView/],
    [() => js.copy({ form: '#a' } as never), /did you mean "from"/],
    [() => js.call('a(b'), /without "\("/],
    [() => on('js', 1), /another name than "js"/],
    [() => js.call('a', 'x'.repeat(4095)), /at most 4096 bytes/],
    [() => on('like').optimistic(js.focus()), /commands that can be taken back .* but received js\.focus/],
    [() => js.call('a', 1, { optimistic: 'x' as never }), /commands, as js\.addClass/],
    [() => String(js), /Expected a command/],
    [() => String(js.insert('#row')), /use js\.insert only in on/],
    [() => String(js.copy('x'.repeat(4095))), /at most 4096 bytes/],
    [
      () =>
        Array.from({ length: 32 })
          .reduce<typeof js>((chain) => chain.focus(), js)
          .blur(),
      /at most 32 commands/,
    ],
  ]
  for (const [work, message] of wrong) {
    const error = errorOf(work)
    expect([error.code, error.message]).toEqual(['LOOM_ARGUMENT', expect.stringMatching(message)])
  }
})
