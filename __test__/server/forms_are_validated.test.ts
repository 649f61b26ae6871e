/** `validated`: what a schema gets of a form, and what becomes of what it says. */

import { type } from 'arktype'
import { type Handler, html, type LiveContext, type LiveEvent, validated } from 'loom-live'
import * as v from 'valibot'
import { z } from 'zod'
import { startPage } from '../support/pages'
import { Site, testLoom } from '../support/site'
import { until } from '../support/until'

type Form = Record<string, string | string[]>

/** A form as an event has it. */
const formOf = (fields: Form): Form => Object.assign(Object.create(null) as Form, fields)

interface Props {
  errors: Record<string, string[]>
  got?: string
}

/** Handles an event as a component does, without one. */
async function handled(
  handler: Handler<Props>,
  event: Partial<LiveEvent>,
  props: Props = { errors: {} },
): Promise<{ props: Props; keepsForm: boolean }> {
  let keepsForm = false
  const ctx = { keepForm: () => (keepsForm = true), signal: new AbortController().signal } as unknown as LiveContext
  const given = { id: 'e', handler: 'save', type: 'submit', ...event } as LiveEvent
  const next = await handler(props, given, ctx)
  return { props: next as Props, keepsForm }
}

/** A schema that lets everything through. */
const anything = z.unknown()
const keeps = validated(anything, (props: Props, input) => ({ ...props, got: input as string }))

const inputOf = async (form: Form): Promise<unknown> => (await handled(keeps, { form: formOf(form) })).props.got

test('names are paths', async () => {
  expect(
    await inputOf({
      name: 'Ann',
      'address.city': 'Bern',
      'address.street.number': '7',
      'tags[]': 'one',
      'more[]': ['a', 'b'],
      twice: ['1', '2'],
      'rows[0].name': 'x',
      'rows[1].name': 'y',
      'deep[0].list[]': 'z',
    }),
  ).toEqual({
    name: 'Ann',
    address: { city: 'Bern', street: { number: '7' } },
    tags: ['one'],
    more: ['a', 'b'],
    twice: ['1', '2'],
    rows: [{ name: 'x' }, { name: 'y' }],
    deep: [{ list: ['z'] }],
  })
})

test('items are in the order of their indexes, and make no list longer than there are fields', async () => {
  expect(await inputOf({ 'a[999999999]': 'last', 'a[3]': 'middle', 'a[0]': 'first' })).toEqual({
    a: ['first', 'middle', 'last'],
  })
})

test('a name that is no path is a member', async () => {
  const names = ['a..b', '.a', 'a.', 'a[b]', '[0]', '[x', 'a[', 'a]', '', 'a[].b', 'user[name]', 'a[-1]']
  expect(await inputOf(Object.fromEntries(names.map((name) => [name, '1'])))).toEqual(
    Object.fromEntries(names.map((name) => [name, '1'])),
  )
})

test('__proto__ and its like are members like others, of an object without a prototype', async () => {
  const form = formOf({ 'constructor.prototype.x': '1', 'toString[]': '2' })
  Object.defineProperty(form, '__proto__', { value: '3', enumerable: true })
  Object.defineProperty(form, 'a.__proto__.polluted', { value: '4', enumerable: true })
  const input = (await handled(keeps, { form })).props.got as unknown as Record<string, Record<string, unknown>>
  expect(Object.getPrototypeOf(input)).toBeNull()
  expect(Object.keys(input).sort()).toEqual(['__proto__', 'a', 'constructor', 'toString'])
  expect(input['a']?.['__proto__']).toEqual({ polluted: '4' })
  expect(({} as { polluted?: string }).polluted).toBeUndefined()
})

test.each([
  [{ a: '1', 'a.b': '2' }],
  [{ 'a.b': '1', a: '2' }],
  [{ 'a[0]': '1', 'a.b': '2' }],
  [{ 'a[0]': '1', 'a[]': '2' }],
  [{ a: '1', 'a[]': '2' }],
  [{ ['x'.repeat(10_240)]: '1' }],
  [
    {
      [Array.from({ length: 1_000 }, () => 'a')
        .join('.')
        .slice(0, 999)]: '1',
    },
  ],
])('fields that contradict each other, or are named too long or too deep, fail the event: %#', async (form) => {
  await expect(handled(keeps, { form: formOf(form) })).rejects.toMatchObject({ code: 'LOOM_FORM' })
})

