/**
 * A field is more than an element: the user changes its state. Trees know nothing of that state. They call these hooks if
 * an element is a field, and `client/input` sets the hooks when its file for fields is there. Before that, and in a page
 * without fields, there are no hooks.
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
  /** Does the element show what the user has made of it, instead of what the tree says? */
  keeps(element: Element, tree: Tree, item: Outline): boolean
  /** Is anything to be done when the server has seen more? */
  waits(): boolean
  /** Asked once: is something that the user has edited to be compared with the tree again? */
  isBehind(): boolean
  /** At the end of a patch. */
  finish(): void
}

/** What is done for fields while trees are built and patched. */
export interface FieldHooks {
  createFields(): Fields
  /** Is its state more than its attributes, or may users edit what is in there? */
  isField(element: Element, parts: Part[]): boolean
  /** It has been made, and has all its attributes: what a field makes of its value depends on the others. */
  settle(element: Element, tree: Tree, item: Outline): void
  /** The element, which users may edit, shows what the item says. */
  noteEditable(element: EventTarget, tree: Tree, item: Outline): void
  /** The element has this `autofocus` from the end of the patch on, and wants the focus then. */
  wish(element: Element, text: string): void
  /** After a patch. */
  focusWished(): void
}

/** Hears of each attribute's name in a template; set once, when the file for bindings is there. */
export let noteName: ((name: string) => void) | undefined

export function setNoteName(hook: typeof noteName): void {
  noteName = hook
}

/** Hears of each node at which, or in which, a patch is about to change something; set once, when the file for hooks is there. */
export let touch: (node: Node) => unknown = () => 0

export function setTouch(hook: typeof touch): void {
  touch = hook
}

/** Set once, when the file for fields is there. */
export let fieldHooks: FieldHooks | undefined

export function setFieldHooks(hooks: FieldHooks): void {
  fieldHooks = hooks
}
