/** Presence of several processes: who is there in one is known in all, whatever happens to processes and to Redis. */

import { html, type Loom, type LoomOptions, peopleAfter, type Person, type PresenceMessage } from 'loom-live'
import { Child } from '../support/child'
import { atEnd } from '../support/cleanup'
import { LivePage } from '../support/live_page'
import { redis, RedisServer, withRedis } from '../support/redis'
import { SECRET, Site } from '../support/site'
import { until } from '../support/until'

const TOPIC = 'room:1'

interface Backplane {
  redis: string
  prefix: string
}

/** What was told, and who is there. The page says who it is; without a name it only watches. */
function room(loom: Loom): { name: string } {
  return loom.register('room', {
    props: { people: [] as readonly Person[], told: [] as string[], tracked: 0 },
    connected(_, ctx) {
      ctx.presence(TOPIC, 'people')
    },
    handle: {
      track(props, { value = '' }, ctx) {
        const [key = '', meta] = value.split('=')
        ctx.track(TOPIC, meta, { key })
        return { ...props, tracked: props.tracked + 1 }
      },
    },
    receive: {
      people(props, { data }: PresenceMessage) {
        const named = (sign: string, people: readonly Person[] = []): string[] => people.map(({ key }) => sign + key)
        const whole = data.present === undefined ? [] : [`all:${data.count}`]
        const changes = [...named('+', data.joined), ...named('~', data.changed), ...named('-', data.left)]
        return { ...props, people: peopleAfter(props.people, data), told: [...props.told, ...whole, ...changes] }
      },
    },
    render: ({ people, told }) =>
      html`${people
        .map(({ key, metas }) => `${key}=${metas.join('+')}`)
        .sort()
        .join(' ')}
      | ${told.join(' ')}`,
  })
}

const people = (page: LivePage): string => (page.text.split('|')[0] ?? '').trim()
const told = (page: LivePage): string[] => (page.text.split('|')[1] ?? '').trim().split(' ')

const shows = (page: LivePage, expected: string): Promise<unknown> =>
  until(`the page to show ${expected}`, () => people(page) === expected)

async function processes(options: LoomOptions = {}, backplane?: Backplane): Promise<[Site, Site]> {
  const { store } = (await redis()) as { store: Backplane }
  const start = async (): Promise<Site> => {
    const site = await Site.start({ backplane: backplane ?? store, ...options })
    room(site.loom)
    return site
  }
  return [await start(), await start()]
}

/** A page of one site after the other, as `at` says; tracked, if it is to be. */
async function open(at: () => Site, track?: string): Promise<LivePage> {
  const page = new LivePage({ url: () => at().url(), module: 'room', token: await at().token('room') })
  atEnd(() => {
    page.end()
  })
  await until('the page to be live', () => page.isLive)
  if (track !== undefined) {
    page.event('track', track)
    await until('the answer', () => page.isSettled)
  }
  return page
}

withRedis('presence of several processes', () => {
  test('whoever comes, changes and goes in one is told in all', async () => {
    const [one, other] = await processes({ limits: { presenceGrace: 50 } })
    const watcher = await open(() => other)
    await shows(watcher, '')
    const ann = await open(() => one, 'ann=A')
    await shows(watcher, 'ann=A')
    await open(() => other, 'ben=B')
    await shows(ann, 'ann=A ben=B')
    ann.event('track', 'ann=typing')
    await shows(watcher, 'ann=typing ben=B')
    // Tabs in both are one person.
    await open(() => other, 'ann=2')
    await shows(watcher, 'ann=typing+2 ben=B')
    ann.end()
    await shows(watcher, 'ann=2 ben=B')
    expect(told(watcher)).toEqual(['all:0', '+ann', '+ben', '~ann', '~ann', '~ann'])
    for (const { loom } of [one, other]) {
      await until('it to be known', async () => (await loom.presence(TOPIC)).count === 2)
    }
    expect(one.log.all + other.log.all).toBe('')
  })

  test('a page that comes to another process has not been away, nor does it leave because its process closes', async () => {
    const [one, other] = await processes({ limits: { presenceGrace: 3_000 } })
    const watcher = await open(() => other)
    let at = one
    const ann = await open(() => at, 'ann=A')
    await shows(watcher, 'ann=A')
    at = other
    ann.cut()
    await until('the page to be back', () => ann.isLive && ann.joins + ann.resumes > 1)
    at = one
    ann.cut()
    await until('the page to be back', () => ann.isLive && ann.joins + ann.resumes > 2)
    at = other
    await one.loom.close()
    await until('the page to be back', () => ann.isLive && ann.joins + ann.resumes > 3)
    await open(() => other, 'ben=B')
    await until('ben to be there', () => people(watcher).includes('ben=B'))
    expect(told(watcher).filter((one) => one.startsWith('-'))).toEqual([])
    await shows(watcher, 'ann=A ben=B')
  })

  test('who was in a process that is killed has left within 12 seconds', async () => {
    const { store } = (await redis()) as { store: Backplane }
    const [one, other] = await processes({}, store)
    const source = `
      const { createLoom, html } = require('loom-live')
      const loom = createLoom(JSON.parse(process.env.OPTIONS))
      loom.register('there', {
        props: {},
        handle: { come: (props, _, ctx) => (ctx.track('${TOPIC}', 'A', { key: 'ann' }), {}) },
        render: () => html\`\`,
      })
      loom.start('ann', () => undefined, 'there', '{}').then((socket) => {
        socket.send({ type: 'event', handler: 'come', event: 'click' })
        console.log('there')
      })
      setInterval(() => {}, 1000)
    `
    const child = Child.start(source, { env: { OPTIONS: JSON.stringify({ secret: SECRET, backplane: store }) } })
    await child.line()
    const watcher = await open(() => one)
    await shows(watcher, 'ann=A')
    child.kill('SIGKILL')
    await child.exited
    // 6 s of lease, a look each second, and 2 s until that is sure; how long it takes is not measured here.
    await shows(watcher, '')
    // Nobody watches there: who asks finds out by itself.
    expect(await other.loom.presence(TOPIC)).toEqual({ present: [], count: 0 })
  }, 60_000)

  test('while Redis is away all goes on, and then others are told; who asks for what is not known is told so', async () => {
    const server = await RedisServer.start()
    atEnd(() => server.end())
    const [one, other] = await processes({}, { redis: server.url, prefix: 'away:' })
    const watcher = await open(() => other)
    const ann = await open(() => one, 'ann=A')
    await shows(watcher, 'ann=A')
    await server.kill()
    ann.event('track', 'ann=still here')
    await until('the answer', () => ann.isSettled)
    await shows(ann, 'ann=still here')
    expect(people(watcher)).toBe('ann=A')
    expect((await other.loom.presence(TOPIC)).count).toBe(1)
    await expect(one.loom.presence('unknown')).rejects.toThrow(/Redis/)
    await server.restart()
    await shows(watcher, 'ann=still here')
    await open(() => other, 'ben=B')
    await shows(ann, 'ann=still here ben=B')
    expect(told(watcher).filter((one) => one.startsWith('-'))).toEqual([])
  }, 60_000)
})
