/** A store in the application's hands: what it is asked, and what its faults come to. */

import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { html, type Loom, type LoomOptions, type OwnStore, type SavedState } from 'loom-live'
import { atEnd } from '../support/cleanup'
import { LivePage, type Outcome } from '../support/live_page'
import { MapStore } from '../support/own_store'
import { pageOf, shows } from '../support/pages'
import { counter, Site, testLoom } from '../support/site'
import { twoProcesses } from '../support/two_processes'
import { Gate, until } from '../support/until'

const idle = (page: LivePage): Promise<unknown> => until('all answers', () => page.isSettled)

/** A counter's page with a store of a `Map`, and what became of its events. */
async function counting(options: LoomOptions = {}) {
  const store = new MapStore()
  const site = await Site.start({ store, ...options })
  const page = await pageOf(site, counter(site.loom).name)
  const outcomes: Outcome[] = []
  page.onAnswer = (_, outcome) => outcomes.push(outcome)
  const click = async (): Promise<Outcome | undefined> => {
    page.event('increment')
    await idle(page)
    return outcomes.at(-1)
  }
  return { store, site, page, click }
}

/** A page that comes with what another one had. */
async function comesWith(site: Site, token: string, module = 'counter'): Promise<LivePage> {
  const page = joining(site, token, module)
  await until('the join', () => page.isLive)
  return page
}

function joining(site: Site, token: string, module = 'counter'): LivePage {
  const page = new LivePage({ url: () => site.url(), module, token })
  atEnd(() => {
    page.end()
  })
  return page
}

/** Another process with this store, and what a page has brought from the first one. */
async function afterwards({ site, page, store }: { site: Site; page: LivePage; store: MapStore }) {
  await until('a checkpoint', () => page.memory.checkpoint !== undefined)
  await site.loom.close()
  const next = await Site.start({ store })
  counter(next.loom)
  return { next, token: page.memory.checkpoint ?? '' }
}

const never = new Promise<never>(() => undefined)

describe('what it keeps', () => {
  test('an old checkpoint does not roll a state back in another process', async () => {
    const { store, site, page, click } = await counting()
    await click()
    const old = page.memory.checkpoint ?? ''
    for (let count = 0; count < 20; count++) page.event('increment')
    await idle(page)
    await site.loom.close()
    const next = await Site.start({ store })
    counter(next.loom)
    expect((await comesWith(next, old)).text).toBe('<b>21</b>')
  })

  test('every answered event is in it, whoever goes on', async () => {
    const store = new MapStore()
    const { page, moves, first, second } = await twoProcesses(counter, { store })
    for (let count = 0; count < 5; count++) page.event('increment')
    await idle(page)
    await moves()
    page.event('increment')
    await shows(page, '<b>6</b>')
    expect([first.log.all, second.log.all]).toEqual(['', ''])
    expect([...store.states.values()]).toMatchObject([{ revision: 6 }])
  })

  test('what is in it does not say whose it is, nor what', async () => {
    const store = new MapStore()
    const site = await Site.start({ store, bind: () => 'alice@example.org' })
    const { name } = site.loom.register('secret', {
      props: { text: 'a secret of hers' },
      handle: { note: ({ text }) => ({ text: `${text}!` }) },
      render: ({ text }) => html`${text}`,
    })
    const request = new IncomingMessage(new Socket())
    const page = await comesWith(site, await site.token(name, {}, { request }), name)
    page.event('note')
    await shows(page, 'a secret of hers!')
    const all = JSON.stringify([...store.states])
    for (const text of ['alice', 'secret of hers']) expect(all).not.toContain(text)
    const [[instance, kept] = ['', undefined]] = store.states
    expect(instance).toMatch(/^[\w-]{1,64}$/)
    expect(kept?.holder).toMatch(/^[\w-]{22}$/)
    expect(kept?.state).toMatch(/^[\x21-\x7e]+$/)
  })

  test('a component that went on elsewhere ends here, and the others of its batch are kept', async () => {
    const { store, site, page } = await counting()
    const other = await pageOf(site, 'counter')
    page.event('increment')
    await idle(page)
    other.event('increment')
    await idle(other)
    const [kept] = store.states.values()
    // As if another process had claimed it.
    if (kept) kept.life += 1
    for (const one of [page, other]) one.event('increment')
    await shows(other, '<b>2</b>')
    await until('the page to be told', () => page.refused !== undefined)
    expect((await comesWith(site, page.memory.checkpoint ?? '')).text).toBe('<b>1</b>')
  })

  test('the numbers of a shared component’s viewers are kept, so that each event counts once', async () => {
    const store = new MapStore()
    const register = (loom: Loom): { name: string } =>
      loom.register('board', {
        props: { count: 0 },
        handle: { add: ({ count }) => ({ count: count + 1 }) },
        render: ({ count }) => html`${count}`,
      })
    const sites = [await Site.start({ store }), await Site.start({ store })] as const
    for (const { loom } of sites) register(loom)
    let at: Site = sites[0]
    const token = await sites[0].token('board', {}, { shared: 'a' })
    const page = new LivePage({ url: () => at.url(), module: 'board', token })
    atEnd(() => {
      page.end()
    })
    await until('the page to be live', () => page.isLive)
    for (let count = 0; count < 3; count++) page.event('add')
    await shows(page, '3')
    const viewers = [...store.states.values()].flatMap((kept) => Object.values(kept.viewers))
    expect(viewers).toEqual([3])
    const { joins } = page
    await sites[0].loom.close()
    at = sites[1]
    page.cut()
    await until('the page to be back', () => page.joins > joins && page.isSettled)
    page.event('add')
    await shows(page, '4')
  })
})

