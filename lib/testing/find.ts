/** Finds elements for tests; if none fits, the error says which elements are there. */

import type { Match } from '../../testing'
import { LoomError } from './library'
import { htmlOf, tagOf, textOf } from './markup'

/** The most lines of a page's HTML that a message shows. */
const MOST_LINES = 60
/** The most elements that nearly fit, and that a message shows. */
const MOST_NEAR = 5

function describe(selector: string, { text }: Match): string {
  const named = JSON.stringify(selector)
  if (text === undefined) return named
  return `${named} with the text ${typeof text === 'string' ? JSON.stringify(text) : String(text)}`
}

function fits(element: Element, { text }: Match): boolean {
  if (text === undefined) return true
  return typeof text === 'string' ? textOf(element) === text : text.test(textOf(element))
}

export function all(container: Element, selector: string, match: Match): Element[] {
  let found: Iterable<Element>
  try {
    found = container.querySelectorAll(selector)
  } catch (error) {
    throw failure(`${JSON.stringify(selector)} is no CSS selector`, container, error)
  }
  return [...found].filter((element) => fits(element, match))
}

/** The only element that fits. */
export function one(container: Element, selector: string, match: Match, what: string): Element {
  const found = all(container, selector, match)
  const [element, second] = found
  if (element !== undefined && second === undefined) return element
  if (element === undefined) throw missing(container, selector, match, what)
  const list = found.map((each) => `  ${shortOf(each)}`).slice(0, MOST_NEAR)
  throw failure(
    `${what}: ${found.length} elements fit ${describe(selector, match)}, and it is not clear which one is meant.\n` +
      `${list.join('\n')}${found.length > MOST_NEAR ? '\n  …' : ''}`,
    container,
  )
}

export function missing(container: Element, selector: string, match: Match, what: string): Error {
  const near = nearTo(container, selector, match)
  const list = near.length === 0 ? '' : `\nWhat nearly fits:\n${near.map((each) => `  ${shortOf(each)}`).join('\n')}`
  return failure(`${what}: no element fits ${describe(selector, match)}.${list}`, container)
}

/** An error with the page's HTML. */
export function failure(text: string, container: Element, cause?: unknown): Error {
  // The component's own container is left out: the test knows it.
  const [only, second] = container.children
  const shownIn = only !== undefined && second === undefined && only.matches('[data-l-live]') ? only : container
  const lines = htmlOf(shownIn).split('\n')
  const shown = lines.slice(0, MOST_LINES).map((line) => `  ${line}`)
  if (lines.length > MOST_LINES) shown.push(`  … and ${lines.length - MOST_LINES} more lines`)
  return new LoomError('LOOM_ARGUMENT', `${text}\nThe page shows:\n${shown.join('\n')}`, { cause })
}

function shortOf(element: Element): string {
  const text = textOf(element)
  const short = text.length > 60 ? `${text.slice(0, 60)}…` : text
  return tagOf(element) + short
}

/** Elements that fit the selector and have another text; or else those that fit a part of it; the most alike first. */
function nearTo(container: Element, selector: string, match: Match): Element[] {
  const wanted = typeof match.text === 'string' ? match.text : (match.text?.source ?? '')
  let candidates = all(container, selector, {})
  if (candidates.length === 0) {
    // The tag in the last part of the selector, or else elements that have the text.
    const [, tag = ''] = /(?:^|[\s>+~])([a-z][\w-]*)?[^\s>+~]*$/i.exec(selector.trim()) ?? []
    candidates = tag === '' ? [] : [...container.getElementsByTagName(tag)]
    if (wanted !== '')
      candidates.push(
        ...[...container.querySelectorAll('*')].filter(
          (each) => each.children.length === 0 && textOf(each) === wanted && !candidates.includes(each),
        ),
      )
    const words = selector.match(/[\w-]{2,}/g) ?? []
    if (candidates.length === 0)
      candidates = [...container.querySelectorAll('*')].filter((each) =>
        words.some((word) => [...each.attributes].some(({ value }) => value.includes(word))),
      )
  }
  const scored = candidates.map((element) => ({
    element,
    far: distance(textOf(element).slice(0, 80), wanted.slice(0, 80)),
  }))
  return scored
    .sort((a, b) => a.far - b.far)
    .slice(0, MOST_NEAR)
    .map(({ element }) => element)
}

/** How many letters differ. */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, at) => at)
  for (let i = 1; i <= from.length; i++) {
    const next = [i]
    for (let j = 1; j <= to.length; j++) {
      const same = from[i - 1] === to[j - 1] ? 0 : 1
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + same))
    }
    row = next
  }
  return row[to.length] ?? 0
}
