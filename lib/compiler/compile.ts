// The compile step: JSX becomes templates of `html`, whose statics the language itself keeps. A component or a spread
// stays a call of the runtime, because the compile step cannot see into it.

import type { ParserPlugin, ParseResult } from '@babel/parser'
import type * as t from '@babel/types'
import type { SourceMap } from 'magic-string'
import { JsxError } from './mistakes'
import { type Editor, editor, parser } from './parser'
import { ElementWriter, Found, type Imported } from './write'

export interface CompileOptions {
  /** The file's name: for messages and source maps, and its ending says whether it is TypeScript (`.tsx`, the default). */
  readonly filename?: string | undefined
  /** The package of the runtime, for the import. */
  readonly importSource?: string | undefined
}

export interface Compiled {
  readonly code: string
  readonly map: SourceMap
}

const RUNTIME = 'loom-live/jsx-runtime'
const PRAGMA = /@jsxImportSource\s+(\S+)/

/**
 * Compiles the JSX of a file. All other code stays as it is, types of TypeScript included, and every expression stays
 * in its line. `undefined` if there is nothing to do: no JSX, or a comment that gives the file another
 * `@jsxImportSource`.
 *
 * @throws JsxError if the file cannot be read, or if its JSX cannot be a page.
 */
export function compileJsx(
  code: string,
  { filename, importSource = RUNTIME }: CompileOptions = {},
): Compiled | undefined {
  if (!code.includes('<')) return undefined
  const ast = read(code, filename)
  const source = ast.comments?.map(({ value }) => PRAGMA.exec(value)?.[1]).find((name) => name !== undefined)
  if (source !== undefined && `${source}/jsx-runtime` !== importSource) return undefined
  const file = editor(code)
  const names = namesFor(code)
  let found = 0
  const visit = (node: t.Node): void => {
    if (node.type === 'JSXElement' || node.type === 'JSXFragment') {
      found++
      new ElementWriter(code, file, names, node, visit).write()
      return
    }
    for (const child of childrenOf(node)) visit(child)
  }
  try {
    visit(ast.program)
  } catch (error) {
    if (!(error instanceof Found)) throw error
    const { line = 1, column = 0 } = error.node.loc?.start ?? {}
    throw new JsxError(error.message, filename, line, column, { cause: error.cause })
  }
  if (found === 0) return undefined
  bringIn(file, code, ast, names, importSource)
  return {
    code: file.toString(),
    map: file.generateMap({ source: filename ?? '', includeContent: true, hires: 'boundary' }),
  }
}

function read(code: string, filename: string | undefined): ParseResult {
  const isTypeScript = filename === undefined || !/\.[cm]?jsx?$/.test(filename.replace(/[?#].*$/, ''))
  const plugins: ParserPlugin[] = ['jsx', 'decorators-legacy', ...(isTypeScript ? (['typescript'] as const) : [])]
  // A package that is missing is no mistake in the code.
  const { parse } = parser()
  try {
    return parse(code, {
      sourceType: 'unambiguous',
      plugins,
      allowReturnOutsideFunction: true,
      attachComment: false,
    })
  } catch (error) {
    const { message, loc } = error as { message?: string; loc?: { line: number; column: number } }
    const text = String(message).replace(/ \(\d+:\d+\)$/, '')
    throw new JsxError(text, filename, loc?.line ?? 1, loc?.column ?? 0, { cause: error })
  }
}

/** The nodes right inside of a node, in the order of the source. */
function childrenOf(node: t.Node): t.Node[] {
  const isNode = (value: unknown): value is t.Node =>
    typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string'
  return Object.entries(node).flatMap(([name, value]: [string, unknown]) =>
    name === 'loc' || name === 'extra' ? [] : (Array.isArray(value) ? value : [value]).filter(isNode),
  )
}

/** Names that the file does not have. */
function namesFor(code: string): Imported {
  let suffix = ''
  while (code.includes(`_template${suffix}`) || code.includes(`_jsx${suffix}`) || code.includes(`_keyed${suffix}`)) {
    suffix = String(Number(suffix || '1') + 1)
  }
  return { template: `_template${suffix}`, jsx: `_jsx${suffix}`, keyed: `_keyed${suffix}` }
}

/** Imports the functions of the runtime that are called, without a line of its own. */
function bringIn(file: Editor, code: string, ast: ParseResult, names: Imported, source: string): void {
  const written = file.toString()
  const used = Object.entries(names).filter(([, name]) => written.includes(String(name)))
  const isCommonJs =
    ast.program.sourceType === 'script' && /\brequire\s*\(|\bmodule\s*\.\s*exports\b|\bexports\s*\./.test(code)
  const list = used.map(([of, name]) => `${of}${isCommonJs ? ':' : ' as'} ${String(name)}`).join(', ')
  const statement = isCommonJs
    ? `const { ${list} } = require(${JSON.stringify(source)});`
    : `import { ${list} } from ${JSON.stringify(source)};`
  const { interpreter, directives } = ast.program
  const directive = directives.at(-1)
  if (directive !== undefined) file.appendLeft(directive.end as number, ` ${statement}`)
  else if (interpreter !== null && interpreter !== undefined) {
    const next = code.indexOf('\n') + 1
    if (next === 0) file.append(`\n${statement}`)
    else file.appendLeft(next, `${statement} `)
  } else file.prepend(`${statement} `)
}
