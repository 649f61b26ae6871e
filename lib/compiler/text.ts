// Texts of JSX as they stand in a template.

import { parser } from './parser'

const REFERENCES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '\r': '&#13;',
}

/** A text as HTML, for any place, exactly as Rust writes values (`src/template/escape.rs`). */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"'\r]/g, (character) => REFERENCES[character] ?? character)
}

/**
 * A text between the backticks of a template literal. Each `$` is escaped, because the text after it may begin with a
 * brace.
 */
export function escapeLiteral(text: string): string {
  return text
    .replace(/[\\`$]/g, '\\$&')
    .replaceAll('\r', '\\r')
    .replaceAll('\u2028', '\\u2028')
    .replaceAll('\u2029', '\\u2029')
}

const decoded = new Map<string, string>()

/** Character references as JSX reads them. The parser knows them, so that there is no second table of their names. */
function decode(text: string): string {
  return text.replace(/&(?:#\d+|#[xX][\da-fA-F]+|[A-Za-z]\w*);/g, (one) => {
    let character = decoded.get(one)
    if (character === undefined) {
      const parsed = parser().parseExpression(`<a b="${one}"/>`, { plugins: ['jsx'] })
      const [attribute] = parsed.type === 'JSXElement' ? parsed.openingElement.attributes : []
      const value = attribute?.type === 'JSXAttribute' ? attribute.value : undefined
      character = value?.type === 'StringLiteral' ? value.value : one
      // The names come from source code, and from texts that look like such names: there are few.
      if (decoded.size < 10_000) decoded.set(one, character)
    }
    return character
  })
}

/**
 * A text between tags, as JSX reads it from `source`: lines lose the blanks at their ends, empty lines go, and the
 * others are joined by one space. References are read after that, so that `&#32;` stays.
 */
export function textOf(source: string): string {
  const lines = source.split(/\r\n|\n|\r/)
  return lines
    .map((line, index) => {
      const from = index === 0 ? line : line.replace(/^[ \t]+/, '')
      return index === lines.length - 1 ? from : from.replace(/[ \t]+$/, '')
    })
    .filter((line) => line !== '')
    .map(decode)
    .join(' ')
}