describe.each([
  [
    'zod',
    z.object({
      email: z.email('no e-mail'),
      age: z.coerce.number().min(18, 'too young'),
      address: z.object({ city: z.string().min(1, 'no city') }),
      rows: z.array(z.object({ name: z.string().min(2, 'too short') })).default([]),
      agree: z.literal('on', 'not agreed'),
    }),
  ],
  [
    'valibot',
    v.object({
      email: v.pipe(v.string(), v.email('no e-mail')),
      age: v.pipe(v.string(), v.transform(Number), v.minValue(18, 'too young')),
      address: v.object({ city: v.pipe(v.string(), v.minLength(1, 'no city')) }),
      rows: v.optional(v.array(v.object({ name: v.pipe(v.string(), v.minLength(2, 'too short')) })), []),
      agree: v.pipe(v.optional(v.string(), ''), v.literal('on', 'not agreed')),
    }),
  ],
  [
    'arktype',
    type({
      email: type('string.email').configure({ message: 'no e-mail' }),
      age: type('string.numeric.parse')
        .to(type('number >= 18').configure({ message: 'too young' }))
        .configure({ message: 'too young' }),
      address: { city: type('string >= 1').configure({ message: 'no city' }) },
      rows: type({ name: type('string >= 2').configure({ message: 'too short' }) })
        .array()
        .default(() => []),
      agree: type("'on'").configure({ message: 'not agreed' }),
    }),
  ],
])('a schema of %s', (_, schema) => {
  const save = validated(schema, (props: Props, input) => ({ ...props, got: JSON.stringify(input) }))
  const good = { email: 'a@b.ch', age: '44', 'address.city': 'Bern', 'rows[0].name': 'ab', agree: 'on' }

  test('gives its output to the handler, and errors are cleared', async () => {
    const { props, keepsForm } = await handled(save, { form: formOf(good) }, { errors: { email: ['no e-mail'] } })
    expect(props.errors).toEqual({})
    expect(JSON.parse(props.got ?? '')).toMatchObject({
      email: 'a@b.ch',
      age: 44,
      address: { city: 'Bern' },
      rows: [{ name: 'ab' }],
    })
    expect(keepsForm).toBe(false)
  })

  test('or its messages to the props, by the names of fields, and the handler does not run', async () => {
    const { props, keepsForm } = await handled(save, {
      form: formOf({ ...good, email: 'x', age: '7', 'address.city': '', 'rows[0].name': 'ab', 'rows[7].name': 'x' }),
    })
    expect(props.got).toBeUndefined()
    expect(props.errors).toMatchObject({
      email: ['no e-mail'],
      age: ['too young'],
      'address.city': ['no city'],
      // As the field is called, not as the list counts it.
      'rows[7].name': ['too short'],
    })
    expect(keepsForm).toBe(true)
  })

  test('a missing checkbox is what the schema says', async () => {
    const { agree, ...without } = good
    expect((await handled(save, { form: formOf(without) })).props.errors).toHaveProperty('agree')
    expect(agree).toBe('on')
  })
})

describe('errors', () => {
  const schema = z
    .object({
      name: z.string().min(1, 'empty'),
      email: z.string().min(1, 'empty'),
      tags: z.array(z.string()).min(2, 'too few'),
    })
    .refine(({ name }) => name !== 'root', 'not you')
  const save = validated(schema, (props: Props) => ({ ...props, got: 'yes' }))
  const empty = formOf({ name: '', email: '', 'tags[]': 'a' })

  test('of a form that is sent are all', async () => {
    expect((await handled(save, { form: empty })).props.errors).toEqual({
      name: ['empty'],
      email: ['empty'],
      tags: ['too few'],
    })
  })

  test('of one that is filled in are those of fields that the user has left, and those that are shown', async () => {
    const typing = { type: 'input', form: empty }
    expect((await handled(save, { ...typing, left: [] })).props.errors).toEqual({})
    expect((await handled(save, { ...typing, left: ['email'] })).props.errors).toEqual({ email: ['empty'] })
    expect((await handled(save, { ...typing, left: ['tags[]'] })).props.errors).toEqual({ tags: ['too few'] })
    const shown = { errors: { name: ['another'] } }
    expect((await handled(save, { ...typing, left: ['email'] }, shown)).props.errors).toEqual({
      name: ['empty'],
      email: ['empty'],
    })
  })

  test('of what a page says was left, each name is looked at once, however many errors there are', async () => {
    const messages = Object.fromEntries(Array.from({ length: 1_000 }, (_, at) => [`f${at}`, `wrong ${at}`]))
    const wrong = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: () => ({
          issues: Object.entries(messages).map(([name, message]) => ({ message, path: [name] })),
        }),
      },
    } as unknown as typeof anything
    let looks = 0
    const names = [
      'f7.city',
      'f8[0].name',
      'f9',
      '.f10',
      '',
      '.'.repeat(1_000),
      `f11${'.x'.repeat(1_000)}`,
      'f1',
      'f999[]',
    ]
    const left = new Proxy([...names, ...Array<string>(10_000).fill('x')], {
      get(list, name, receiver) {
        if (/^\d+$/.test(String(name))) looks++
        return Reflect.get(list, name, receiver) as unknown
      },
    })
    const { props } = await handled(
      validated(wrong, (props: Props) => props),
      { type: 'input', form: formOf({}), left },
    )
    expect(Object.keys(props.errors).sort()).toEqual(['f1', 'f7', 'f8', 'f9', 'f999'])
    expect(looks).toBe(left.length)
  })

  test('that concern the form are under the empty name', async () => {
    const form = formOf({ name: 'root', email: 'x', 'tags[]': ['a', 'b'] })
    expect((await handled(save, { form })).props.errors).toEqual({ '': ['not you'] })
  })

  test('may stand in another prop', async () => {
    const other = validated(schema, () => undefined, { errors: 'wrong' })
    const props = { errors: {}, wrong: {} }
    expect((await handled(other as unknown as Handler<Props>, { form: empty }, props)).props).toMatchObject({
      errors: {},
      wrong: { name: ['empty'] },
    })
  })

  test('of an event without a form are those of its value', async () => {
    const rename = validated(z.string().min(2, 'too short'), (props: Props, input) => ({ ...props, got: input }))
    expect((await handled(rename, { type: 'click', value: 'x' })).props.errors).toEqual({ '': ['too short'] })
    expect((await handled(rename, { type: 'click', value: 'xy' })).props.got).toBe('xy')
  })
})

