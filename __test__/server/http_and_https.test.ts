import { html } from 'loom-live'
import { counter, Site, TRANSPORTS } from '../support/site'
import { until } from '../support/until'

describe.each(TRANSPORTS)('over %s', (over) => {
  test('a page joins, clicks and leaves', async () => {
    const site = await Site.start({ over })
    const module = counter(site.loom)
    const client = await site.live(module, { count: 41 })
    expect(client.html('c0')).toBe('<b>41</b>')
    expect(await client.shows('c0', 'increment')).toBe('<b>42</b>')
    expect(await client.fails('c0', 'boom')).toContain('boom')
    expect(await client.shows('c0', 'increment')).toBe('<b>43</b>')
    expect(site.loom.stats()).toMatchObject({ connections: 1, components: 1, events: 2, errors: 1 })
    client.leave('c0')
    await until('the component to end', () => site.loom.stats().components === 0)
    await client.close()
    expect(client.closed?.code).toBe(1005)
    await site.empty()
  })

  test('many components on many connections at once', async () => {
    const site = await Site.start({ over })
    const module = counter(site.loom)
    const token = await site.token(module)
    const clients = await Promise.all(Array.from({ length: 20 }, () => site.connect()))
    const ids = ['c0', 'c1', 'c2', 'c3', 'c4']
    await Promise.all(clients.flatMap((client) => ids.map((id) => client.joined(id, 'counter', token))))
    expect(site.loom.stats()).toMatchObject({ connections: 20, components: 100 })
    await Promise.all(
      clients.flatMap((client) => ids.flatMap((id) => Array.from({ length: 10 }, () => client.event(id, 'increment')))),
    )
    for (const client of clients) for (const id of ids) expect(client.html(id)).toBe('<b>10</b>')
    for (const client of clients) client.drop()
    await site.empty()
  })

  test('large messages pass whole in both directions', async () => {
    const site = await Site.start({ over, limits: { messageBytes: 8 << 20 } })
    const echo = site.loom.register('echo', {
      props: { text: '' },
      handle: { say: (_, { value = '' }) => ({ text: value }) },
      render: ({ text }) => html`<p>${text}</p>`,
    })
    const client = await site.live(echo)
    // Lengths around the framing's steps, and far beyond every buffer; characters of all sizes.
    for (const length of [0, 1, 124, 125, 126, 127, 16_383, 16_384, 16_385, 65_535, 65_536, 300_000, 2_000_000]) {
      const value = 'aé☃😀'
        .repeat(Math.ceil(length / 10))
        .slice(0, length)
        .replace(/[\ud800-\udbff]$/, '')
      expect((await client.shows('c0', 'say', { value })) === `<p>${value}</p>`).toBe(true)
    }
  })

  test('pings are answered, and a closing handshake too', async () => {
    const site = await Site.start({ over })
    const client = await site.live(counter(site.loom))
    const pong = new Promise((resolve) =>
      client.socket.once('pong', (data) => {
        resolve(data.toString())
      }),
    )
    client.socket.ping('are you there?')
    expect(await pong).toBe('are you there?')
    client.socket.close(4000, 'bye')
    expect(await client.closeCode()).toBe(4000)
    await site.empty()
  })

  test('a silent client is pinged, and stays while it answers', async () => {
    const site = await Site.start({ over, limits: { pingAfter: 20, deadAfter: 10_000 } })
    const client = await site.live(counter(site.loom))
    await until('some pings', () => client.pings > 5)
    expect(await client.shows('c0', 'increment')).toBe('<b>1</b>')
  })

  test('a client that is dead is given up, and what was its own with it', async () => {
    const site = await Site.start({ over, limits: { pingAfter: 500, deadAfter: 2_000 } })
    const client = await site.live(counter(site.loom))
    client.stopReading()
    await site.empty()
    await site.freed()
  })

  test('a client that vanishes is noticed at once', async () => {
    const site = await Site.start({ over })
    const module = counter(site.loom)
    const client = await site.live(module)
    const other = await site.live(module)
    client.drop()
    await until('the connection to be gone', () => site.loom.stats().connections === 1)
    await until('its actor to end', () => site.loom.stats().components === 1)
    expect(await other.shows('c0', 'increment')).toBe('<b>1</b>')
  })

  test('the handler knows the request that the connection began with', async () => {
    const site = await Site.start({ over })
    const requests: unknown[] = []
    const module = site.loom.register('who', {
      props: {},
      handle: {
        ask(_, __, ctx) {
          requests.push({ id: ctx.id, module: ctx.module, ...ctx.request })
        },
      },
      render: () => html`<p></p>`,
    })
    const client = await site.connect({ headers: { cookie: 'a=1; b=x%20y', 'x-custom': 'é' } })
    const request = { url: '/who?x=1', headers: {}, socket: {} } as never
    await client.joined('c7', 'who', await site.token(module, {}, { request }))
    await client.event('c7', 'ask')
    expect(requests).toMatchObject([
      {
        id: 'c7',
        module: 'who',
        // Of it all, the URL is the page's.
        url: '/who?x=1',
        address: '127.0.0.1',
        cookies: { a: '1', b: 'x y' },
        headers: { host: site.host, cookie: 'a=1; b=x%20y', upgrade: 'websocket' },
      },
    ])
  })
})
