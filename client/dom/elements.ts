/**
 * How the client reads and changes elements. In a form, a field named `remove` or `parentNode` hides the form's own
 * property of this name; an image or a form does the same to the document. Nothing hides the properties of the
 * prototypes.
 */

type Functions<Of> = {
  [Name in keyof Of]-?: Of[Name] extends (...given: infer Given) => infer Result
    ? (of: EventTarget, ...given: Given) => Result
    : (of: EventTarget) => Of[Name]
}

type Own = Functions<HTMLFormElement> &
  Pick<
    Functions<Document>,
    | 'activeElement'
    | 'adoptedStyleSheets'
    | 'body'
    | 'createDocumentFragment'
    | 'createElement'
    | 'documentElement'
    | 'head'
    | 'readyState'
    | 'visibilityState'
  >

/**
 * The methods and getters of forms, and so of all elements, and of the document, as functions: `own.matches(form, …)`.
 */
export const own = {} as Own

interface Members {
  '__lookupGetter__'(name: string): unknown
  [name: string]: unknown
}

for (const type of [HTMLFormElement, Document]) {
  const members = type.prototype as unknown as Members
  // All members that come from the browser are enumerable.
  for (const name in members)
    (own as unknown as Record<string, unknown>)[name] ??= Function.prototype.call.bind(
      (members.__lookupGetter__(name) ?? members[name]) as () => unknown,
    )
}

/** A member that HTML and SVG elements define separately. */
export function real<Name extends 'focus' | 'style'>(element: Element, name: Name): HTMLElement[Name] {
  return Reflect.get(Object.getPrototypeOf(element) as object, name, element)
}

/** The document's element, which is no form. A node is in the page if it is in here. */
export const root = own.documentElement(document)

export function removeNode(node: Node): void {
  own.removeChild(own.parentNode(node) as Node, node)
}

/** The node and those that follow it. */
export function childrenOf(first: ChildNode | null, end: ChildNode | null = null): ChildNode[] {
  const found: ChildNode[] = []
  for (let node = first; node && node !== end; node = own.nextSibling(node)) found.push(node)
  return found
}

export function all(around: Element | DocumentFragment, selector: string): Iterable<Element> {
  return around instanceof Element ? own.querySelectorAll(around, selector) : around.querySelectorAll(selector)
}

interface Mover {
  'moveBefore'?(node: Node, next: Node | null): void
}

const { moveBefore } = Element.prototype as Mover

/** If the browser has `moveBefore`, the element keeps the state that it would lose by being taken out and put back. */
export function move(parent: Node | null, node: Node, next: Node | null): void {
  if (moveBefore && parent && root.contains(parent) && root.contains(node)) moveBefore.call(parent, node, next)
  else if (parent) own.insertBefore(parent, node, next)
}
