import type { LoomOptions } from 'loom-live'
import { Site } from '../support/site'
import { Client } from '../support/client'

interface Case {
  origin?: string
  host?: string
}

async function connects(options: LoomOptions, { origin, host }: Case): Promise<boolean> {
  const site = await Site.start(options)
  const headers: Record<string, string> = {}
  if (origin !== undefined) headers['origin'] = origin
  if (host !== undefined) headers['host'] = host
  try {
    await Client.open(site.url(), { headers })
    return true
  } catch (error) {
    expect(String(error)).toContain('403')
    return false
  }
}

test.each([
  { host: 'example.org' },
  { host: 'example.org', origin: 'http://example.org' },
  { host: 'example.org', origin: 'https://example.org' },
  { host: 'example.org:3000', origin: 'http://example.org:3000' },
  { host: 'example.org:80', origin: 'http://example.org' },
  { host: 'example.org:443', origin: 'https://example.org' },
  { host: 'EXAMPLE.org', origin: 'http://example.org' },
  { host: '[::1]:3000', origin: 'http://[::1]:3000' },
])('by default the request’s own host may connect: %p', async (one) => {
  expect(await connects({}, one)).toBe(true)
})

test.each([
  { host: 'example.org', origin: 'null' },
  { host: 'example.org', origin: 'http://evil.example' },
  { host: 'example.org', origin: 'http://example.org.evil.example' },
  { host: 'example.org', origin: 'http://evil-example.org' },
  { host: 'example.org', origin: 'http://sub.example.org' },
  { host: 'example.org', origin: 'http://example.org:8080' },
  { host: 'example.org:8080', origin: 'http://example.org' },
  { host: 'example.org', origin: 'https://example.org:80' },
  { host: 'example.org', origin: 'example.org' },
  { host: 'example.org', origin: 'http://' },
  { host: 'example.org', origin: 'http://example.org, http://evil.example' },
  { host: 'null', origin: 'null' },
])('and no other: %p', async (one) => {
  expect(await connects({}, one)).toBe(false)
})

describe('over https', () => {
  test.each([
    ['https://example.org', true],
    ['http://example.org', false],
    ['http://example.org:443', false],
    ['foo://example.org', false],
    ['chrome-extension://example.org', false],
  ])('a page of %s: %p', async (origin, may) => {
    const site = await Site.start({ over: 'https' })
    const opened = Client.open(site.url(), { headers: { host: 'example.org', origin } })
    if (may) await opened
    else await expect(opened).rejects.toThrow('403')
  })
})

test.each([
  'foo://example.org',
  'ws://example.org',
  'file://example.org',
  'javascript://example.org',
  '//example.org',
  'HTTPS://example.org',
])('no page has a scheme like that of %s', async (origin) => {
  expect(await connects({}, { host: 'example.org', origin })).toBe(false)
})

test('who is refused is logged once, and what to set; not without end', async () => {
  const site = await Site.start()
  const refused = async (origin: string): Promise<void> => {
    await expect(Client.open(site.url(), { headers: { origin, host: 'internal:3000' } })).rejects.toThrow('403')
  }
  await refused('https://shop.example')
  await refused('https://shop.example')
  expect(site.log.warnings).toHaveLength(1)
  expect(site.log.warnings[0]).toMatch(/"https:\/\/shop\.example".*"internal:3000".*trustProxy.*origin/)
  for (let number = 0; number < 20; number++) await refused(`https://shop${number}.example`)
  expect(site.log.warnings).toHaveLength(10)
})

test('a list is the whole list', async () => {
  const origin = ['https://app.example', 'http://localhost:5173']
  expect(await connects({ origin }, { origin: 'https://app.example' })).toBe(true)
  expect(await connects({ origin }, { origin: 'http://localhost:5173' })).toBe(true)
  expect(await connects({ origin }, { origin: 'http://app.example' })).toBe(false)
  expect(await connects({ origin }, { host: 'own.example', origin: 'http://own.example' })).toBe(false)
  expect(await connects({ origin: ['null'] }, { origin: 'null' })).toBe(false)
  expect(await connects({ origin }, {})).toBe(true)
})

test('a function decides, and sees the request', async () => {
  const seen: unknown[] = []
  const options: LoomOptions = {
    origin(origin, request) {
      seen.push([origin, request.headers.host])
      return origin.endsWith('.example')
    },
  }
  expect(await connects(options, { host: 'x.org', origin: 'https://a.example' })).toBe(true)
  expect(await connects(options, { host: 'x.org', origin: 'https://a.test' })).toBe(false)
  expect(await connects({ origin: () => true }, { origin: 'null' })).toBe(false)
  expect(seen).toEqual([
    ['https://a.example', 'x.org'],
    ['https://a.test', 'x.org'],
  ])
})
