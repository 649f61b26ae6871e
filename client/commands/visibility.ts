/** Elements come and go, with classes for the time of a transition. */

import { atRest } from '../input/core'
import { changeAttribute, changeClass, changeDisplay, forGood, isGuessed } from './changes'

const DEFAULT_MS = 200
/** Nobody waits for a longer transition. */
const MOST_MS = 10_000

/** In quotes, since these names stand as JSON in the page's attributes. */
export interface Classes {
  'active'?: unknown
  'start'?: unknown
  'end'?: unknown
}

export interface Options {
  'transition'?: unknown
  'time'?: unknown
  'display'?: unknown
}

/** Functions that end the transition of an element at once. */
const running = new WeakMap<Element, () => void>()
/** While a transition goes on: whether the element is to be shown at its end. */
const aims = new WeakMap<Element, boolean>()

export function words(text: unknown): string[] {
  if (text === undefined || text === null) return []
  if (typeof text !== 'string') throw new TypeError(`classes are a text, not ${JSON.stringify(text)}`)
  return text.match(/\S+/g) ?? []
}

export function isShown(element: Element): boolean {
  return aims.get(element) ?? getComputedStyle(element).display !== 'none'
}

export function setShown(element: Element, isToBeShown: boolean, options: Options): void {
  if (isShown(element) === isToBeShown) return
  const { transition, display } = options
  // An earlier transition ends now, and no guess takes this back: later, its end could hide an element that is shown.
  const finish = running.get(element)
  if (finish) forGood(finish)
  if (isToBeShown) reveal(element, typeof display === 'string' ? display : 'block')
  const end = () => {
    if (!isToBeShown) conceal(element)
  }
  // A guess has no transition.
  if (transition === undefined || isGuessed()) return end()
  aims.set(element, isToBeShown)
  animate(element, transition, options, () => {
    aims.delete(element)
    end()
  })
}

/** The attribute is enough, unless the page's CSS says how the element is displayed. */
function conceal(element: Element): void {
  changeAttribute(element, 'hidden', '')
  if (getComputedStyle(element).display !== 'none') changeDisplay(element, 'none')
}

function reveal(element: Element, display: string): void {
  changeAttribute(element, 'hidden', null)
  if (getComputedStyle(element).display === 'none') changeDisplay(element, '')
  if (getComputedStyle(element).display === 'none') changeDisplay(element, display)
}

/** Sets the classes for a while. `then` is called once, at the end or when another transition takes over. */
export function animate(element: Element, classes: unknown, { time }: Options, then = () => {}): void {
  const { active, start, end } = (typeof classes === 'string' ? { active: classes } : classes) as Classes
  const [during, first, last] = [words(active), words(start), words(end)]
  running.get(element)?.()
  if (matchMedia('(prefers-reduced-motion: reduce)').matches) return then()
  const set = (list: string[], isThere: boolean) => list.forEach((word) => changeClass(element, word, isThere))
  let isOver = false
  set([...during, ...first], true)
  // The browser has to show the start first; else it makes no transition.
  requestAnimationFrame(() =>
    requestAnimationFrame(() => {
      if (isOver) return
      atRest(() => {
        set(first, false)
        set(last, true)
      })
    }),
  )
  const finish = () => {
    isOver = true
    clearTimeout(timer)
    running.delete(element)
    set([...during, ...first, ...last], false)
    then()
  }
  const ms = typeof time === 'number' && time >= 0 ? Math.min(time, MOST_MS) : DEFAULT_MS
  const timer = setTimeout(() => atRest(finish), ms)
  running.set(element, finish)
}
