import { html } from 'loom-live'
import { frame } from '../support/client'
import { counter, Site, TRANSPORTS } from '../support/site'
import { until } from '../support/until'

async function chatty(options: Parameters<typeof Site.start>[0]) {
  const site = await Site.start(options)
  let handled = 0
  const module = site.loom.register('chatty', {
    props: { round: 0 },
    handle: {
      more({ round }) {
        handled += 1
        return { round: round + 1 }
      },
    },
    render: ({ round }) => html`<p>${String(round % 10).repeat(200_000)}</p>`,
  })
  return { site, module, plain: counter(site.loom), handled: () => handled }
}

/** Silent clients are given up soon, and no client that answers is: the process stands still for less than that. */
const SOON = { deadAfter: 2_000, pingAfter: 500 }

const MORE = { type: 'event', id: 'c0', handler: 'more', event: 'click', special_vars: {} }

/** Until the number no longer changes while other clients are served. */
async function settles(look: () => number, serve: () => Promise<unknown>): Promise<number> {
  let last = -1
  for (let same = 0; same < 50; same++) {
    await serve()
    const now = look()
    if (now !== last) same = 0
    last = now
  }
  return last
}

describe.each(TRANSPORTS)('over %s', (over) => {
  test('for a client that does not read, no more is made than fits; when it reads on, it gets all', async () => {
    const { site, module, plain, handled } = await chatty({
      over,
      limits: { outgoingBytes: 300_000, queuedEvents: 1000 },
    })
    const client = await site.live(module)
    const other = await site.live(plain)
    client.stopReading()
    const events = Array.from({ length: 200 }, () => client.event('c0', 'more'))
    const stuck = await settles(handled, () => other.event('c0', 'increment'))
    // 200 answers are 40 MB: neither the limit nor the kernel's buffers hold them.
    expect(stuck).toBeLessThan(200)
    client.readOn()
    await Promise.all(events)
    expect(handled()).toBe(200)
    expect(client.html('c0')).toBe(`<p>${'0'.repeat(200_000)}</p>`)
  })

  test('a client that never reads is given up, and leaves nothing behind', async () => {
    const { site, module, plain } = await chatty({
      over,
      limits: { outgoingBytes: 300_000, queuedEvents: 1000, ...SOON },
    })
    const client = await site.live(module)
    client.stopReading()
    for (let count = 0; count < 200; count++) client.send(MORE)
    await until('the client to be given up', () => site.loom.stats().connections === 0)
    await site.empty()
    // Others are served.
    const other = await site.live(plain)
    expect(await other.shows('c0', 'increment')).toBe('<b>1</b>')
    other.drop()
    await site.empty()
    await site.freed()
  })

  test('half a frame and then silence: the client is given up', async () => {
    const { site, plain } = await chatty({ over, limits: SOON })
    const client = await site.live(plain)
    // The answers to pings would be signs of life.
    client.write(frame(Buffer.from('{"type":"eve'), { size: 1000 }))
    client.stopReading()
    await until('the client to be given up', () => site.loom.stats().connections === 0)
    await site.empty()
  })

  test('half a header and then silence: the client is given up', async () => {
    const { site, plain } = await chatty({ over, limits: SOON })
    const client = await site.live(plain)
    client.write(frame(Buffer.alloc(0)).subarray(0, 1))
    client.stopReading()
    await until('the client to be given up', () => site.loom.stats().connections === 0)
    await site.empty()
  })

  test('half a frame holds up nobody else, and its other half completes it', async () => {
    const { site, plain } = await chatty({ over })
    const client = await site.live(plain)
    const other = await site.live(plain)
    const text = JSON.stringify({ ...MORE, handler: 'increment' })
    const whole = frame(Buffer.from(text))
    const answer = client.answer('c0', 'the two halves')
    client.write(whole.subarray(0, 20))
    expect(await other.shows('c0', 'increment')).toBe('<b>1</b>')
    client.write(whole.subarray(20))
    expect(await answer).toEqual({ type: 'patch', id: 'c0', d: { 0: '1' } })
  })
})

// All at once: each waits for as long as a closing handshake may take.
test('close() waits for no client that never reads, whether something waits for it or not', async () => {
  const closing = TRANSPORTS.map(async (over) => {
    const { site, module, plain, handled } = await chatty({
      over,
      limits: { outgoingBytes: 300_000, queuedEvents: 1000 },
    })
    const client = await site.live(module)
    const idle = await site.live(plain)
    const other = await site.live(plain)
    client.stopReading()
    idle.stopReading()
    for (let count = 0; count < 200; count++) client.send(MORE)
    await settles(handled, () => other.event('c0', 'increment'))
    let closed = false
    void site.loom.close({ timeout: 50 }).then(() => (closed = true))
    await until(`close() to resolve over ${over}`, () => closed)
    expect(site.loom.stats()).toMatchObject({ connections: 0, components: 0 })
  })
  await Promise.all(closing)
})
