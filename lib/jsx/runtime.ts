// The runtime of JSX: compilers turn JSX into calls of `jsx`. Each call gives a tree, as `html` does.

import { isThenable, typeOf } from '../check'
import { LoomError, textOf } from '../errors'
import { atPlace, callerOf, isRemembering, nearPath, rememberTemplate } from '../places'
import { RawHtml } from '../render/html'
import { Tree } from '../render/tree'
import { checkElement, mistake } from './attributes'
import { elementOf, fragmentOf, isOfJsx, noteOfJsx } from './shapes'

type Props = Record<string, unknown>
type Component = (props: Props) => unknown

/** The place of an element in its source, as compilers write it in development builds. */
export interface Source {
  readonly fileName?: string
  readonly lineNumber?: number
  readonly columnNumber?: number
}

/** `<>…</>`: its children and nothing around them. */
export function Fragment(props: { readonly children?: unknown }): Tree {
  return fragment(props.children, false, undefined)
}

/** An element or a component with one child, or without any. */
export function jsx(type: unknown, props: Props, key?: unknown): Tree {
  if (isRemembering()) return checked(type, props, key, false, undefined, jsx)
  // The most frequent case.
  if (typeof type === 'string') return elementOf(type, props, false, keyOf(key), undefined)
  return make(type, props, key, false, undefined)
}

/** One whose children the source writes out: `props.children` is the array of them. */
export function jsxs(type: unknown, props: Props, key?: unknown): Tree {
  if (isRemembering()) return checked(type, props, key, true, undefined, jsxs)
  if (typeof type === 'string') return elementOf(type, props, true, keyOf(key), undefined)
  return make(type, props, key, true, undefined)
}

/** Both, in development builds. */
export function jsxDEV(type: unknown, props: Props, key?: unknown, isStatic = false, source?: Source): Tree {
  return checked(type, props, key, isStatic, source, jsxDEV)
}

/** Compilers call this if a key stands behind a spread, `<li {...props} key={id}>`. Other programs may call it, too. */
export function createElement(type: unknown, given: Props | null | undefined, ...children: readonly unknown[]): Tree {
  // Development builds pass the element's place here.
  const { key, __source: source, ...props } = given ?? {}
  delete props['__self']
  const isStatic = children.length > 1
  if (children.length > 0) props['children'] = isStatic ? children : children[0]
  return isRemembering()
    ? checked(type, props, key, isStatic, source as Source | undefined, createElement)
    : make(type, props, key, isStatic, undefined)
}

/** The tag of the templates that the compile step makes: `html`, whose trees are known to be of JSX in development. */
export function template(statics: TemplateStringsArray, ...dynamics: readonly unknown[]): Tree {
  if (isRemembering()) {
    rememberTemplate(statics, template)
    noteOfJsx(statics)
  }
  return new Tree(statics, dynamics)
}

/** Gives a tree that nobody else has a key. The compile step calls it. */
export function keyed(tree: Tree, key: unknown): Tree {
  ;(tree as { key: unknown }).key = keyOf(key)
  return tree
}

function keyOf(key: unknown): unknown {
  return key === null ? undefined : key
}

function make(type: unknown, props: Props, key: unknown, isStatic: boolean, site: string | undefined): Tree {
  if (typeof type === 'string') {
    return elementOf(type, props, isStatic, keyOf(key), site)
  }
  if (type === Fragment) return fragment(props['children'], isStatic, keyOf(key))
  if (typeof type !== 'function') throw noElement(type)
  // As `<>…</>` would be: a component gets its children as one value, and may put this value anywhere.
  if (isStatic) props['children'] = fragment(props['children'], true, undefined)
  return treeOf(type as Component, call(type as Component, props), keyOf(key))
}

/** As `make`, with checks: a mistake is reported as early as possible, and with its place. */
function checked(
  type: unknown,
  props: Props,
  key: unknown,
  isStatic: boolean,
  source: Source | undefined,
  ours: (...parameters: never[]) => unknown,
): Tree {
  const { fileName, lineNumber, columnNumber } = source ?? {}
  const place = fileName === undefined || lineNumber === undefined ? undefined : `${nearPath(fileName)}:${lineNumber}`
  let isInComponent = false
  try {
    if (typeof type === 'function' && type !== Fragment) {
      isInComponent = true
      if (isStatic) props['children'] = fragment(props['children'], true, undefined)
      const given = call(type as Component, props)
      isInComponent = false
      checkChild(given, `The component ${nameOf(type as Component)}`, 'returned')
      return treeOf(type as Component, given, keyOf(key))
    }
    if (typeof type === 'string') checkElement(type)
    const { children } = props
    const parent = typeof type === 'string' ? `<${type}>` : 'A fragment'
    for (const child of isStatic && Array.isArray(children) ? children : [children])
      checkChild(child, parent, 'was given')
    if (typeof type === 'string') checkStyle(type, props['style'])
    return make(type, props, key, isStatic, place === undefined ? undefined : `${place}:${columnNumber ?? 0}`)
  } catch (error) {
    // An error that a component has thrown names its place already.
    if (isInComponent || !(error instanceof LoomError) || error.code !== 'LOOM_TEMPLATE') throw error
    throw new LoomError('LOOM_TEMPLATE', textOf(error) + atPlace(place ?? callerOf(ours)), { cause: error })
  }
}

