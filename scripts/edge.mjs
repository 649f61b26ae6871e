// Makes two files of lib/ from the addon: the types of its exports (`addon.d.ts`), and the numbers that Rust and
// JavaScript have to agree on (`codec.ts`). So each is written once, in Rust. `scripts/setup.mjs` calls this after each
// build.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { addon, typeDefinitions } from './native.mjs'

const lib = join(dirname(fileURLToPath(import.meta.url)), '..', 'lib')

const indented = (text) => text.replace(/^(?=.)/gm, '  ')

/** Makes each optional member also accept `undefined`. */
const members = (text) =>
  indented(text.replace(/^(\w+)\?: (.*)$/gm, '$1?: $2 | undefined').replace(/^ (?=[^\s*])/gm, ''))

/** `lib/addon.d.ts`, from the lines that napi-derive writes while it compiles. */
function declarations(lines) {
  const items = lines
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  const methodsOf = (struct) =>
    items
      .filter(({ kind, name }) => kind === 'impl' && name === struct)
      .map(({ def }) => def)
      .join('\n')
  const parts = items.flatMap(({ kind, name, js_doc: doc, def }) => {
    if (kind === 'fn') return [`${doc}export ${def}\n`]
    if (kind === 'interface') return [`${doc}export interface ${name} {\n${members(def)}\n}\n`]
    if (kind === 'struct') return [`${doc}export class ${name} {\n${members(methodsOf(name))}\n}\n`]
    if (kind === 'impl') return []
    throw new Error(`Expected a function, an object or a class of ${name} but received ${kind}`)
  })
  return `// Made by scripts/edge.mjs from src/node/. Not to be edited.\n\n${parts.sort().join('\n')}`
}

/** `lib/codec.ts`, from the table in src/codec.rs. */
function codec({ enums, ...values }) {
  const text = (value) => JSON.stringify(value).replaceAll('"', "'").replaceAll(',', ', ')
  const parts = Object.entries(enums).map(
    ([name, numbers]) =>
      `export const enum ${name} {\n${Object.entries(numbers)
        .sort(([, a], [, b]) => a - b)
        .map(([member, number]) => `  ${member} = ${number},\n`)
        .join('')}}\n`,
  )
  const rest = Object.entries(values).map(([name, value]) => `export const ${name} = ${text(value)} as const\n`)
  return `// Made by scripts/edge.mjs from the table in src/codec.rs. Not to be edited.\n\n${[...parts, ...rest].join('\n')}`
}

function write(name, text) {
  const file = join(lib, name)
  if (!existsSync(file) || readFileSync(file, 'utf8') !== text) writeFileSync(file, text)
}

export function writeEdge() {
  // The compiler writes this file only when it compiles, so a copied `target` may lack it.
  if (existsSync(typeDefinitions)) write('addon.d.ts', declarations(readFileSync(typeDefinitions, 'utf8')))
  write('codec.ts', codec(JSON.parse(createRequire(import.meta.url)(addon).codec())))
}
