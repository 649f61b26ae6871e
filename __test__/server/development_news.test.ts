// What pages hear of in development, and who may hear of it; and where templates are.

import { readFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { relative } from 'node:path'
import { createLoom, html, type LoomOptions } from 'loom-live'
import { counter, pageSite, type Site, testLoom } from '../support/site'

async function site(options: LoomOptions = { development: true }): Promise<Site> {
  const { loom } = testLoom(options)
  counter(loom)
  return pageSite(loom, 'counter')
}

/** What a page that asks is told until `enough`. */
async function news(
  on: Site,
  enough: (text: string) => boolean,
  query = '',
  headers: Record<string, string> = {},
): Promise<string> {
  const stop = new AbortController()
  const response = await fetch(`${on.origin}/loom/news${query}`, { headers, signal: stop.signal })
  expect(response.headers.get('content-type')).toMatch('text/event-stream')
  let text = ''
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  while (!enough(text)) text += (await reader?.read())?.value ?? ''
  stop.abort()
  return text
}

async function failed(on: Site): Promise<void> {
  const client = await on.live({ name: 'counter' })
  await client.fails('c0', 'boom')
  await client.close()
}

test('a failure is told with its place, to pages that were being loaded, too, and not twice', async () => {
  const on = await site()
  await failed(on)
  const told = await news(on, (text) => text.includes('event: failure'), '?age=10000')
  const { text, what, places } = JSON.parse(/data: (.*)/.exec(told)?.[1] ?? '') as Record<string, unknown>
  expect({ text, what }).toEqual({ text: 'boom', what: 'the handler "boom" of counter' })
  const line =
    readFileSync(require.resolve('../support/site'), 'utf8')
      .split('\n')
      .findIndex((one) => one.includes("Error('boom')")) + 1
  expect(places).toEqual([expect.objectContaining({ file: '__test__/support/site.ts', line })])
  const [, id = ''] = /id: (.*)/.exec(told) ?? []
  // Who has heard of it, and who began later, are told of the next one only.
  for (const [query, headers] of [
    ['?age=10000', { 'last-event-id': id }],
    [`?age=10000&after=${id}`, {}],
    ['?age=0', {}],
  ] as const) {
    // Longer than what a page says may be on its way.
    await new Promise((resolve) => setTimeout(resolve, 300))
    const next = news(on, (text) => text.includes('event: failure'), query, headers)
    await new Promise((resolve) => setTimeout(resolve, 50))
    await failed(on)
    expect((await next).match(/event: failure/g)).toHaveLength(1)
  }
})

test('pages of other origins hear nothing', async () => {
  const on = await site()
  expect((await fetch(`${on.origin}/loom/mistakes`)).status).toBe(200)
  for (const headers of [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'http://evil.example' },
  ])
    for (const path of ['news', 'mistakes'])
      expect((await fetch(`${on.origin}/loom/${path}`, { headers })).status).toBe(403)
})

test('for a page that takes nothing, so much waits and no more', async () => {
  const on = await site()
  const socket = connect(Number(new URL(on.origin).port), '127.0.0.1')
  socket.on('error', () => undefined)
  socket.write('GET /loom/news HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n')
  await new Promise((resolve) => socket.once('data', resolve))
  socket.pause()
  type Inside = { wiring: { news: { open: Set<ServerResponse>; tell(event: 'style', data: object): void } } }
  const { news } = (on.loom as unknown as Inside).wiring
  const [response] = news.open
  for (let count = 0; count < 200; count++) {
    news.tell('style', { file: 'x'.repeat(100_000) })
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(response?.destroyed).toBe(true)
  socket.destroy()
})

test('in production there is no such address, and nothing is kept', async () => {
  const on = await site({ development: false })
  await failed(on)
  expect((await fetch(`${on.origin}/loom/news?age=10000`)).headers.get('content-type')).toMatch('text/html')
})

test('the end of the loom ends the streams', async () => {
  const on = await site()
  const response = await fetch(`${on.origin}/loom/news`)
  const rest = response.text()
  await on.loom.close()
  expect(await rest).toBe('retry: 500\n\n')
})

describe('data-l-loc', () => {
  const here = relative(process.cwd(), __filename)
  const line = (): number => Number(/:(\d+):\d+\)?$/.exec(new Error().stack?.split('\n')[2] ?? '')?.[1])

  test('the first element of each template says where the template is', async () => {
    const { loom } = testLoom({ development: { locations: true } })
    const at = line()
    const module = loom.register('located', {
      props: { rows: ['a'], name: 'x' },
      handle: {},
      render: ({ rows, name }) =>
        html`<ul class="${name}">${rows.map((row) => html`<li>${row}</li>`)}</ul> ${html`${name}`} ${html`text <b>b</b>`}`,
    })
    const page = await loom.mount(module)
    expect(page).toContain(
      `<ul data-l-loc="${here}:${at + 5}" class="x"><li data-l-loc="${here}:${at + 5}">a</li></ul> x text <b>b</b>`,
    )
  })

  test('an error still says which slot is meant', async () => {
    const { loom } = testLoom({ development: { locations: true } })
    const module = loom.register('wrong', { props: {}, handle: {}, render: () => html`<p title=${'x'}></p>` })
    await expect(loom.mount(module)).rejects.toThrow(/Slot 1 .*attribute title: `<p title=/)
  })

  test('options that there are not are errors', () => {
    expect(() => createLoom({ development: { location: true } as object })).toThrow(
      /location.*did you mean "?locations/,
    )
    expect(() => createLoom({ development: { overlay: 1 } as object })).toThrow(
      /Expected a boolean for development\.overlay/,
    )
    expect(() => createLoom({ development: 'yes' as never })).toThrow(/Expected a boolean or an object like/)
  })
})
