/** The example of a store in Postgres: what its statements keep and refuse, and an application with it. */

import { join } from 'node:path'
import type { Loom, SavedState } from 'loom-live'
import { atEnd } from '../support/cleanup'
import { LivePage, type Outcome } from '../support/live_page'
import { pageOf } from '../support/pages'
import { PostgresServer, type Store, withPostgres } from '../support/postgres'
import { freePort, ServerProcess } from '../support/process'
import { counter, SECRET, Site, tokenIn } from '../support/site'
import { twoProcesses } from '../support/two_processes'
import { until } from '../support/until'

const SCRIPT = join(__dirname, '../../examples/postgres/server.mjs')

const idle = (page: LivePage): Promise<unknown> => until('all answers', () => page.isSettled)

/** A state, and numbers of viewers if there are any. */
function stateOf(instance: string, life: number, revision: number, viewers?: SavedState['viewers']): SavedState {
  const state = { instance, life, revision, state: `${instance} ${life} ${revision}`, holder: 'h' }
  return viewers === undefined ? state : { ...state, viewers }
}

withPostgres('the example of a store in Postgres', () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await PostgresServer.start()
  })
  afterAll(async () => {
    await server?.end()
  })

  async function store(): Promise<Store> {
    const { stores } = await server.stores(1)
    return stores[0] as Store
  }

  test('keeps the newest state, and none older replaces it', async () => {
    const one = await store()
    expect(await one.claim('a', 3)).toBeUndefined()
    expect(await one.save([stateOf('a', 1, 1), stateOf('b', 1, 1)])).toEqual(['a', 'b'])
    expect(await one.save([stateOf('a', 1, 1), stateOf('b', 1, 2), stateOf('c', 1, 1)])).toEqual(['b', 'c'])
    expect(await one.claim('a', 1)).toEqual({ life: 2, revision: 1, state: 'a 1 1' })
    expect(await one.claim('a', 40)).toEqual({ life: 41, revision: 1, state: 'a 1 1' })
    expect(await one.save([stateOf('a', 40, 9)])).toEqual([])
    expect(await one.save([stateOf('a', 41, 2)])).toEqual(['a'])
    const most = 2 ** 52
    expect(await one.save([stateOf('a', most - 2, most)])).toEqual(['a'])
    expect(await one.claim('a', 1)).toEqual({ life: most - 1, revision: most, state: `a ${most - 2} ${most}` })
    expect(await one.save([])).toEqual([])
  })

  test('keeps the numbers of viewers with the state, or none of them', async () => {
    const one = await store()
    await one.save([stateOf('a', 1, 1, { x: 3, y: 1 }), stateOf('b', 1, 1, { x: 7 })])
    await one.save([stateOf('a', 1, 2, { x: 4, y: null })])
    await one.save([stateOf('a', 1, 2, { z: 1 })])
    await one.save([stateOf('a', 1, 3)])
    expect(await one.claim('a', 0)).toMatchObject({ revision: 3, viewers: { x: 4 } })
    expect(await one.claim('b', 0)).toMatchObject({ viewers: { x: 7 } })
  })

  test('gives each claim a life of its own, however many come at once', async () => {
    const { stores } = await server.stores(3)
    await stores[0]?.save([stateOf('a', 1, 1)])
    const claims = Array.from({ length: 60 }, async (_, place) => (stores[place % 3] as Store).claim('a', 1))
    const lives = (await Promise.all(claims)).map((claimed) => claimed?.life)
    expect(new Set(lives).size).toBe(60)
    expect(Math.max(...lives.map(Number))).toBe(61)
  })

  test('of two processes that save one component one wins, and none waits for the other for ever', async () => {
    const { stores } = await server.stores(2)
    const names = Array.from({ length: 50 }, (_, place) => `i${place}`)
    for (let revision = 1; revision <= 20; revision++) {
      const orders = [names, [...names].reverse()]
      const saves = stores.map(async (one, place) =>
        one.save((orders[place] as string[]).map((name) => stateOf(name, 1, revision, { [`v${place}`]: revision }))),
      )
      const kept = (await Promise.all(saves)).flat()
      expect(kept).toHaveLength(names.length)
      expect(new Set(kept).size).toBe(names.length)
    }
    for (const name of names) {
      const { viewers = {} } = (await stores[0]?.claim(name, 1)) ?? {}
      expect(Math.max(...Object.values(viewers))).toBe(20)
    }
  })

  test('sweeps what no page can ask for, with its viewers', async () => {
    const { stores, pool } = await server.stores(1)
    const one = stores[0] as Store
    await one.save([stateOf('a', 1, 1, { x: 1 }), stateOf('b', 1, 1)])
    await pool.query("update loom_states set saved_at = now() - interval '1 hour' where instance = 'a'")
    await one.sweep()
    expect(await one.claim('a', 0)).toMatchObject({ revision: 1 })
    await one.sweep(60_000)
    expect(await one.claim('a', 0)).toBeUndefined()
    expect((await pool.query('select * from loom_viewers')).rows).toEqual([])
    expect(await one.claim('b', 0)).toMatchObject({ revision: 1 })
  })

  test('a page goes to and fro between processes, and each event counts once', async () => {
    const { stores } = await server.stores(1)
    const { page, moves } = await twoProcesses((loom: Loom) => counter(loom), { store: stores[0] as Store })
    for (let count = 0; count < 20; count++) page.event('increment')
    await idle(page)
    await moves()
    for (let count = 0; count < 20; count++) page.event('increment')
    await idle(page)
    expect(page.text).toBe('<b>40</b>')
  })

  test('while Postgres is away events fail, and what was answered is there when it is back', async () => {
    const { stores } = await server.stores(2)
    const site = await Site.start({ store: stores[0] as Store })
    const page = await pageOf(site, counter(site.loom).name)
    const outcomes: Outcome[] = []
    page.onAnswer = (_, outcome) => outcomes.push(outcome)
    const click = async (): Promise<Outcome | undefined> => {
      page.event('increment')
      await idle(page)
      return outcomes.at(-1)
    }
    for (let count = 0; count < 5; count++) expect(await click()).toBe('applied')
    await server.kill()
    expect(await click()).toBe('failed')
    expect([page.isLive, page.text]).toEqual([true, '<b>5</b>'])
    await site.log.says('store.save fails')
    await server.restart()
    expect(await click()).toBe('applied')
    expect([page.text, page.joins]).toEqual(['<b>6</b>', 1])
    await until('a checkpoint', () => page.memory.checkpoint !== undefined)
    await site.loom.close()
    const next = await Site.start({ store: stores[1] as Store })
    counter(next.loom)
    const token = page.memory.checkpoint ?? ''
    const back = new LivePage({ url: () => next.url(), module: 'counter', token })
    atEnd(() => {
      back.end()
    })
    await until('the join', () => back.isLive)
    expect(back.text).toBe('<b>6</b>')
  })

  test('the application goes on with a page in another process, also after a kill', async () => {
    const { url } = await server.schema()
    const env = { DATABASE_URL: url, LOOM_SECRET: SECRET }
    const start = async (): Promise<ServerProcess> => ServerProcess.start(SCRIPT, await freePort(), { env })
    const [first, second] = await Promise.all([start(), start()])
    atEnd(async () => {
      await Promise.all([first.stop('SIGKILL'), second.stop('SIGKILL')])
    })
    const token = tokenIn(await (await fetch(first.url)).text())
    let at = first
    const page = new LivePage({ url: () => `${at.url.replace('http', 'ws')}/loom/ws`, module: 'balance', token })
    atEnd(() => {
      page.end()
    })
    await until('the page to be live', () => page.isLive)
    for (let count = 0; count < 4; count++) page.event('spend')
    await idle(page)
    const { joins } = page
    at = second
    await first.stop('SIGKILL')
    await until('the page to be back', () => page.joins > joins && page.isSettled)
    page.event('spend')
    await idle(page)
    expect(page.text).toContain('5 left')
    expect(await second.stop()).toBe(0)
  })
})
