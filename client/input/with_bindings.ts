/**
 * The file that the client loads for pages with bindings that are more than `data-l-click` and its like: other events,
 * keys and chords, events elsewhere. Their attributes are `data-l-on-TYPE.MODIFIERS`. Templates, and containers when
 * they join, show which of these attributes are in use.
 */

import { bindingOf, handle, listenTo, own, root, take, type Core } from './core'
import { detailOf } from './detail'
import type { Finer } from './forms'
import { keyNamed, keyOf } from './keys'
import type { Binding } from './live_event'
import { noteVisible } from './visible'

const PREFIX = 'data-l-on-'
const OURS = ':not([data-l-ignore] *)'
/** More names than templates have: a bound for other template languages, which may invent names. */
const MOST_NAMES = 1_000

const CHORD = ['ctrl', 'shift', 'alt', 'meta']
const FAR = ['window', 'document', 'outside']
const MODIFIERS = [...CHORD, ...FAR, 'self', 'once', 'prevent', 'stop', 'debounce', 'throttle']
/** The client listens to these two under names that bubble. */
const BUBBLING: Record<string, string | undefined> = { focus: 'focusin', blur: 'focusout' }
/** The events that the client listens to anyway; and `reset`, of which the file for fields tells handlers. */
const COMMON = ['click', 'input', 'change', 'submit', 'reset', 'keydown', 'keyup', 'focus', 'blur']

/** The parts of an attribute's name. */
interface Named {
  attribute: string
  selector: string
  words: string[]
  /** As `keyOf` gives it. */
  key: string | undefined
}

/**
 * By the type of event. `nearby`: for events at or inside of the element; bindings with the most conditions come first.
 * `distant`: for events elsewhere.
 */
const nearby = new Map<string, Named[]>()
const distant = new Map<string, Named[]>()
const names = new Set<string>()
/** Bindings with `once` that have had their event, by their elements. */
const spent = new WeakMap<Element, Set<string>>()
/** This file's functions, which the file for `visible` gets. */
let finer: Finer
/**
 * The element that the pointer was last pressed on. A user who selects a text in a dialog may release the pointer
 * outside.
 */
let pressed: EventTarget | null = null
/** The browser's events, by the objects that stand for them: see `tellFar`. */
const originals = new WeakMap<Event, Event>()

function noteName(attribute: string): void {
  if (!attribute.startsWith(PREFIX) || names.has(attribute)) return
  if (names.size >= MOST_NAMES) {
    console.error(`loom-live: more than ${MOST_NAMES} different bindings; ${attribute} is left out`)
    return
  }
  names.add(attribute)
  const [named = '', ...words] = attribute.slice(PREFIX.length).split('.')
  const type = Object.keys(BUBBLING).find((one) => BUBBLING[one] === named) ?? named
  const keys = words.filter(
    (word, at) => !MODIFIERS.includes(word) && !(/^\d+$/.test(word) && /^(deb|thr)/.test(words[at - 1] ?? '')),
  )
  const unknown = keys.slice(type.startsWith('key') ? 1 : 0)
  if (unknown.length) {
    console.error(
      `loom-live: ${attribute} has an unknown modifier, ${unknown.join()}; there are ${MODIFIERS.join(', ')}`,
    )
    return
  }
  if (type === 'visible') return noteVisible(attribute, { own, root, bindingOf, handle, finer })
  const key = keys[0] && keyNamed(keys[0])
  const binding: Named = { attribute, selector: `[${CSS.escape(attribute)}]${OURS}`, words, key }
  const where = FAR.find((word) => words.includes(word))
  if (where) listenFar(type, where, binding)
  else listenNear(type, binding)
}

function listenNear(type: string, binding: Named): void {
  const list = nearby.get(type) ?? []
  list.push(binding)
  // The sort is stable: of two bindings with as many conditions, the one that was seen first comes first.
  list.sort((one, other) => asks(other) - asks(one))
  if (nearby.has(type)) return
  nearby.set(type, list)
  if (!COMMON.includes(type)) listenTo(type, (event) => findFiner(event, type, null))
}

function asks({ words, key }: Named): number {
  return words.filter((word) => CHORD.includes(word) || word === 'self').length + (key ? 1 : 0)
}