test('a schema that throws or rejects fails the event, and one that never answers runs into the deadline', async () => {
  const schemaOf = (validate: () => unknown): typeof anything =>
    ({ '~standard': { version: 1, vendor: 'test', validate } }) as unknown as typeof anything
  let calls = 0
  const handler = (props: { errors: object; count: number }): { errors: object; count: number } => {
    calls++
    return { ...props, count: props.count + 1 }
  }
  const site = await Site.start({ limits: { handlerTime: 300 } })
  const module = site.loom.register('broken', {
    props: { errors: {}, count: 0 },
    handle: {
      throws: validated(
        schemaOf(() => {
          throw new Error('thrown')
        }),
        handler,
      ),
      rejects: validated(
        schemaOf(() => Promise.reject(new Error('rejected'))),
        handler,
      ),
      never: validated(
        schemaOf(() => new Promise(() => undefined)),
        handler,
      ),
      nonsense: validated(
        schemaOf(() => 7),
        handler,
      ),
      works: validated(
        schemaOf(() => Promise.resolve({ value: 1 })),
        handler,
      ),
    },
    render: ({ count }) => html`<p>${count}</p>`,
  })
  const client = await site.live(module)
  for (const name of ['throws', 'rejects', 'never', 'nonsense'])
    expect(await client.event('c0', name)).toMatchObject({ type: 'error' })
  expect(calls).toBe(0)
  expect(await client.event('c0', 'works')).toMatchObject({ type: 'patch' })
  expect(client.html('c0')).toBe('<p>1</p>')
  await site.log.says('thrown')
  await site.log.says('rejected')
})

test('a live form of 100,000 fields, with a name of 10 KB or of 1,000 levels fails its event, and the next one is handled', async () => {
  const { page, site } = await startPage(
    (loom) =>
      loom.register('much', {
        props: { errors: {}, got: '' },
        handle: { save: validated(z.unknown(), (props, input) => ({ ...props, got: JSON.stringify(input) })) },
        render: ({ got }) => html`${got}`,
      }),
    { development: false },
  )
  const send = async (form: string): Promise<string> => {
    const sent = page.event('save', form, 'submit')
    await until('the answer', () => sent.answered)
    return page.text
  }
  const names = Array.from({ length: 100_000 }, (_, at) => `f${at}=`)
  for (const form of [
    names.join('&'),
    `${'x'.repeat(10_240)}=1`,
    `${Array.from({ length: 1_000 }, () => 'a').join('.')}=1`,
    // So many levels fit into a name.
    `${Array.from({ length: 500 }, () => 'a').join('.')}=1`,
    `a${'[0]'.repeat(300)}=1`,
    'a=1&a.b=2',
  ])
    expect(await send(form)).toBe('')
  await site.log.says('32 are allowed')
  expect(await send('a.b=1&a.c[]=2')).toBe('{"a":{"b":"1","c":["2"]}}')
})

test('an input that nobody waits for any more is not handled', async () => {
  const controller = new AbortController()
  let handledOnce = false
  const save = validated(
    z.unknown().refine(async () => {
      await Promise.resolve()
      controller.abort()
      return true
    }),
    () => {
      handledOnce = true
    },
  )
  const ctx = { keepForm: () => undefined, signal: controller.signal } as unknown as LiveContext
  const event = { id: 'e', handler: 'save', type: 'submit', form: formOf({}) } as LiveEvent
  await expect(save({ errors: {} }, event, ctx)).rejects.toThrow()
  expect(handledOnce).toBe(false)
})

test('what is no schema, and a module without a place for errors, is an error at once', () => {
  const { loom } = testLoom()
  for (const schema of [undefined, {}, { '~standard': { version: 2, validate: () => 1 } }, 'string'])
    expect(() => validated(schema as unknown as typeof anything, () => undefined)).toThrow(/Standard Schema/)
  expect(() => validated(anything, undefined as unknown as () => undefined)).toThrow(/a function/)
  expect(() => validated(anything, () => undefined, { error: 'x' } as object)).toThrow(/did you mean "errors"/)
  const save = validated(anything, () => undefined) as unknown as Handler<object>
  expect(() => loom.register('a', { props: {}, handle: { save }, render: () => html`` })).toThrow(/errors: \{\}/)
  expect(() => loom.register('b', { props: { errors: 1 }, handle: save as never, render: () => html`` })).toThrow(
    /errors/,
  )
})
