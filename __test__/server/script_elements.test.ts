/** `loom.script()`: what it writes into a page, what it refuses, and what is served for it. */

import { createServer } from 'node:http'
import { Site, testLoom } from '../support/site'

const sources = (elements: string) => [...elements.matchAll(/src="([^"]+)"/g)].map(([, source]) => source as string)

test('the client and the look of its states, without anything inline', () => {
  const { loom } = testLoom()
  expect(loom.script()).toMatch(
    /^<script type="module" src="\/loom\/client\.[\w-]{16}\.js" data-l-client data-l-texts='\{"offline":"Connection lost\.".*"lang":"en"\}'><\/script><script type="module" src="\/loom\/status\.[\w-]{16}\.js" data-l-status><\/script>$/,
  )
  expect(loom.script({ status: true })).toBe(loom.script())
  expect(loom.script({ nonce: undefined, status: undefined } as object)).toBe(loom.script())
})

test('each element has the nonce', () => {
  const { loom } = testLoom()
  expect(
    loom.script({ nonce: 'aB3+/_-=' }).match(/<script type="module" src="[^"]+" nonce="aB3\+\/_-=" data-l/g),
  ).toHaveLength(2)
})

test('without the look the client is alone', () => {
  const { loom } = testLoom()
  expect(sources(loom.script({ status: false }))).toHaveLength(1)
})

test('texts are escaped', () => {
  const { loom } = testLoom()
  const elements = loom.script({ texts: { offline: '"><script>x&amp;</script>', reload: "'Neu'" } })
  expect(elements).toContain(`data-l-texts='{"offline":"\\">&#60;script>x&#38;amp;&#60;/script>",`)
  expect(elements).toContain(`"reload":"&#39;Neu&#39;"`)
  expect(elements).not.toContain('"lang"')
  // Without the look of its states, a page says little.
  expect(loom.script({ status: false, texts: { dismiss: 'Weg' } })).toContain(`data-l-texts='{"dismiss":"Weg"}'`)
})

test.each([
  [{ nonce: 'x" onload="y' }],
  [{ nonce: '' }],
  [{ nonce: 'a b' }],
  [{ nonce: 7 }],
  [{ nonce: null }],
  [{ nonse: 'abc' }],
  [{ status: 'off' }],
  [{ status: null }],
  [{ status: { offline: 'x' } }],
  [{ texts: { offlin: 'x' } }],
  [{ texts: { offline: '' } }],
  [{ texts: { offline: 7 } }],
  [{ texts: { retryIn: 'soon' } }],
  [{ texts: 'x' }],
  ['abc'],
])('what an option cannot be is an error: %j', (options) => {
  const { loom } = testLoom()
  expect(() => loom.script(options as object)).toThrow(expect.objectContaining({ code: 'LOOM_ARGUMENT' }) as Error)
})

test('both are served, for ever under their hash and anew under another', async () => {
  const { loom } = testLoom()
  const serve = loom.express()
  const server = createServer((request, response) => {
    serve(request, response, () => response.writeHead(404).end())
  })
  const site = await Site.of(loom, server)
  for (const source of sources(loom.script())) {
    const found = await fetch(`${site.origin}${source}`)
    expect([found.status, found.headers.get('content-type')]).toEqual([200, 'text/javascript; charset=utf-8'])
    expect(found.headers.get('cache-control')).toContain('immutable')
    const older = await fetch(`${site.origin}${source.replace(/\.[\w-]{16}\./, '.x.')}`)
    expect([older.status, older.headers.get('cache-control')]).toEqual([200, 'no-cache'])
    expect(await older.text()).toBe(await found.text())
  }
})

test.each([true, false])(
  'what the client loads is there under the name that it has for it; development: %j',
  async (development) => {
    const { loom } = testLoom({ development })
    const serve = loom.express()
    const server = createServer((request, response) => {
      serve(request, response, () => response.writeHead(404).end())
    })
    const site = await Site.of(loom, server)
    const client = new URL(sources(loom.script())[0] as string, site.origin)
    const [name] = /fields\.[\w-]+\.js/.exec(await (await fetch(client)).text()) ?? ['']
    const found = await fetch(new URL(name, client))
    expect([found.status, found.headers.get('content-type')]).toEqual([200, 'text/javascript; charset=utf-8'])
    expect(found.headers.get('cache-control')).toContain('immutable')
    expect(await found.text()).toContain('export')
  },
)