function listenFar(type: string, where: string, binding: Named): void {
  const place = `${type}.${where}`
  const list = distant.get(place) ?? []
  list.push(binding)
  if (distant.has(place)) return
  distant.set(place, list)
  const native = where === 'window' ? type : (BUBBLING[type] ?? type)
  const target = where === 'window' ? window : document
  if (where !== 'outside') {
    own.addEventListener(target, native, (event) => tellFar(event, findFar(event, type, list)))
    return
  }
  if (native === 'click') own.addEventListener(document, 'pointerdown', ({ target }) => (pressed = target), true)
  // Which elements the event is outside of is found on the way down: a listener may take elements out of the page.
  const found = new WeakMap<Event, Binding[]>()
  const look = (event: Event) => {
    const far = findFar(event, type, list).filter(({ element }) => isOutside(event, element))
    if (far.length) found.set(event, far)
  }
  own.addEventListener(document, native, look, true)
  own.addEventListener(document, native, (event) => tellFar(event, found.get(event) ?? []))
}

/**
 * An element that nobody sees has no outside: a closed menu does not hear of each click. For a click of the pointer,
 * the place where the pointer was pressed counts; a click by a key or a script has no pointer (`detail` is 0).
 */
function isOutside(event: Event, element: Element): boolean {
  const { target } = event
  const isFrom = (at: EventTarget | null) => at instanceof Node && own.contains(element, at)
  if (event.type === 'click' && (event as MouseEvent).detail && isFrom(pressed)) return false
  return target instanceof Node && !isFrom(target) && own.getClientRects(element).length > 0
}

function findFar(event: Event, type: string, list: Named[]): Binding[] {
  return list.flatMap(({ attribute, selector, words, key }) =>
    [...root.querySelectorAll(selector)].flatMap((element) => {
      const named = { attribute, selector, words, key }
      return (isFor(event, element, named) && bindingOf(event, element, type, attribute)) || []
    }),
  )
}

/** The binding may not read the value of a field elsewhere, and may not send that field's form. */
function tellFar(event: Event, found: Binding[]): void {
  const { key, isComposing } = event as KeyboardEvent
  for (const binding of found) {
    const told = {
      type: event.type,
      target: binding.element,
      key,
      isComposing,
      preventDefault: () => event.preventDefault(),
    }
    originals.set(told as unknown as Event, event)
    if (binding.type !== 'submit') handle(told as unknown as Event, binding)
  }
}

function findFiner(event: Event, type: string, plain: Element | null | undefined): Binding | undefined {
  const list = nearby.get(type)
  const { target } = event
  if (!list || !(target instanceof Element)) return
  const selector = list.map((named) => named.selector).join()
  for (let at = own.closest(target, selector); at; at = outwards(at, selector)) {
    const element = at
    // An event that does not bubble happens at one element only.
    if ((event as Partial<Event>).bubbles === false && element !== target) return
    if (plain && plain !== element && own.contains(element, plain)) return
    const found = list.find((named) => own.matches(element, named.selector) && isFor(event, element, named))
    if (found) return bindingOf(event, element, type, found.attribute)
  }
}

function outwards(element: Element, selector: string): Element | null {
  const parent = own.parentElement(element)
  return parent && own.closest(parent, selector)
}

/** Does the event meet the binding's conditions? */
function isFor(event: Event, element: Element, { attribute, words, key }: Named): boolean {
  if (words.includes('self') && event.target !== element) return false
  // A submit still finds its spent binding, and is not sent to a handler: else the browser would send the form itself.
  if (event.type !== 'submit' && spent.get(element)?.has(attribute)) return false
  const pressed = event as KeyboardEvent
  if (key !== undefined && keyOf(pressed) !== key) return false
  // A character may need these keys: Shift for a question mark; AltGr, which some systems report as Ctrl and Alt, for
  // an at sign.
  const isCharacter = key?.length === 1
  const isFree = (name: string) =>
    isCharacter && (name === 'shift' || (name !== 'meta' && pressed.getModifierState('AltGraph')))
  return CHORD.every((name) => {
    const isHeld = pressed[`${name}Key` as 'ctrlKey']
    // A binding to a key means that key without others; a click may come with any of them.
    return words.includes(name) ? isHeld : key === undefined || !isHeld || isFree(name)
  })
}

export function start(core: Core): Finer {
  take(core)
  const lookIn = (around: Element): void => {
    for (const element of [around, ...own.querySelectorAll(around, '*')])
      for (const name of own.getAttributeNames(element)) noteName(name)
  }
  finer = {
    findFiner,
    lookIn,
    noteName,
    isSpent({ element, attribute }) {
      const uses = spent.get(element) ?? new Set()
      const isOver = uses.has(attribute)
      if (attribute.split('.').includes('once')) spent.set(element, uses.add(attribute))
      return isOver
    },
    detailOf(event, { element }) {
      const d = detailOf(originals.get(event) ?? event, element)
      return d && { d }
    },
  }
  lookIn(root)
  return finer
}
