/** `model`: which props the controls of a page may set, and to what. */

import { type } from 'arktype'
import { html, type LiveModule, type Model } from 'loom-live'
import * as v from 'valibot'
import { z } from 'zod'
import type { Vars } from '../support/client'
import { Site, testLoom } from '../support/site'

interface Props {
  name: string
  other: string
  age: number
  news: boolean
  tags: string[]
  day: string
  at: string
  hour: string
  month: string
  week: string
  color: string
  errors: Record<string, string[]>
}

const FIRST: Props = {
  name: 'first',
  other: 'kept',
  age: 1,
  news: false,
  tags: ['a'],
  day: '',
  at: '',
  hour: '',
  month: '',
  week: '',
  color: '',
  errors: {},
}

function moduleOf(model: unknown, more: Partial<LiveModule<Props>> = {}): LiveModule<Props> {
  return {
    props: FIRST,
    model: model as Model<Props>,
    handle: { name: (props) => ({ ...props, other: 'handled' }) },
    render: (props) => html`<p>${JSON.stringify(props)}</p>`,
    ...more,
  }
}

interface Used {
  /** What a control does; the props after it, or the error. */
  set(name: string, vars: Vars): Promise<Props | string>
  site: Site
}

async function use(module: LiveModule<Props>, development = true): Promise<Used> {
  const site = await Site.start({ development, limits: { handlerTime: 2_000 } })
  const client = await site.live(site.loom.register('form', module))
  const set = async (name: string, vars: Vars): Promise<Props | string> => {
    const answer = await client.event('c0', name, vars, 'model')
    if (answer.type === 'error') return answer.error
    return JSON.parse(client.html('c0').slice(3, -4).replaceAll('&quot;', '"').replaceAll('&#34;', '"')) as Props
  }
  return { set, site }
}

test.each([
  ['name', 'string', ' any text ', ' any text '],
  ['name', 'string', '', ''],
  ['age', 'number', '-1.5e2', -150],
  ['age', 'number', '.5', 0.5],
  ['day', 'date', '2024-02-29', '2024-02-29'],
  ['day', 'date', '', ''],
  ['at', 'datetime', '2026-03-01T13:05', '2026-03-01T13:05'],
  ['hour', 'time', '23:59:59', '23:59:59'],
  ['month', 'month', '2026-12', '2026-12'],
  ['week', 'week', '2026-W53', '2026-W53'],
  ['color', 'color', '#a0B1c2', '#a0B1c2'],
])('%s of the type %s takes %j', async (name, kind, value, expected) => {
  const { set } = await use(moduleOf({ [name]: kind }))
  expect(await set(name, { value })).toEqual({ ...FIRST, [name]: expected })
})

test.each([
  ['age', 'number', '', 'Expected a number'],
  ['age', 'number', '1e', 'Expected a number'],
  ['age', 'number', '-', 'Expected a number'],
  ['age', 'number', ' 1', 'Expected a number'],
  ['age', 'number', '0x10', 'Expected a number'],
  ['age', 'number', 'Infinity', 'Expected a number'],
  ['age', 'number', '1e999', 'Expected a number'],
  ['day', 'date', '2026-02-30', 'Expected a date'],
  ['day', 'date', '2026-2-3', 'Expected a date'],
  ['at', 'datetime', '2026-02-30T10:00', 'Expected a date and a time'],
  ['at', 'datetime', '2026-02-20T24:00', 'Expected a date and a time'],
  ['hour', 'time', '24:00', 'Expected a time'],
  ['month', 'month', '2026-13', 'Expected a month'],
  ['week', 'week', '2026-W54', 'Expected a week'],
  ['color', 'color', 'red', 'Expected a color'],
  ['news', 'boolean', 'true', 'Expected yes or no'],
  ['tags', 'string[]', 'a', 'Expected a list'],
])('%s of the type %s does not take %j', async (name, kind, value, message) => {
  const { set } = await use(moduleOf({ [name]: kind }))
  expect(await set(name, { value })).toEqual({ ...FIRST, errors: { [name]: [message] } })
})

test('a checkbox is a boolean, and an error goes when a value is right', async () => {
  const { set } = await use(moduleOf({ news: 'boolean', age: 'number' }))
  expect(await set('news', { checked: true })).toEqual({ ...FIRST, news: true })
  expect(await set('age', { value: 'x' })).toMatchObject({ age: 1, errors: { age: ['Expected a number'] } })
  expect(await set('news', { value: 'x' })).toMatchObject({
    errors: { age: [expect.anything()], news: [expect.anything()] },
  })
  expect(await set('age', { value: '2' })).toMatchObject({ age: 2, errors: { news: [expect.anything()] } })
  expect(await set('news', { checked: false })).toEqual({ ...FIRST, age: 2 })
})

test.each([
  ['zod', z.string().trim().min(2, 'too short'), ['too short']],
  [
    'zod, async',
    z
      .string()
      .trim()
      .refine((text) => Promise.resolve(text.length > 1), 'too short'),
    ['too short'],
  ],
  ['valibot', v.pipe(v.string(), v.trim(), v.minLength(2, 'too short')), ['too short']],
  ['arktype', type('string.trim').to('string >= 2'), [expect.any(String)]],
])('a schema of %s judges the value, and its output is the prop', async (_, schema, messages) => {
  const { set } = await use(moduleOf({ name: schema }))
  expect(await set('name', { value: ' x ' })).toEqual({ ...FIRST, errors: { name: messages } })
  expect(await set('name', { value: ' xy ' })).toEqual({ ...FIRST, name: 'xy' })
})

