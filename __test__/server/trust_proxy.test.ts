import { html, type LiveRequest, type LoomOptions, type TrustProxy } from 'loom-live'
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

const FROM = { host: 'internal:8080', origin: 'https://example.org' }

test.each<[boolean, Record<string, string>]>([
  [true, { ...FROM, 'x-forwarded-host': 'example.org', 'x-forwarded-proto': 'https' }],
  [true, { ...FROM, 'x-forwarded-host': 'example.org', 'x-forwarded-proto': 'HTTPS, http' }],
  [false, { ...FROM, 'x-forwarded-host': 'example.org', 'x-forwarded-proto': 'http' }],
  [false, { ...FROM, 'x-forwarded-host': 'example.org', 'x-forwarded-proto': 'foo', origin: 'foo://example.org' }],
  [true, { ...FROM, origin: 'http://example.org', 'x-forwarded-host': 'example.org', 'x-forwarded-proto': 'http' }],
  // The browser's port, if the host does not say it.
  [true, { ...FROM, 'x-forwarded-host': 'example.org', 'x-forwarded-proto': 'https', 'x-forwarded-port': '443' }],
  [
    true,
    {
      ...FROM,
      origin: 'https://example.org:8443',
      'x-forwarded-host': 'example.org',
      'x-forwarded-proto': 'https',
      'x-forwarded-port': '8443',
    },
  ],
  [false, { ...FROM, 'x-forwarded-host': 'example.org', 'x-forwarded-proto': 'https', 'x-forwarded-port': '8443' }],
  [
    true,
    {
      ...FROM,
      origin: 'https://example.org:8443',
      'x-forwarded-host': 'example.org:8443',
      'x-forwarded-proto': 'https',
      'x-forwarded-port': '443',
    },
  ],
  // RFC 7239.
  [true, { ...FROM, forwarded: 'for=192.0.2.60;proto=https;host=example.org' }],
  [true, { ...FROM, origin: 'https://example.org:8443', forwarded: 'proto=https;host="example.org:8443"' }],
  [true, { ...FROM, forwarded: 'Host=example.org;Proto=https, host=middle;proto=http' }],
  [false, { ...FROM, forwarded: 'host=middle;proto=http, host=example.org;proto=https' }],
  [false, { ...FROM, forwarded: 'for=192.0.2.60;proto=http;host=example.org' }],
  [false, { ...FROM, forwarded: 'host=example.org;;=' }],
  [false, { ...FROM, forwarded: 'host="example.org' }],
  [false, { ...FROM, forwarded: 'host="example.org/"' }],
  [false, { ...FROM, forwarded: 'host="user@example.org"' }],
  // What the proxy writes counts before what a client may have sent through it.
  [
    false,
    {
      ...FROM,
      'x-forwarded-host': 'other.example',
      'x-forwarded-proto': 'https',
      forwarded: 'host=example.org;proto=https',
    },
  ],
])('%p: what a trusted proxy says of scheme, host and port: %p', async (may, headers) => {
  expect(await connects('loopback', headers)).toBe(may)
  // From anybody else the same says nothing.
  expect(await connects(undefined, headers)).toBe(false)
  expect(await connects('192.0.2.1', headers)).toBe(false)
})

test.each<[string, string]>([
  ['for=203.0.113.7', '203.0.113.7'],
  ['for=203.0.113.7, for=10.1.1.1', '10.1.1.1'],
  ['for="203.0.113.7:4711"', '203.0.113.7'],
  // A colon has to be in quotes.
  ['for=203.0.113.7:4711', '127.0.0.1'],
  ['For="[2001:db8::1]:4711";proto=https', '2001:db8::1'],
  ['for="[2001:db8::1]"', '2001:db8::1'],
  ['for=_hidden', '_hidden'],
  ['for=203.0.113.7;', '127.0.0.1'],
  ['proto=https', '127.0.0.1'],
  ['for="203.0.113.7, 198.51.100.1"', '127.0.0.1'],
])('Forwarded: %s: the client is %s', async (forwarded, address) => {
  expect(await through('loopback', { forwarded })).toBe(address)
  expect(await through(undefined, { forwarded })).toBe('127.0.0.1')
  // A proxy that writes the other one lets this through from its clients.
  expect(await through('loopback', { forwarded, 'x-forwarded-for': '192.0.2.7' })).toBe('192.0.2.7')
})

test.each<[string, LoomOptions, Record<string, string>, RegExp, RegExp]>([
  ['no trustProxy', {}, {}, /set the option trustProxy.*option origin/, /does not name/],
  [
    'somebody else is trusted',
    { trustProxy: '192.0.2.1' },
    {},
    /"127\.0\.0\.1".*trustProxy does not name this address/,
    /set the option trustProxy/,
  ],
  [
    'no header',
    { trustProxy: 'loopback' },
    {},
    /does not send X-Forwarded-Host.* and X-Forwarded-Proto/,
    /set the option trustProxy/,
  ],
  [
    'no scheme',
    { trustProxy: 'loopback' },
    { 'x-forwarded-host': 'b.example' },
    /does not send X-Forwarded-Proto/,
    /X-Forwarded-Host/,
  ],
  [
    'another origin',
    { trustProxy: 'loopback' },
    { 'x-forwarded-host': 'b.example', 'x-forwarded-proto': 'https' },
    /says that the browser asked for https:\/\/b\.example\. .*option origin/,
    /does not send|set the option trustProxy/,
  ],
  [
    'a list of origins',
    { origin: ['https://b.example'] },
    {},
    /The option origin does not allow this origin/,
    /trustProxy/,
  ],
])('the log says what to do: %s', async (_, options, headers, advice, not) => {
  const site = await Site.start(options)
  const opened = Client.open(site.url(), { headers: { host: 'internal', origin: 'https://a.example', ...headers } })
  await expect(opened).rejects.toThrow('403')
  expect(site.log.warnings).toHaveLength(1)
  expect(site.log.warnings[0]).toMatch(advice)
  expect(site.log.warnings[0]).not.toMatch(not)
})
