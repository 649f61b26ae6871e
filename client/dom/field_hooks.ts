/**
 * A field is more than an element: the user changes its state. Trees know nothing of that state. If an element is a
 * field, trees call these hooks. `client/input` sets the hooks when its file for fields is there; before that, and in a
 * page without fields, there are no hooks.
 */

import type { Outline, Part } from './template'
import type { Tree } from './tree'

/** What a component's patches do to its fields. */
export interface Fields {
  /** Before a patch. `seen`: the number of the last of the page's events that the server had seen. */
  begin(seen: number): void
  /** Sets an attribute; without a name, the text of a textarea or a title. Null takes the attribute away. */
  set(element: Element, name: string, text: string | null): void
  /** Something in the element is about to come, go or change. */
  touch(node: Node): void
  /** Does the element keep the user's version, instead of the tree's? */
  keeps(element: Element, tree: Tree, item: Outline): boolean
  /** Does a field wait for the server to have seen more of the page's events? */
  waits(): boolean
  /** Has a text that the user edits to be compared with the tree again? Each answer is given once. */
  isBehind(): boolean
  /** At the end of a patch. */
  finish(): void
}

/** The hooks that are called for fields while trees are built and patched. */
export interface FieldHooks {
  createFields(): Fields
  /** Is the element's state more than its attributes, or may users edit its content? */
  isField(element: Element, parts: Part[]): boolean
  /** The element has been made, and has all its attributes: the value of a field depends on its other attributes. */
  settle(element: Element, tree: Tree, item: Outline): void
  /** The element, which users may edit, shows what the item says. */
  noteEditable(element: EventTarget, tree: Tree, item: Outline): void
  /** The element gets this `autofocus` at the end of the patch, and wants the focus then. */
  wish(element: Element, text: string): void
  /** After a patch. */
  focusWished(): void
}

/** Called with each attribute's name in a template; set once, when the file for bindings is there. */
export let noteName: ((name: string) => void) | undefined

export function setNoteName(hook: typeof noteName): void {
  noteName = hook
}

/**
 * Called with each node that a patch is about to change, or to change inside; set once, when the file for hooks is
 * there.
 */
export let touch: (node: Node) => unknown = () => 0

export function setTouch(hook: typeof touch): void {
  touch = hook
}

/** Set once, when the file for fields is there. */
export let fieldHooks: FieldHooks | undefined

export function setFieldHooks(hooks: FieldHooks): void {
  fieldHooks = hooks
}
