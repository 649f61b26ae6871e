/**
 * From the browser's events to a component's: one listener per type at the document, the nearest element with the
 * binding, and that element's nearest container.
 */

import { CONTAINER, debounceOf, isOn } from './attributes'
import { changed, compositionEnded, compositionStarted } from './fields'
import { isQuiet } from './focus'
import { components } from './page'
import { specialVars } from './special_vars'

const TYPES = ['click', 'input', 'change', 'submit', 'keydown', 'keyup', 'focus', 'blur']

/** By the name that bubbles. */
const NATIVE: Record<string, string | undefined> = { focus: 'focusin', blur: 'focusout' }

interface Binding {
  element: HTMLElement
  container: Element
  type: string
}

/** Found on the way down: on the way up a page's own listener may have taken the element out of its container. */
const bindings = new WeakMap<Event, Binding>()

/** Not everything that events happen at is an element. */
function near({ target }: Event, selector: string): HTMLElement | null | undefined {
  return (target as Partial<Element> | null)?.closest?.<HTMLElement>(selector)
}

export function listen(): void {
  for (const type of TYPES) {
    const native = NATIVE[type] ?? type
    document.addEventListener(native, (event) => down(event, native, type), true)
    document.addEventListener(native, (event) => {
      const binding = bindings.get(event)
      if (binding && !isOn(binding.element, 'stop')) handle(event, binding)
    })
  }
  document.addEventListener('compositionstart', compositionStarted, true)
  document.addEventListener('compositionend', compositionEnded, true)
  addEventListener('pagehide', () => components.forEach((component) => component.flush()))

  function down(event: Event, native: string, type: string): void {
    if (type === 'input') changed(event.target)
    if (type === 'change' || type === 'blur') components.get(near(event, CONTAINER) as Element)?.flush()
    const element = near(event, `[data-l-${type}]`)
    const container = element?.closest(CONTAINER)
    if (!element || !container) return
    const binding = { element, container, type }
    bindings.set(event, binding)
    if (!isOn(element, 'stop')) return
    // Stopped where it is bound, not at the document, so that no listener between the two sees it.
    const stop = (now: Event) => {
      if (now !== event) return
      now.stopPropagation()
      handle(now, binding)
    }
    element.addEventListener(native, stop, { once: true })
  }

  function handle(event: Event, { element, container, type }: Binding): void {
    if (isQuiet() || element.matches(':disabled')) return
    // Keys that choose among an input method's proposals are not the page's.
    if ((event as KeyboardEvent).key && (event as KeyboardEvent).isComposing) return
    if (type === 'submit' || isOn(element, 'prevent')) event.preventDefault()
    const component = components.get(container)
    const handler = element.getAttribute(`data-l-${type}`)
    if (!component || !handler) return
    const live = { handler, type, vars: specialVars(event, element) }
    const shows = type === 'click' || type === 'submit'
    const trigger = shows ? { element, submitter: (event as SubmitEvent).submitter } : undefined
    component.issue(live, element, debounceOf(element, type), trigger)
  }
}
