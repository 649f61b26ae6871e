// What Rust and JavaScript agree on stands once, in Rust. What is made of it, and what people read of it, is compared here.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { BUILT_ADDON } from '../support/addon'

interface Codec {
  enums: Record<string, Record<string, number>>
  EVENT_TYPES: string[]
  SUBMIT: string
}

const root = join(__dirname, '..', '..')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const codec = JSON.parse(jest.requireActual<{ codec(): string }>(BUILT_ADDON).codec()) as Codec

test('lib/codec.ts has the numbers and names of the addon, and nothing else', () => {
  const text = read('lib/codec.ts')
  const enums = [...text.matchAll(/^export const enum (\w+) \{\n([^}]*)\}$/gm)].map(
    ([, name = '', members = '']): [string, Record<string, number>] => [
      name,
      Object.fromEntries(
        [...members.matchAll(/^ {2}(\w+) = (\d+),$/gm)].map(([, member = '', number]): [string, number] => [
          member,
          Number(number),
        ]),
      ),
    ],
  )
  const values = [...text.matchAll(/^export const (?!enum)(\w+) = (.*) as const$/gm)].map(
    ([, name = '', value = '']): [string, unknown] => [name, JSON.parse(value.replaceAll("'", '"')) as unknown],
  )
  expect({ enums: Object.fromEntries(enums) as unknown, ...(Object.fromEntries(values) as object) }).toEqual(codec)
  expect(text.match(/^export /gm)).toHaveLength(enums.length + values.length)
})

test('no file has a number or a list of its own beside it', () => {
  const names = new Set(Object.values(codec.enums).flatMap((members) => Object.keys(members)))
  for (const file of [
    'render/encode',
    'render/delta',
    'render/steps',
    'call/results',
    'call/jobs',
    'call/dispatcher',
    'call/join',
  ]) {
    const own = [...read(`lib/${file}.ts`).matchAll(/^(?:export )?const (\w+) = \d+$/gm)].map(([, name = '']) => name)
    expect(own.filter((name) => names.has(name))).toEqual([])
  }
  expect(read('lib/call/dispatcher.ts')).not.toContain("'keydown'")
})

test('the browser client listens for every type of event', () => {
  const client = read('client/input/events.ts')
  const [, list = ''] = /^const TYPES = \[(.*)\]/m.exec(client) ?? []
  const bound = list.split(', ').map((type) => type.slice(1, -1))
  // One is listened for together with what is no event of a component's.
  const [, others = ''] = /for \(const type of \[(.*)\]\) own\.addEventListener/.exec(client) ?? []
  const own = codec.EVENT_TYPES.filter((type) => !bound.includes(type) && others.includes(`'${type}'`))
  expect([...bound, ...own].sort()).toEqual([...codec.EVENT_TYPES].sort())
})

test('docs/basics.md names every type of event, in this order', () => {
  const [, list = ''] = /## In the page\n\n(`data-l-\w+`.*?) name handlers/.exec(read('docs/basics.md')) ?? []
  expect([...list.matchAll(/`(?:data-l)?-(\w+)`/g)].map(([, name]) => name)).toEqual(codec.EVENT_TYPES)
})

test('what native.ts calls is what the addon exports', () => {
  const declared = [...read('lib/addon.d.ts').matchAll(/^export (?:function|class) (\w+)/gm)].map(([, name]) => name)
  expect(Object.keys(jest.requireActual<object>(BUILT_ADDON)).sort()).toEqual(declared.sort())
})
