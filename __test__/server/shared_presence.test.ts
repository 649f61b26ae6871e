/** Presence of shared components: one entry of the component, as long as a page shows it, whoever has clicked. */

import { html, type Loom, type PresenceMessage } from 'loom-live'
import { comeBack, gone, shows } from '../support/pages'
import { byHeader, KEY, settled, sharedPage, sharedToken } from '../support/shared'
import { Site, type SiteOptions } from '../support/site'
import { until } from '../support/until'

const TOPIC = 'house'
const SOON: SiteOptions = { bind: byHeader, limits: { presenceGrace: 50, parkTime: 600_000 } }

const there = async (loom: Loom): Promise<string[]> => {
  const { present = [] } = await loom.presence<string>(TOPIC)
  return present.map(({ key, metas }) => `${key}=${metas.join('+')}`)
}

const showsThere = (loom: Loom, expected: string[]): Promise<unknown> =>
  until(`${expected.join()} to be there`, async () => (await there(loom)).join() === expected.join())

test('it is tracked as its key, by whatever step, and by another key if one is given', async () => {
  const site = await Site.start({ ...SOON, limits: { presenceGrace: 600_000 } })
  const module = site.loom.register('board', {
    props: { rang: 0 },
    handle: {
      track: (_, { value = '', viewer }, ctx) =>
        ctx.track(TOPIC, value, value === 'as itself' ? {} : { key: viewer?.bind ?? '' }),
      ring: (_, __, ctx) => ctx.after('rang', 0),
    },
    receive: {
      rang({ rang }, _, ctx) {
        ctx.track(TOPIC, `rang ${rang}`)
        return { rang: rang + 1 }
      },
    },
    render: ({ rang }) => html`${rang}`,
  })
  const [ada, bob] = [await sharedPage(site, module, { user: 'ada' }), await sharedPage(site, module, { user: 'bob' })]
  ada.event('track', 'as itself')
  await settled(ada)
  expect(await there(site.loom)).toEqual([`${KEY}=as itself`])
  ada.event('ring')
  await shows(ada, '1')
  expect(await there(site.loom)).toEqual([`${KEY}=rang 0`])
  // It is one entry of the component, which has another key now.
  bob.event('track', 'as bob')
  await settled(bob)
  expect((await there(site.loom)).at(-1)).toBe('bob=as bob')
  bob.event('ring')
  await shows(bob, '2')
  expect((await there(site.loom)).at(-1)).toBe('bob=rang 1')
})

test('it is there while a page shows it, whichever has gone, and not before one does', async () => {
  const site = await Site.start(SOON)
  const module = site.loom.register('board', {
    props: { rang: 0 },
    connected(_, ctx) {
      ctx.track(TOPIC, 'open')
      ctx.every('rang', 50)
    },
    handle: {},
    receive: { rang: ({ rang }) => ({ rang: rang + 1 }) },
    render: ({ rang }) => html`${rang}`,
  })
  await sharedToken(site, module, { user: 'ada' })
  expect([site.loom.stats().components, await there(site.loom)]).toEqual([1, []])
  const first = await sharedPage(site, module, { user: 'ada' })
  await showsThere(site.loom, [`${KEY}=open`])
  const second = await sharedPage(site, module, { user: 'bob' })
  first.end()
  const before = Number(second.text)
  await until('some time to pass', () => Number(second.text) > before + 4)
  expect(await there(site.loom)).toEqual([`${KEY}=open`])
  await gone(site, second)
  await showsThere(site.loom, [])
  // It goes on meanwhile, and is there again when a page is back.
  comeBack(second)
  await until('the page to be back', () => second.isLive && second.joins + second.resumes > 1)
  await showsThere(site.loom, [`${KEY}=open`])
  expect(Number(second.text)).toBeGreaterThan(before + 4)
  second.end()
  await showsThere(site.loom, [])
  expect(site.loom.stats().components).toBe(1)
})

test('it is told who comes and goes while no page shows it, too, and everybody once', async () => {
  const site = await Site.start(SOON)
  const told: string[] = []
  const module = site.loom.register('board', {
    props: { count: 0 },
    connected(_, ctx) {
      ctx.track(TOPIC)
      ctx.presence(TOPIC, 'came')
    },
    handle: {},
    receive: {
      came({ count }, { data, from }: PresenceMessage) {
        const names = (people: readonly { key: string }[] = []): string => people.map(({ key }) => key).join()
        told.push(`${from} ${data.present === undefined ? `+${names(data.joined)} -${names(data.left)}` : 'all'}`)
        return { count: count + 1 }
      },
      viewers: (props) => props,
    },
    render: ({ count }) => html`${count}`,
  })
  const guest = site.loom.register('guest', {
    props: { count: 0 },
    connected: (_, ctx) => ctx.track(TOPIC),
    handle: {},
    render: ({ count }) => html`${count}`,
  })
  const page = await sharedPage(site, module, { user: 'eve' })
  await until('its own entry to be told', () => told.includes(`presence +${KEY} -`) || told.includes('presence all'))
  page.end()
  await until('its end to be told', () => told.includes(`presence + -${KEY}`))
  const client = await site.connect({ headers: { 'x-user': 'ada' } })
  const request = { headers: { 'x-user': 'ada' }, socket: {}, url: '/' } as never
  await client.joined('c0', guest.name, await site.token(guest, {}, { request }))
  await until('the guest to be told', () => told.includes('presence +ada -'))
  expect(told.filter((one) => one === 'presence all')).toHaveLength(1)
})
