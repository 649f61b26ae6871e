/** An optimistic `<template>`: what the server's answer will look like, filled with what the user has just given. */

import { own, root } from '../input/core'
import { insert } from './changes'

const PLACES = ['start', 'end', 'before', 'after']

/**
 * A copy of the page's `<template>` in each target, or beside it. An element of the copy with `data-l-fill="name"` gets
 * that value as its text: as text, and never as HTML.
 */
export function insertTemplate(
  selector: unknown,
  targets: Element[],
  place: unknown,
  values: Record<string, unknown>,
): void {
  const template = own.querySelector(root, String(selector))
  if (!(template instanceof HTMLTemplateElement)) throw new TypeError(`${String(selector)} is not a <template>`)
  if (place !== undefined && place !== null && !PLACES.includes(place as string))
    throw new TypeError(`${JSON.stringify(place)} is not one of ${PLACES.join(', ')}`)
  for (const target of targets) {
    const copy = document.importNode(template.content, true)
    for (const element of copy.querySelectorAll('[data-l-fill]')) {
      const name = own.getAttribute(element, 'data-l-fill') as string
      const value = Object.hasOwn(values, name) ? values[name] : undefined
      element.textContent = typeof value === 'string' || typeof value === 'number' ? String(value) : ''
    }
    const isBeside = place === 'before' || place === 'after'
    const parent = isBeside ? own.parentNode(target) : target
    const next =
      place === 'before'
        ? target
        : place === 'after'
          ? own.nextSibling(target)
          : place === 'start'
            ? own.firstChild(target)
            : null
    if (parent) insert(parent, copy, next)
  }
}
