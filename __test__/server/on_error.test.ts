// What a module throws reaches the option onError as it was thrown, with where it happened.

import { html, Refusal, type ErrorContext, type LiveModule } from 'loom-live'
import { Site, type SiteOptions } from '../support/site'
import { until } from '../support/until'

class Problem extends Error {
  readonly details = { order: 7 }
}

interface Told extends ErrorContext {
  error: unknown
}

async function told(parts: Partial<LiveModule<{ count: number }>>, options: SiteOptions = {}) {
  const errors: Told[] = []
  const site = await Site.start({ onError: (error, context) => void errors.push({ error, ...context }), ...options })
  const module = site.loom.register('page', {
    props: { count: 0 },
    handle: { show: () => undefined },
    render: ({ count }) => html`${count}`,
    ...parts,
  })
  return { site, module, errors }
}

const thrown = new Problem('no')
const fail = (): never => {
  throw thrown
}

/** At once, later, and where what is thrown is no error. */
const ways: [string, () => never | Promise<never>, unknown][] = [
  ['at once', fail, thrown],
  ['later', async () => Promise.resolve().then(fail), thrown],
  ['not even an error', async () => Promise.reject('text' as unknown as Error), 'text'],
]

test.each(ways)('by a handler, %s', async (_, go, error) => {
  const { site, module, errors } = await told({ handle: { go } })
  const client = await site.live(module, {}, { headers: { 'x-user': 'ada' } })
  await client.fails('c0', 'go', { value: 'x' })
  expect(errors).toHaveLength(1)
  expect(errors[0]?.error).toBe(error)
  expect(errors[0]).toMatchObject({ module: 'page', callback: 'handle', handler: 'go', event: { value: 'x' } })
  expect(errors[0]?.event?.id).toMatch(/-1$/)
  expect(errors[0]?.request.headers['x-user']).toBe('ada')
})

test.each(ways)('by authorize, %s', async (_, authorize, error) => {
  let asked = false
  const { site, module, errors } = await told({
    authorize: (_, event) => (asked && event !== undefined ? authorize() : !asked || authorize()),
  })
  const client = await site.live(module)
  asked = true
  await client.fails('c0', 'show')
  await client.join('c1', 'page', await site.token(module))
  expect(errors.map(({ callback, handler, event, error }) => [callback, handler, event?.handler, error])).toEqual([
    ['authorize', 'show', 'show', error],
    ['authorize', undefined, undefined, error],
  ])
})

test.each(ways)('by mount at the join, %s', async (_, mount, error) => {
  let joins = false
  const { site, module, errors } = await told({ private: ['count'], mount: () => (joins ? mount() : undefined) })
  const token = await site.token(module)
  joins = true
  await (await site.connect()).join('c0', 'page', token)
  expect(errors).toMatchObject([{ module: 'page', callback: 'mount', handler: undefined, event: undefined }])
  expect(errors[0]?.error).toBe(error)
  // What mount throws while the page is rendered is its route's.
  await expect(site.token(module)).rejects.toBe(error)
  expect(errors).toHaveLength(1)
})

test('by render, at the join and after an event', async () => {
  let fails = false
  const { site, module, errors } = await told({ render: ({ count }) => (fails ? fail() : html`${count}`) })
  const token = await site.token(module)
  const client = await site.live(module)
  fails = true
  await client.fails('c0', 'show')
  await client.join('c1', 'page', token)
  expect(errors.map(({ callback, handler, error }) => [callback, handler, error])).toEqual([
    ['render', 'show', thrown],
    ['render', undefined, thrown],
  ])
})

test('by upgrade, after which the component starts anew', async () => {
  const { site: before } = await told({})
  const { site, errors } = await told({ version: 2, upgrade: fail })
  const client = await site.connect()
  expect(await client.joined('c0', 'page', await before.token('page'))).toBe('0')
  expect(errors).toMatchObject([{ callback: 'upgrade', handler: undefined }])
  expect(errors[0]?.error).toBe(thrown)
})

test('a handler that returns what is no props has thrown our own error', async () => {
  const { site, module, errors } = await told({ handle: { go: () => ({ count: NaN }) } })
  await (await site.live(module)).fails('c0', 'go')
  expect(errors).toMatchObject([{ callback: 'handle', handler: 'go', error: { code: 'LOOM_PROPS' } }])
})

test('a Refusal is an answer, and an unknown handler nobody’s error', async () => {
  const { site, module, errors } = await told({
    handle: {
      go: () => {
        throw new Refusal('no')
      },
    },
  })
  const client = await site.live(module)
  expect(await client.fails('c0', 'go')).toBe('no')
  await client.fails('c0', 'unknown')
  expect(errors).toEqual([])
})

test.each<[string, () => unknown]>([
  ['throws', () => fail()],
  ['rejects', () => Promise.reject(thrown)],
  [
    'throws what cannot be shown',
    () => {
      throw Object.create(null) as Error
    },
  ],
])('an onError that %s is logged and harms nobody', async (_, onError) => {
  const { site, module } = await told({ handle: { go: fail, show: () => undefined } }, { onError })
  const client = await site.live(module)
  expect(await client.fails('c0', 'go')).toContain('no')
  expect(await client.shows('c0', 'show')).toBe('0')
  await until('the log', () => site.log.errors.some((line) => line.includes('the option onError failed')))
  expect(site.log.errors.some((line) => line.includes('handle of module page: no'))).toBe(true)
})

test('it has to be a function', async () => {
  await expect(told({}, { onError: 7 as never })).rejects.toThrow(/a function for onError but received 7/)
})
