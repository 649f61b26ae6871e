// What a value says of its attribute, in the first paint, for clients of the classic dialect, and what development says.

import { html, type SocketMessage, type Tree } from 'loom-live'
import { testLoom } from '../support/site'

async function shown(render: (value: unknown) => Tree, value: unknown): Promise<string> {
  const { loom } = testLoom({ development: true })
  const page = await loom.mount(loom.register('m', { handle: {}, render: () => render(value) }))
  return page.replace(/^<div [^>]*>|<\/div>$/g, '')
}

test.each<[string, (value: unknown) => Tree, [value: unknown, shown: string][]]>([
  [
    'a boolean attribute',
    (value) => html`<input disabled="${value}">`,
    [
      [false, '<input>'],
      [null, '<input>'],
      [undefined, '<input>'],
      [0, '<input>'],
      ['', '<input>'],
      [true, '<input disabled="">'],
      ['disabled', '<input disabled="">'],
      [1, '<input disabled="">'],
    ],
  ],
  [
    'one that may have a text',
    (value) => html`<a hidden="${value}"></a>`,
    [
      [false, '<a></a>'],
      [null, '<a></a>'],
      [undefined, '<a></a>'],
      [true, '<a hidden=""></a>'],
      ['', '<a hidden=""></a>'],
      ['until-found', '<a hidden="until-found"></a>'],
      ['"', '<a hidden="&quot;"></a>'],
      [12n, '<a hidden="12"></a>'],
    ],
  ],
  [
    'an enumerated one',
    (value) => html`<a aria-expanded=${value} contenteditable='${value}'></a>`,
    [
      [false, '<a aria-expanded="false" contenteditable="false"></a>'],
      [true, '<a aria-expanded="true" contenteditable="true"></a>'],
      [null, '<a></a>'],
      [undefined, '<a></a>'],
      ['mixed', '<a aria-expanded="mixed" contenteditable="mixed"></a>'],
    ],
  ],
  [
    'one of data',
    (value) => html`<a data-x="${value}"></a>`,
    [
      [false, '<a data-x="false"></a>'],
      [true, '<a data-x="true"></a>'],
      [null, '<a data-x=""></a>'],
    ],
  ],
  [
    'a text, a part of a text',
    (value) => html`<a title="${value}" class="a ${value}"></a>`,
    [
      [false, '<a title="" class="a "></a>'],
      [null, '<a title="" class="a "></a>'],
      ['b', '<a title="b" class="a b"></a>'],
    ],
  ],
])('%s', async (_, render, cases) => {
  for (const [value, expected] of cases) expect(await shown(render, value)).toBe(expected)
})

test.each<[string, unknown]>([
  ['a template', html`<b></b>`],
  ['a list', ['x']],
  ['an object', {}],
  ['a function', () => 'x'],
])('%s in such an attribute is an error that says where', async (_, value) => {
  for (const render of [
    (value: unknown) => html`<a hidden="${value}"></a>`,
    (value: unknown) => html`<a aria-busy=${value}></a>`,
  ]) {
    await expect(shown(render, value)).rejects.toThrow(/slot 1, attribute (hidden|aria-busy) of <a>/)
  }
})

test('a client of the classic dialect gets whole attributes', async () => {
  const { loom } = testLoom()
  const messages: SocketMessage[] = []
  const module = loom.register('m', {
    props: { at: 0 },
    handle: { next: ({ at }) => ({ at: at + 1 }) },
    render: ({ at }) => {
      const value = [false, true, 'until-found', null][at]
      return html`<a hidden="${value}" aria-busy=${value} x>${at}</a>`
    },
  })
  const socket = await loom.start('x', (message) => void messages.push(message), module, '{"at":0}')
  for (let at = 0; at < 3; at++) socket.send({ type: 'event', handler: 'next', event: 'click' })
  await socket.state()
  expect(messages).toEqual([
    { type: 'trees', id: 'x', s: ['<a', '', ' x>', '</a>'], d: ['', ' aria-busy="false"', '0'] },
    { type: 'patch', id: 'x', d: { 0: ' hidden=""', 1: ' aria-busy="true"', 2: '1' } },
    { type: 'patch', id: 'x', d: { 0: ' hidden="until-found"', 1: ' aria-busy="until-found"', 2: '2' } },
    { type: 'patch', id: 'x', d: { 0: '', 1: '', 2: '3' } },
  ])
})

describe('development says what is most likely a mistake, and where', () => {
  const warnings = async (tree: Tree): Promise<string[]> => {
    const { loom, log } = testLoom({ development: true })
    await loom.mount(loom.register('m', { handle: {}, render: () => tree }))
    return log.warnings
  }

  test.each<[string, () => Tree, RegExp]>([
    [
      'the word false',
      () => html`<input disabled="${'false'}">`,
      /attribute disabled of <input>.*"false" switches.* on/,
    ],
    ['the word no', () => html`<input ?disabled=${'no'}>`, /attribute disabled of <input>.*"no" switches.* on/],
    ['false for hidden', () => html`<p hidden="${'false'}"></p>`, /attribute hidden of <p>.*"false" switches/],
    ['an empty text', () => html`<input checked="${''}">`, /attribute checked of <input>.*empty text removes/],
    [
      'a question mark',
      () => html`<p ?aria-busy=${true}></p>`,
      /attribute aria-busy of <p>.*without the question mark/,
    ],
    ['a part', () => html`<input disabled="${true} x">`, /attribute disabled of <input>.*counts as set with any text/],
    ['true in a text', () => html`<p title="${true}"></p>`, /attribute title of <p>.*the text "true"/],
  ])('%s', async (_, make, message) => {
    const found = await warnings(make())
    expect(found).toEqual([expect.stringMatching(message)])
    expect(found[0]).toMatch(/attributes_say_what_values_mean\.test\.ts:\d+/)
  })

  test('and nothing of what is meant', async () => {
    const tree = html`<input disabled="${false}" ?checked=${1} value="${'false'}" data-x="${'false'}" aria-busy="${'false'}"
      class="a ${1}" title="${false}"><p hidden="${'until-found'}" contenteditable=${true}>${true}</p>
      <textarea>${true}</textarea>`
    expect(await warnings(tree)).toEqual([])
  })
})

test('a value in a <template> or in a shadow root is an error that says why, and what to do', async () => {
  await expect(shown((value) => html`<template><p>${value}</p></template>`, 'x')).rejects.toThrow(
    /Slot 1 of a template stands inside <template>, whose content is no part of the page.*<template><p>\$\{1\}/,
  )
  await expect(
    shown((value) => html`<x-y><template shadowrootmode="open"><p title="${value}"></p></template></x-y>`, 'x'),
  ).rejects.toThrow(/stands inside a declarative shadow root.*give the value to its host/)
  expect(await shown((value) => html`<template data-x="${value}"><p>a</p></template>`, 'x')).toBe(
    '<template data-x="x"><p>a</p></template>',
  )
})
