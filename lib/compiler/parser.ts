/** The two packages that the compile step needs; they are loaded when the first file is compiled. */

import type * as Parser from '@babel/parser'
import type MagicString from 'magic-string'
import { needed } from './needed'

export type Editor = MagicString

let loaded: typeof Parser | undefined

export function parser(): typeof Parser {
  return (loaded ??= needed('@babel/parser') as typeof Parser)
}

let Edited: (new (code: string) => Editor) | undefined

/** Changes parts of a text, and keeps the positions of the other parts. */
export function editor(code: string): Editor {
  if (Edited === undefined) {
    // The package's CommonJS is the class, and its ES module has the class as its default.
    const given = needed('magic-string') as typeof MagicString & { default?: typeof MagicString }
    Edited = given.default ?? given
  }
  return new Edited(code)
}
