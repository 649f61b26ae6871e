/** What is sent to one component: ctx.self is the address of a topic of its own, which it reads from its start. */

import { html, type Loom } from 'loom-live'
import { pageOf, shows, startPage } from '../support/pages'
import { Site } from '../support/site'
import { until } from '../support/until'

/** Shows what it was sent. */
function inbox(loom: Loom, tell: (address: string) => Promise<void> | void): { name: string } {
  return loom.register('inbox', {
    props: { got: '', steps: 0 },
    async connected(_, ctx) {
      await tell(ctx.self)
    },
    handle: {
      send(props, { value = '' }, ctx) {
        ctx.send(value, 'got', 'sent')
        return { ...props, steps: props.steps + 1 }
      },
      fails(_, { value = '' }, ctx) {
        ctx.send(value, 'got', 'never')
        throw new Error('no')
      },
      large(props, { value = '' }, ctx) {
        ctx.send(value, 'got', 'x'.repeat(1_001))
        return { ...props, steps: props.steps + 1 }
      },
      async listen(props, { value = '' }, ctx) {
        await ctx.subscribe(value, 'got')
        return { ...props, steps: props.steps + 1 }
      },
    },
    receive: { got: (props, { data }) => ({ ...props, got: `${props.got}${String(data)} ` }) },
    render: ({ got, steps }) => html`${got}| ${steps}`,
  })
}

test('a component gets what it was sent while connected ran, before anybody else had its address', async () => {
  const { page } = await startPage((loom) => inbox(loom, (address) => loom.send(address, 'got', 'early')))
  await shows(page, 'early | 0')
})

test('an address is sealed: nobody makes one of another, and it is no topic', async () => {
  const made: string[] = []
  const site = await Site.start()
  const { name } = inbox(site.loom, (address) => void made.push(address))
  const [page, other] = [await pageOf(site, name), await pageOf(site, name)]
  const [mine, theirs] = made as [string, string]
  expect(mine).not.toBe(theirs)
  for (const at of [0, 10, Math.floor(mine.length / 2), mine.length - 5]) {
    const changed = mine.slice(0, at) + (mine[at] === 'A' ? 'B' : 'A') + mine.slice(at + 1)
    await expect(site.loom.send(changed, 'got', 'forged')).rejects.toMatchObject({ code: 'LOOM_TOPIC' })
  }
  // Who subscribes to the address as to a topic hears nothing of what is sent, and who publishes there reaches nobody.
  other.event('listen', mine)
  await shows(other, '| 1')
  await site.loom.send(mine, 'got', 'private')
  await shows(page, 'private | 0')
  await site.loom.publish(mine, 'public')
  await shows(other, 'public | 1')
  expect(page.text).toBe('private | 0')
})

test('what a step sends is sent if it commits, and not if it fails', async () => {
  const addresses: string[] = []
  const site = await Site.start()
  const { name } = inbox(site.loom, (address) => void addresses.push(address))
  const [page, other] = [await pageOf(site, name), await pageOf(site, name)]
  page.event('fails', addresses[1])
  page.event('send', addresses[1])
  await shows(other, 'sent | 0')
  await shows(page, '| 1')
})

test('data beyond limits.messageBytes, and an address that cannot be opened, fail the step or reject', async () => {
  const addresses: string[] = []
  const { site, page } = await startPage((loom) => inbox(loom, (address) => void addresses.push(address)), {
    limits: { messageBytes: 1_000 },
  })
  const [address = ''] = addresses
  page.event('large', address)
  page.event('send', 'forged')
  await until('the answers', () => page.waiting === 0)
  expect(page.text).toBe('| 0')
  await site.log.says('the event "large" failed')
  await site.log.says('the event "send" failed')
  await expect(site.loom.send(address, 'got', 'x'.repeat(1_001))).rejects.toMatchObject({ code: 'LOOM_TOPIC' })
  await expect(site.loom.send('forged', 'got', 1)).rejects.toMatchObject({ code: 'LOOM_TOPIC' })
  await site.loom.send(address, 'got', 'small')
  await shows(page, 'small | 0')
})

test('the address of another loom is an error; that of a component that has ended is none, and reaches nobody', async () => {
  const addresses: string[] = []
  const site = await Site.start({ limits: { parkTime: 0 } })
  const { name } = inbox(site.loom, (address) => void addresses.push(address))
  const ended = await pageOf(site, name)
  ended.end()
  await until('its end', () => site.loom.stats().components === 0)
  const page = await pageOf(site, name)
  const [of = ''] = addresses
  await site.loom.send(of, 'got', 'nobody hears it')
  page.event('send', of)
  await shows(page, '| 1')
  const other = await Site.start({ secret: 'another secret of at least thirty-two bytes' })
  inbox(other.loom, () => undefined)
  await expect(other.loom.send(of, 'got', 1)).rejects.toMatchObject({ code: 'LOOM_TOPIC' })
  expect(site.log.errors).toEqual([])
})