describe('batches', () => {
  test('while one call is under way the other states gather, and no component stands twice in a call', async () => {
    const store = new MapStore()
    const site = await Site.start({ store })
    let handled = 0
    const { name } = site.loom.register('counter', {
      props: { count: 0 },
      handle: {
        increment({ count }) {
          handled += 1
          return { count: count + 1 }
        },
      },
      render: ({ count }) => html`<b>${count}</b>`,
    })
    const pages = await Promise.all(Array.from({ length: 30 }, () => pageOf(site, name)))
    const gate = new Gate()
    let isFirst = true
    store.insteadOfSave = async (work) => {
      if (isFirst) {
        isFirst = false
        await gate.promise
      }
      return work()
    }
    for (const page of pages) page.event('increment')
    await until('a call', () => store.saves.length === 1)
    await until('all handlers', () => handled === pages.length)
    expect(store.saves).toHaveLength(1)
    gate.open()
    await Promise.all(pages.map(idle))
    expect(store.saves.reduce((all, count) => all + count)).toBe(30)
    expect(store.saves.length).toBeLessThan(30)
    expect(pages.map(({ text }) => text)).toEqual(pages.map(() => '<b>1</b>'))
  })

  test('functions of a class are called as its methods, and may give results without a promise', async () => {
    class Plain implements OwnStore {
      readonly #kept: SavedState[] = []

      claim(): undefined {
        return undefined
      }

      save(states: readonly SavedState[]): string[] {
        this.#kept.push(...states)
        return this.#kept.map(({ instance }) => instance)
      }
    }
    const { click } = await counting({ store: new Plain() })
    expect(await click()).toBe('applied')
  })
})

describe('what fails', () => {
  const throws = (): never => {
    throw new Error('the database is away')
  }

  test.each<[string, () => unknown, string]>([
    ['that rejects', () => Promise.reject(new Error('the database is away')), 'the database is away'],
    ['that throws', throws, 'the database is away'],
    ['that gives nothing', () => undefined, 'store.save'],
    ['that gives something else', () => [{ instance: 'a' }], 'store.save'],
  ])('with a save %s an event fails, the log says it once, and it can be made again', async (_, instead, why) => {
    const { store, site, page, click } = await counting()
    await click()
    store.insteadOfSave = instead
    expect(await click()).toBe('failed')
    expect(await click()).toBe('failed')
    expect([page.isLive, page.text, page.joins]).toEqual([true, '<b>1</b>', 1])
    const told = site.log.errors.filter((line) => line.includes('Until store.save works'))
    expect(told).toHaveLength(1)
    expect(told[0]).toContain(why)
    store.insteadOfSave = undefined
    expect(await click()).toBe('applied')
    expect([page.text, page.joins]).toEqual(['<b>2</b>', 1])
    await until('the log to say so', () => site.log.warnings.join().includes('store.save works again'))
  })

  test('an event whose save was done and not answered is not in the state, and the next one is', async () => {
    const { store, page, click } = await counting()
    await click()
    store.insteadOfSave = (work) => {
      work()
      return throws()
    }
    expect(await click()).toBe('failed')
    store.insteadOfSave = undefined
    for (let count = 2; count < 5; count++) {
      expect(await click()).toBe('applied')
      expect([page.text, page.joins]).toEqual([`<b>${count}</b>`, 1])
    }
  })

  test('with a save that never ends an event fails after 5 s, and others go on', async () => {
    const { store, site, click } = await counting()
    await click()
    store.insteadOfSave = () => never
    expect(await click()).toBe('failed')
    store.insteadOfSave = undefined
    expect(await click()).toBe('applied')
    expect(site.log.errors.join('\n')).toContain('no answer within 5 s')
  })

  test.each<[string, () => unknown]>([
    ['rejects', throws],
    ['gives text', () => 'a state'],
    ['gives a life that is no number', () => ({ life: '2', revision: 1, state: 'a' })],
    ['gives a life that is not later', () => ({ life: 0, revision: 1, state: 'a' })],
    ['gives viewers that are no numbers', () => ({ life: 9, revision: 1, state: 'a', viewers: { a: 'b' } })],
  ])('a claim that %s is told as busy, and the page can join later', async (_, instead) => {
    const setup = await counting()
    await setup.click()
    const { next, token } = await afterwards(setup)
    setup.store.insteadOfClaim = instead
    const early = joining(next, token)
    await until('a refusal', () => early.refused !== undefined)
    expect(early.refused?.[1]).toBe('busy')
    expect(next.log.errors.join('\n')).toContain('store.claim')
    setup.store.insteadOfClaim = undefined
    expect((await comesWith(next, token)).text).toBe('<b>1</b>')
  })

  test('a state that was changed is told, and starts nothing', async () => {
    const setup = await counting()
    await setup.click()
    const { next, token } = await afterwards(setup)
    for (const kept of setup.store.states.values()) kept.state = 'changed'
    const back = joining(next, token)
    await until('a refusal', () => back.refused !== undefined)
    expect(back.refused?.[1]).toBe('reload')
  })
})

test('what is no store is an error', () => {
  const opened = (store: unknown) => () => testLoom({ store: store as never })
  const claim = (): undefined => undefined
  const save = (): string[] => []
  expect(opened({ claim })).toThrow(/store\.save/)
  expect(opened({ save })).toThrow(/store\.claim/)
  expect(opened({ claim, save: 'a' })).toThrow(/store\.save/)
  expect(opened({ claim, save, sqlite: 'a' })).toThrow(/one store/)
  expect(opened({})).toThrow(/store/)
  expect(opened({ claim, save })).not.toThrow()
})
