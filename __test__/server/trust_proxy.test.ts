import { html, type LiveRequest, type TrustProxy } from 'loom-live'
import { Client } from '../support/client'
import { Site } from '../support/site'

async function through(trustProxy: TrustProxy | undefined, headers: Record<string, string>): Promise<string> {
  const site = await Site.start(trustProxy === undefined ? {} : { trustProxy })
  let request: LiveRequest | undefined
  const module = site.loom.register('who', {
    props: {},
    handle: { ask: (_, __, ctx) => void (request = ctx.request) },
    render: () => html`<p></p>`,
  })
  const client = await Client.open(site.url(), { headers })
  await client.joined('c0', 'who', await site.token(module))
  await client.event('c0', 'ask')
  return request?.address ?? ''
}

const FORWARDED = { 'x-forwarded-for': '203.0.113.7, 10.1.1.1' }

test.each<[TrustProxy | undefined, string]>([
  [undefined, '127.0.0.1'],
  [false, '127.0.0.1'],
  [true, '203.0.113.7'],
  [1, '10.1.1.1'],
  [2, '203.0.113.7'],
  ['loopback', '10.1.1.1'],
  ['loopback, 10.0.0.0/8', '203.0.113.7'],
  [['127.0.0.1', '10.1.1.1'], '203.0.113.7'],
  ['192.0.2.1', '127.0.0.1'],
  [(address, hop) => address === '127.0.0.1' && hop === 0, '10.1.1.1'],
])('trustProxy %p: the client is %s', async (trustProxy, address) => {
  expect(await through(trustProxy, FORWARDED)).toBe(address)
})

async function connects(trustProxy: TrustProxy | undefined, headers: Record<string, string>): Promise<boolean> {
  const site = await Site.start(trustProxy === undefined ? {} : { trustProxy })
  return Client.open(site.url(), { headers }).then(
    () => true,
    (error: unknown) => {
      expect(String(error)).toContain('403')
      return false
    },
  )
}

test('a trusted proxy says which host the browser asked for; anybody else does not', async () => {
  const headers = { host: 'internal:8080', origin: 'https://example.org', 'x-forwarded-host': 'example.org' }
  expect(await connects(true, headers)).toBe(true)
  expect(await connects('loopback', headers)).toBe(true)
  expect(await connects(1, headers)).toBe(true)
  expect(await connects(undefined, headers)).toBe(false)
  expect(await connects('192.0.2.1', headers)).toBe(false)
  const forged = { host: 'example.org', origin: 'https://evil.example', 'x-forwarded-host': 'evil.example' }
  expect(await connects(undefined, forged)).toBe(false)
})

test('behind several proxies the first host counts', async () => {
  const headers = { host: 'internal', origin: 'https://example.org', 'x-forwarded-host': 'example.org, middle' }
  expect(await connects(true, headers)).toBe(true)
  expect(await connects(true, { ...headers, origin: 'https://middle' })).toBe(false)
})
