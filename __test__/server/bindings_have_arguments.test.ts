/** `on`: what it takes, and what its text says. */

import { createLoom, html, type LoomError, on } from 'loom-live'
import { SECRET } from '../support/site'
import { atEnd } from '../support/cleanup'

/** The code of the error that this throws. */
function codeOf(work: () => unknown): string | undefined {
  try {
    work()
  } catch (error) {
    return (error as LoomError).code
  }
  return undefined
}

test('a handler with arguments is a text', () => {
  expect(on('save')).toBe('save')
  expect(on('save', undefined)).toBe('save')
  expect(on('save', null)).toBe('save(null)')
  expect(on('remove', { id: 7, at: new Date(0) })).toBe('remove({"id":7,"at":"1970-01-01T00:00:00.000Z"})')
})

test('what cannot be sent is refused where it is written', () => {
  const cycle: { self?: unknown } = {}
  cycle.self = cycle
  for (const args of [() => 0, Symbol('x'), 1n, cycle]) expect(codeOf(() => on('save', args))).toBe('LOOM_ARGUMENT')
  for (const handler of ['', 7, null, 'a(b']) expect(codeOf(() => on(handler as string))).toBe('LOOM_ARGUMENT')
  expect(on('save', 'x'.repeat(4094))).toHaveLength(4102)
  expect(() => on('save', 'é'.repeat(2048))).toThrow(/at most 4096 bytes of JSON.*received 4098/)
})

test('a handler cannot have a name that would be a call', () => {
  const loom = createLoom({ secret: SECRET })
  atEnd(() => loom.close({ timeout: 0 }))
  const module = { props: {}, handle: { 'a(1)': () => undefined }, render: () => html`x` }
  expect(codeOf(() => loom.register('tested', module))).toBe('LOOM_ARGUMENT')
})
