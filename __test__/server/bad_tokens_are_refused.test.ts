import { html } from 'loom-live'
import { counter, SECRET, Site, testLoom, tokenIn } from '../support/site'
import { until } from '../support/until'

const OTHER_SECRET = 'another secret of thirty-two bytes!'

/** A connection on which one component lives and others try to. */
async function joiner(options?: Parameters<typeof Site.start>[0]) {
  const site = await Site.start(options)
  const module = counter(site.loom)
  const other = counter(site.loom, 'other')
  const client = await site.live(module, { count: 7 })
  return { site, module, other, client, token: await site.token(module, { count: 7 }) }
}

type Joiner = Awaited<ReturnType<typeof joiner>>

async function refused({ site, client }: Joiner, module: string, token: string): Promise<string> {
  const before = site.loom.stats()
  const answer = await client.join('c1', module, token)
  expect(answer).toMatchObject({ type: 'error', id: 'c1' })
  expect(site.loom.stats()).toMatchObject({ components: 1, connections: 1, errors: before.errors + 1 })
  // Nothing was joined, so nothing answers; the other component does.
  client.send({ type: 'event', id: 'c1', handler: 'increment', event: 'click' })
  expect(await client.shows('c0', 'show')).toBe('<b>7</b>')
  expect(client.unexpected).toEqual([])
  return answer.type === 'error' ? answer.error : ''
}

test.each(['nowhere', '', 'Counter', 'counter ', '__proto__', 'constructor', 'toString', 'x'.repeat(10_000)])(
  'an unknown module (%.20p)',
  async (module) => {
    const setup = await joiner()
    await refused(setup, module, setup.token)
  },
)

test('a token of another module, though both are registered', async () => {
  const setup = await joiner()
  expect(await refused(setup, 'other', setup.token)).toContain('counter')
  expect(await setup.client.joined('c1', 'other', await setup.site.token(setup.other))).toBe('<b>0</b>')
})

test('a token of another secret', async () => {
  const setup = await joiner()
  const foreign = testLoom({ secret: OTHER_SECRET })
  await refused(setup, 'counter', tokenIn(await foreign.loom.mount(counter(foreign.loom))))
})

test('a truncated token, wherever it is cut, and one with more behind it', async () => {
  const setup = await joiner()
  const { token } = setup
  for (let length = 0; length < token.length; length += 7) await refused(setup, 'counter', token.slice(0, length))
  await refused(setup, 'counter', token.slice(0, -1))
  await refused(setup, 'counter', token.slice(1))
  for (const more of ['A', 'AAAA', '=', ' ', '\n', token]) await refused(setup, 'counter', token + more)
})

test('a token with any bit flipped', async () => {
  const setup = await joiner()
  const bytes = Buffer.from(setup.token, 'base64url')
  const tokens = Array.from({ length: bytes.length * 8 }, (_, bit) => {
    const flipped = Buffer.from(bytes)
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    return flipped.toString('base64url')
  })
  const answers = await Promise.all(tokens.map((token) => setup.client.join('c1', 'counter', token)))
  expect(answers.filter(({ type }) => type !== 'error')).toEqual([])
  expect(setup.site.loom.stats().components).toBe(1)
})

test.each(['text', '!!!!', 'é'.repeat(40), '{"count":1}', 'A'.repeat(200), 'A'.repeat(500_000)])(
  'a token that is none (%.20p)',
  async (token) => {
    await refused(await joiner(), 'counter', token)
  },
)

test('an expired token, while the page that joined in time goes on', async () => {
  const setup = await joiner({ limits: { tokenAge: 1000 } })
  const { client, token } = setup
  await until('the token to expire', async () => (await client.join('c1', 'counter', token)).type === 'error')
  expect(await refused(setup, 'counter', token)).toContain('expired')
  expect(await client.joined('c1', 'counter', await setup.site.token(setup.module))).toBe('<b>0</b>')
})

test('a token of another user', async () => {
  const site = await Site.start({ bind: ({ headers }) => headers['x-user'] as string | undefined })
  const module = counter(site.loom)
  const page = (user: string) => ({ request: { headers: { 'x-user': user } } as never })
  const token = await site.token(module, { count: 5 }, page('ada'))
  const mallory = await site.connect({ headers: { 'x-user': 'mallory' } })
  const nobody = await site.connect()
  const ada = await site.connect({ headers: { 'x-user': 'ada' } })
  expect(await mallory.join('c0', 'counter', token)).toMatchObject({ type: 'error', id: 'c0' })
  expect(await nobody.join('c0', 'counter', token)).toMatchObject({ type: 'error', id: 'c0' })
  expect(await ada.joined('c0', 'counter', token)).toBe('<b>5</b>')
  expect(site.loom.stats().components).toBe(1)
})

test('in production the browser learns only that it should reload, whatever is wrong', async () => {
  const setup = await joiner({ development: false })
  const { token } = setup
  const foreign = testLoom({ secret: OTHER_SECRET })
  const texts = new Set([
    await refused(setup, 'nowhere', token),
    await refused(setup, 'other', token),
    await refused(setup, 'counter', token.slice(0, 40)),
    await refused(setup, 'counter', 'x'),
    await refused(setup, 'counter', tokenIn(await foreign.loom.mount(counter(foreign.loom)))),
  ])
  expect([...texts]).toHaveLength(1)
  expect([...texts][0]).toContain('reload')
  await until('the log', () => setup.site.log.warnings.length >= 5)
  expect(setup.site.log.warnings).toHaveLength(5)
})

test('a token says nothing in the browser, and no two are alike', async () => {
  const { loom } = testLoom()
  const secretive = loom.register('secretive', {
    props: { password: 'hunter2hunter2' },
    handle: {},
    render: () => html`<p></p>`,
  })
  const tokens = [tokenIn(await loom.mount(secretive)), tokenIn(await loom.mount(secretive))]
  expect(tokens[0]).not.toBe(tokens[1])
  for (const token of tokens) {
    expect(token).toMatch(/^[\w-]+$/)
    expect(Buffer.from(token, 'base64url').toString('latin1')).not.toMatch(/hunter2|password|secretive/)
  }
})

test('while a secret is replaced, tokens of the old one still open', async () => {
  const old = testLoom({ secret: OTHER_SECRET })
  const token = tokenIn(await old.loom.mount(counter(old.loom), { count: 3 }))
  const site = await Site.start({ secret: [SECRET, OTHER_SECRET] })
  const module = counter(site.loom)
  const client = await site.connect()
  expect(await client.joined('c0', 'counter', token)).toBe('<b>3</b>')
  const after = await Site.start({ secret: SECRET })
  counter(after.loom)
  const later = await after.connect()
  expect(await later.joined('c0', 'counter', await site.token(module))).toBe('<b>0</b>')
  expect(await later.join('c1', 'counter', token)).toMatchObject({ type: 'error' })
})