function fragment(children: unknown, isStatic: boolean, key: unknown): Tree {
  if (isStatic && Array.isArray(children)) return new Tree(fragmentOf(children.length), children, key)
  if (children instanceof Tree && key === undefined) return children
  return new Tree(fragmentOf(1), [children], key)
}

function call(type: Component, props: Props): unknown {
  if (isClass(type)) throw classComponent(type)
  try {
    return type(props)
  } catch (error) {
    // Engines refuse to call a class; that they do is known only from their message.
    if (/^class\b/.test(Function.prototype.toString.call(type))) throw classComponent(type)
    throw error
  }
}

function treeOf(type: Component, given: unknown, key: unknown): Tree {
  if (given instanceof Tree) return key === undefined ? given : given.withKey(key)
  if (given === undefined) {
    throw mistake(
      `The component ${nameOf(type)} returned nothing. Return what it shows: (props) => <p>…</p>, or a block with a return; ` +
        'null shows nothing',
    )
  }
  if (isThenable(given)) throw promised(`The component ${nameOf(type)} returned`)
  return new Tree(fragmentOf(1), [given], key)
}

/** A class of React that was compiled to a function. */
function isClass(type: Component): boolean {
  const { prototype } = type as { prototype?: { isReactComponent?: unknown } | undefined }
  return prototype?.isReactComponent !== undefined
}

function nameOf(type: Component): string {
  return type.name === '' ? 'without a name' : `<${type.name}>`
}

function classComponent(type: Component): LoomError {
  return mistake(
    `The component ${nameOf(type)} is a class. A component is a function that takes props and returns what it shows. For ` +
      'a state and handlers, make a module: loom.register(name, { props, handle, render })',
  )
}

function promised(what: string): LoomError {
  return mistake(
    `${what} a promise. Rendering does not wait: load the data in mount, connected or a handler, and keep it in the props`,
  )
}

function noElement(type: unknown): LoomError {
  const hint =
    type === undefined
      ? ': the component is not imported, or its file does not export it. A default export is imported without braces'
      : isThenable(type)
        ? ': await the promise of the import'
        : ': a component is a function that takes props and returns what it shows'
  return mistake(`Expected the name of an element or a component in JSX but received ${typeOf(type)}${hint}`)
}

/** Finds values that no slot can show. Objects of other kinds may be known to the encoder. */
function checkChild(value: unknown, parent: string, verb: string): void {
  if (typeof value === 'function') {
    throw mistake(
      `${parent} ${verb} a function to show: call it, or write it as an element, <${value.name || 'Name'} />`,
    )
  }
  if (typeof value === 'symbol') throw mistake(`${parent} ${verb} a symbol to show`)
  if (typeof value !== 'object' || value === null || value instanceof Tree || value instanceof RawHtml) return
  if (Array.isArray(value)) {
    for (const item of value) checkChild(item, parent, verb)
    return
  }
  if (isThenable(value)) throw promised(`${parent} ${verb}`)
  if ('$$typeof' in value) {
    throw mistake(
      `${parent} ${verb} an element of React. Its file is compiled for React: set "jsxImportSource": "loom-live", or begin ` +
        'the file with /** @jsxImportSource loom-live */',
    )
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  const isPlain = prototype === null || Object.getPrototypeOf(prototype) === null
  if (!isPlain && !(value instanceof Date)) return
  const names = Object.keys(value).slice(0, 5).join(', ')
  throw mistake(
    `${parent} ${verb} ${value instanceof Date ? 'a Date' : `an object${names === '' ? '' : ` with ${names}`}`} to show, ` +
      'and it is not a text. Show a member of it, {user.name}, or make a text of it, {date.toISOString()}. For a list, make an ' +
      'array: {Object.values(rows).map(…)}',
  )
}

/** Finds declarations that Rust leaves out, because a value must never begin another declaration. */
function checkStyle(element: string, style: unknown): void {
  if (typeof style !== 'string' || !/;\s*[^\s;]/.test(style)) return
  throw mistake(
    `<${element} style=…> was given several declarations as one text. The text may come from data, so the declarations would ` +
      "be left out: write them as an object, style={{ color: 'red', margin: 0 }}",
  )
}

/** Whether an item of a list is JSX that was given no key. */
export function lacksKey(item: unknown): boolean {
  return item instanceof Tree && item.key === undefined && isOfJsx(item.statics)
}

/** The exports of `loom-live/jsx-runtime` and `loom-live/jsx-dev-runtime`. */
export const jsxRuntime = { Fragment, jsx, jsxs, jsxDEV, template, keyed }
