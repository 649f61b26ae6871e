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
