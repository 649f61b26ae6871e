import { html } from 'loom-live'
import { counter, Site } from '../support/site'
import { until } from '../support/until'

test('events beyond the rate are answered with errors, are not handled, and disturb nobody', async () => {
  const site = await Site.start({ limits: { eventRate: 1, eventBurst: 5 } })
  const module = counter(site.loom)
  const client = await site.live(module)
  const bystander = await site.live(module)
  const answers = await Promise.all(Array.from({ length: 200 }, () => client.event('c0', 'increment')))
  const taken = answers.filter(({ type }) => type === 'patch').length
  // A second or two may pass meanwhile.
  expect(taken).toBeGreaterThanOrEqual(5)
  expect(taken).toBeLessThan(20)
  expect(answers.filter(({ type }) => type === 'error')).toHaveLength(200 - taken)
  expect(client.html('c0')).toBe(`<b>${taken}</b>`)
  expect(await bystander.shows('c0', 'increment')).toBe('<b>1</b>')
})

test('events of one address beyond its rate are answered with errors, however many connections send them', async () => {
  const site = await Site.start({ limits: { eventRatePerAddress: 1, eventBurstPerAddress: 10 } })
  const module = counter(site.loom)
  const clients = await Promise.all(Array.from({ length: 5 }, () => site.live(module)))
  const answers = await Promise.all(
    clients.flatMap((client) => Array.from({ length: 10 }, () => client.event('c0', 'increment'))),
  )
  const taken = answers.filter(({ type }) => type === 'patch').length
  expect(taken).toBeGreaterThanOrEqual(10)
  expect(taken).toBeLessThan(20)
  expect(answers.filter(({ type }) => type === 'error')).toHaveLength(50 - taken)
})

test('a storm of joins waits for its turns, while a page that works goes on', async () => {
  const site = await Site.start({ limits: { joinRate: 10, joinBurst: 1 } })
  const module = counter(site.loom)
  const bystander = await site.live(module)
  const token = await site.token(module)
  const client = await site.connect()
  const started = Date.now()
  let joined = 0
  const joins = Array.from({ length: 20 }, async (_, index) => {
    await client.joined(`c${index}`, 'counter', token)
    joined += 1
  })
  expect(await bystander.shows('c0', 'increment')).toBe('<b>1</b>')
  expect(joined).toBeLessThan(20)
  await Promise.all(joins)
  // The first may be part of the burst again.
  expect(Date.now() - started).toBeGreaterThan(900)
  expect(await client.shows('c19', 'increment')).toBe('<b>1</b>')
})

test('joins of one address beyond its rate are told to come back later', async () => {
  const site = await Site.start({ limits: { joinRatePerAddress: 1, joinBurstPerAddress: 3 } })
  const token = await site.token(counter(site.loom))
  const client = await site.connect()
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) => client.join(`c${index}`, 'counter', token)),
  )
  expect(answers.slice(0, 3).every(({ type }) => type === 'trees')).toBe(true)
  expect(answers[19]).toMatchObject({ type: 'error', error: expect.stringContaining('busy') as string })
})

test('connections of one address beyond the limit are closed with 1013, until one is given back', async () => {
  const site = await Site.start({ limits: { connectionsPerAddress: 3 } })
  const module = counter(site.loom)
  const clients = [await site.live(module), await site.live(module), await site.live(module)]
  const refused = await site.connect()
  expect(await refused.closeCode()).toBe(1013)
  expect(await clients[0]?.shows('c0', 'increment')).toBe('<b>1</b>')
  await clients[1]?.close()
  await until('room', () => site.loom.stats().connections === 2)
  expect(await (await site.live(module)).shows('c0', 'increment')).toBe('<b>1</b>')
})

test.each(['keep', 'show', 'publish', 'later'])(
  'components of one address that hold much after one event each give way: %s',
  async (handler) => {
    const site = await Site.start({ limits: { componentBytesPerAddress: 1 << 20 } })
    const { name } = site.loom.register('holds', {
      props: { kept: '', shown: '' },
      handle: {
        keep: (props, { value = '' }) => ({ ...props, kept: value }),
        show: (props, { value = '' }) => ({ ...props, shown: value }),
        publish(props, { value }, ctx) {
          ctx.publish('topic', value)
          return { ...props }
        },
        later(props, { value }, ctx) {
          ctx.after('rung', 600_000, value)
          return { ...props }
        },
      },
      receive: { rung: (props) => props },
      render: ({ shown }) => html`${shown}`,
    })
    const client = await site.connect()
    const token = await site.token(name)
    const ids = Array.from({ length: 20 }, (_, at) => `c${at}`)
    for (const id of ids) await client.joined(id, name, token)
    const value = 'x'.repeat(100_000)
    for (const id of ids) client.send({ type: 'event', id, handler, event: 'click', special_vars: { value } })
    await until('the newest to give way', () => site.loom.stats().components < 15)
    expect(site.loom.stats().components).toBeGreaterThanOrEqual(3)
  },
)
