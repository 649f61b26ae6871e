/** `on`: what it takes, and what its text says. */

import { createLoom, html, type LoomError, on, validated } from 'loom-live'
import { z } from 'zod'
import { atEnd } from '../support/cleanup'
import { startPage } from '../support/pages'
import { SECRET } from '../support/site'
import { until } from '../support/until'

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
  expect(String(on('save'))).toBe('save')
  expect(String(on('save', undefined))).toBe('save')
  expect(String(on('save', null))).toBe('save(null)')
  expect(String(on('remove', { id: 7, at: new Date(0) }))).toBe('remove({"id":7,"at":"1970-01-01T00:00:00.000Z"})')
})

test('what cannot be sent is refused where it is written', () => {
  const cycle: { self?: unknown } = {}
  cycle.self = cycle
  for (const args of [() => 0, Symbol('x'), 1n, cycle]) expect(codeOf(() => on('save', args))).toBe('LOOM_ARGUMENT')
  for (const handler of ['', 7, null, 'a(b']) expect(codeOf(() => on(handler as string))).toBe('LOOM_ARGUMENT')
  expect(String(on('save', 'x'.repeat(4094)))).toHaveLength(4102)
  expect(() => on('save', 'é'.repeat(2048))).toThrow(/at most 4096 bytes of JSON.*received 4098/)
})

test('a handler cannot have a name that would be a call', () => {
  const loom = createLoom({ secret: SECRET })
  atEnd(() => loom.close({ timeout: 0 }))
  const module = { props: {}, handle: { 'a(1)': () => undefined }, render: () => html`x` }
  expect(codeOf(() => loom.register('tested', module))).toBe('LOOM_ARGUMENT')
})

/** A page whose handlers write down what they are told. */
async function forging() {
  const got: unknown[] = []
  const { page } = await startPage((loom) =>
    loom.register('forged', {
      props: { errors: {}, id: 0 },
      handle: {
        take: (_, { args, detail, left }) => {
          got.push({ args, detail, left })
        },
        remove: validated(z.object({ id: z.int() }), (props, { id }) => ({ ...props, id })),
      },
      render: ({ id, errors }) => html`${id} ${JSON.stringify(errors)}`,
    }),
  )
  const send = async (handler: string, more: Record<string, unknown> = {}, type = 'click'): Promise<unknown> => {
    const before = got.length
    const sent = page.event(handler, undefined, type, more)
    await until('the answer', () => sent.answered)
    return got[before]
  }
  return { page, send, got }
}

test('arguments that the page never wrote are any JSON, without a prototype of theirs, and a schema judges them', async () => {
  const { page, send, got } = await forging()
  for (const args of ['7', 'null', '[[]]', '{"id":"x"}', '"</script>"'])
    expect(await send(`take(${args})`)).toEqual({ args: JSON.parse(args) as unknown })
  const forged = (await send('take({"__proto__":{"isAdmin":true},"constructor":1})')) as { args: object }
  expect(Object.keys(forged.args)).toEqual(['__proto__', 'constructor'])
  expect(Object.getPrototypeOf(forged.args)).toBe(Object.prototype)
  expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined()
  // Too much of it, or no JSON, reaches no handler.
  const before = got.length
  for (const args of [`"${'x'.repeat(4_095)}"`, '{', '1)(2', '']) await send(`take(${args})`)
  expect(got).toHaveLength(before)
  await send('remove({"id":"7"})')
  expect(page.text).toMatch(/^0 .*id/)
  await send('remove({"id":7,"isAdmin":true})')
  expect(page.text).toBe('7 {}')
})

test('a detail that the page never had is an object of JSON, and nothing else', async () => {
  const { send, got } = await forging()
  const detail = JSON.parse('{"__proto__":{"isAdmin":true},"target.value":[1]}') as object
  const told = (await send('take', { d: detail })) as { detail: object }
  expect(Object.keys(told.detail)).toEqual(['__proto__', 'target.value'])
  expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined()
  const before = got.length
  await send('take', { d: { long: 'x'.repeat(4_096) } })
  expect(got).toHaveLength(before)
})

test('the names of fields that a page says were left show errors, and change nothing else', async () => {
  const { page, send } = await forging()
  const left = ['__proto__', 'constructor', 'id', 'id.toString', '', 'x'.repeat(100_000)]
  expect(await send('take', { f: 'id=x', l: left }, 'input')).toEqual({ left })
  await send('remove', { f: 'id=x', l: [] }, 'input')
  expect(page.text).toBe('0 {}')
  await send('remove', { f: 'id=x', l: left }, 'input')
  expect(page.text).toMatch(/^0 \{"id":\[/)
})