// Outside development Rust knows the names of handlers, and asks for no other.
test.each([true, false])(
  'what the model does not list is not set, and no handler is called; development: %s',
  async (development) => {
    const { set, site } = await use(moduleOf({ age: 'number' }), development)
    for (const name of ['other', 'nmae', 'errors', '__proto__', 'constructor', 'name', ''])
      expect(await set(name, { value: 'x' })).toEqual(expect.any(String))
    if (development)
      expect(await set('agee', { value: '1' })).toMatch(
        /model does not list this prop; did you mean "age"\? Its props are age/,
      )
    expect(await set('age', { value: '2' })).toEqual({ ...FIRST, age: 2 })
    expect(site.log.all).not.toContain('handled')
  },
)

test('a prop may have the name of a handler: each gets its own events', async () => {
  const { set } = await use(moduleOf({ name: 'string' }), false)
  expect(await set('name', { value: 'x' })).toEqual({ ...FIRST, name: 'x' })
})

test('a prop with the name of the event for uploads is a prop: no upload hears of it', async () => {
  const props = { 'loom.upload': '', 'got': 0, 'errors': {} }
  const module = (model: Model<typeof props>): LiveModule<typeof props> => ({
    props,
    model,
    uploads: { photo: { progress: 'got' } },
    receive: { photo: () => undefined, got: (props) => ({ ...props, got: props.got + 1 }) },
    handle: {},
    render: (props) => html`<p>${JSON.stringify(props)}</p>`,
  })
  const value = '{"u":"photo"}'
  const listed = await use(module({ 'loom.upload': 'string' }) as unknown as LiveModule<Props>, false)
  expect(await listed.set('loom.upload', { value })).toEqual({ ...props, 'loom.upload': value })
  const unlisted = await use(module({}) as unknown as LiveModule<Props>, false)
  expect(await unlisted.set('loom.upload', { value })).toEqual(expect.any(String))
})

test('a module with one handler for all has no handler for controls', async () => {
  const handle = jest.fn(() => undefined)
  const { set } = await use(moduleOf({ name: 'string' }, { handle }), false)
  expect(await set('name', { value: 'x' })).toEqual({ ...FIRST, name: 'x' })
  expect(await set('other', { value: 'x' })).toEqual(expect.any(String))
  expect(handle).not.toHaveBeenCalled()
})

test('authorize is asked first, and knows what is to be set', async () => {
  const asked: unknown[] = []
  const { set } = await use(
    moduleOf(
      { name: 'string' },
      {
        authorize(_, event) {
          if (event) asked.push([event.type, event.handler, event.value])
          return event?.value !== 'no'
        },
      },
    ),
  )
  expect(await set('name', { value: 'yes' })).toMatchObject({ name: 'yes' })
  expect(await set('name', { value: 'no' })).toEqual(expect.any(String))
  expect(asked).toEqual([
    ['model', 'name', 'yes'],
    ['model', 'name', 'no'],
  ])
})

test('a schema that throws, rejects, gives nonsense or never answers fails the event, and props stay', async () => {
  const schemaOf = (validate: () => unknown) => ({ '~standard': { version: 1, vendor: 'test', validate } })
  const { set } = await use(
    moduleOf({
      name: schemaOf(() => {
        throw new Error('thrown')
      }),
      other: schemaOf(() => Promise.reject(new Error('rejected'))),
      day: schemaOf(() => 7),
      at: schemaOf(() => new Promise(() => undefined)),
      age: 'number',
    }),
  )
  for (const name of ['name', 'other', 'day', 'at']) expect(await set(name, { value: 'x' })).toEqual(expect.any(String))
  expect(await set('age', { value: '2' })).toEqual({ ...FIRST, age: 2 })
})

test('props that are frozen, as those of modules with receivers, are set as well', async () => {
  const { set } = await use(moduleOf({ name: 'string' }, { receive: {} }))
  expect(await set('name', { value: 'x' })).toEqual({ ...FIRST, name: 'x' })
})

test('a mistake in a model is an error when the module is registered', () => {
  const { loom } = testLoom()
  const registers =
    (model: unknown, more: object = {}) =>
    () =>
      loom.register(`m${Math.random()}`, moduleOf(model, more) as unknown as LiveModule<Props>)
  expect(registers({ nmae: 'string' })).toThrow(/did you mean "name"/)
  expect(registers({ name: 'strin' })).toThrow(/did you mean "string"/)
  expect(registers({ name: {} })).toThrow(/Standard Schema/)
  expect(registers({ name: 'toString' })).toThrow(/one of string/)
  expect(registers('name')).toThrow(/an object of types and schemas/)
  expect(registers({ name: 'string' }, { private: ['name'] })).toThrow(/private prop "name"/)
  expect(registers({ errors: z.object({}) })).toThrow(/errors: \{\}/)
  expect(registers({ name: 'string' }, { props: { name: '' } })).toThrow(/errors: \{\}/)
  expect(registers({}, { props: { name: '' } })).not.toThrow()
})
