/** The properties of a DOM event that the page names, as in `data-l-detail="clientX, target.scrollTop"`. */

import { own } from './core'

/** The server takes no more: see src/protocol/client.rs. */
const MOST_BYTES = 4096
const MOST_NAMES = 32

/** Undefined without the attribute. Values that are missing, or that JSON cannot hold, are left out. */
export function detailOf(event: Event, element: Element): Record<string, unknown> | undefined {
  const names = own.getAttribute(element, 'data-l-detail')
  if (names === null) return undefined
  const pairs = names
    .split(',', MOST_NAMES)
    .map((name) => [name.trim(), plain(valueAt(event, name.trim()))] as const)
    .filter(([name, value]) => name && value !== undefined)
  const detail = Object.fromEntries(pairs)
  if (new TextEncoder().encode(JSON.stringify(detail)).length <= MOST_BYTES) return detail
  console.error(`loom-live: data-l-detail="${names}" is more than ${MOST_BYTES} bytes and is not sent`)
  return undefined
}

/** The value at a path of names. */
function valueAt(from: unknown, path: string): unknown {
  for (const name of path.split('.')) from = (from as Record<string, unknown> | null | undefined)?.[name]
  return from
}

/** A copy of the value, as JSON has it. Elements and other objects of the browser would be empty in JSON. */
function plain(value: unknown): unknown {
  const isObject = typeof value === 'object' && value !== null
  if (isObject && !Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype) return undefined
  try {
    const json = JSON.stringify(value) as string | undefined
    return json === undefined ? undefined : (JSON.parse(json) as unknown)
  } catch {
    return undefined
  }
}
