import { execFileSync } from 'node:child_process'
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { html, type Loom } from 'loom-live'
import { LivePage, type Outcome } from '../support/live_page'
import { Child } from '../support/child'
import { atEnd } from '../support/cleanup'
import { counter, Site, testLoom, TRANSPORTS, type SiteOptions } from '../support/site'
import { Gate, until } from '../support/until'

interface Setup {
  site: Site
  page: LivePage
}

async function pageOn(site: Site, register: (loom: Loom) => { name: string } = counter): Promise<LivePage> {
  const { name } = register(site.loom)
  return anotherPage(site, name, await site.token(name))
}

function anotherPage(site: Site, module: string, token: string, url = (): string => site.url()): LivePage {
  const page = new LivePage({ url, module, token })
  atEnd(() => {
    page.end()
  })
  return page
}

async function setup(options: SiteOptions = {}, register?: (loom: Loom) => { name: string }): Promise<Setup> {
  const site = await Site.start(options)
  return { site, page: await pageOn(site, register) }
}

const idle = (page: LivePage): Promise<unknown> => until('all answers', () => page.isSettled)

describe.each(TRANSPORTS)('over %s', (over) => {
  test('a page whose connection is cut again and again loses no event and applies none twice', async () => {
    const { site, page } = await setup({ over })
    for (let round = 0; round < 20; round++) {
      for (let click = 0; click < 5; click++) page.event('increment')
      page.cut()
      if (round % 3 === 0) await until('the page to be back', () => page.isLive)
    }
    await idle(page)
    expect(page.text).toBe('<b>100</b>')
    expect(page.joins).toBeLessThan(21)
    expect(site.loom.stats().components).toBe(1)
  })
})

test('a handler that was running when the connection broke goes on, once', async () => {
  const gate = new Gate()
  let runs = 0
  const { page } = await setup({}, (loom) =>
    loom.register('slow', {
      props: { done: 0 },
      handle: {
        async work({ done }) {
          runs += 1
          await gate.promise
          return { done: done + 1 }
        },
      },
      render: ({ done }) => html`${done}`,
    }),
  )
  page.event('work')
  await until('the handler to run', () => runs === 1)
  page.cut()
  await until('the page to be back', () => page.isLive && page.resumes === 1)
  gate.open()
  await idle(page)
  expect([page.text, runs]).toEqual(['1', 1])
})

test('another process with the same secret goes on from the last checkpoint', async () => {
  const first = await setup()
  const second = await Site.start()
  counter(second.loom)
  let url = first.site.url()
  const token = await first.site.token('counter')
  const page = anotherPage(first.site, 'counter', token, () => url)
  for (let click = 0; click < 50; click++) page.event('increment')
  await idle(page)
  url = second.url()
  page.cut()
  page.event('increment')
  await idle(page)
  expect(page.text).toBe('<b>51</b>')
  expect(page.resets).toBe(0)
  expect(second.loom.stats().components).toBe(1)
})

test("an event's id is the same when it is handled again", async () => {
  const ids: string[] = []
  const register = (loom: Loom): { name: string } =>
    loom.register('noting', {
      props: { count: 0 },
      handle: {
        note({ count }, { id, value }) {
          ids.push(`${value} ${id}`)
          return { count: count + 1 }
        },
      },
      render: ({ count }) => html`${count}`,
    })
  const first = await setup({}, register)
  const second = await Site.start()
  register(second.loom)
  let url = first.site.url()
  const page = anotherPage(first.site, 'noting', await first.site.token('noting'), () => url)
  for (let count = 1; count <= 5; count++) page.event('note', String(count))
  await idle(page)
  url = second.url()
  page.cut()
  await idle(page)
  const [repeated] = ids.slice(5)
  expect(ids.slice(0, 5)).toContain(repeated)
  expect(new Set(ids).size).toBe(5)
  expect(page.text).toBe('5')
})

test('two pages of one token have a state of their own, also after a cut', async () => {
  const { site, page } = await setup()
  const other = anotherPage(site, 'counter', await site.token('counter'))
  page.event('increment')
  await idle(page)
  other.cut()
  page.cut()
  await idle(page)
  await idle(other)
  expect([page.text, other.text]).toEqual(['<b>1</b>', '<b>0</b>'])
})

test('a failing event is answered, and not sent again', async () => {
  const { site, page } = await setup()
  page.event('boom')
  await idle(page)
  page.cut()
  await until('the page to be back', () => page.isLive && page.resumes === 1)
  await site.log.says('boom')
  expect(site.log.errors.filter((text) => text.includes('boom'))).toHaveLength(1)
})

test('a component waits for its page so long, and starts from its checkpoint after that', async () => {
  const { site, page } = await setup({ limits: { parkTime: 1_000 } })
  page.event('increment')
  await idle(page)
  page.end()
  await until('the component to be parked', () => site.loom.stats().parked === 1)
  await site.empty()
  expect(site.loom.stats().parked).toBe(0)
})

test('a state that is too large for a checkpoint says so, and starts anew after a crash', async () => {
  const register = (loom: Loom): { name: string } =>
    loom.register('large', {
      props: { text: '' },
      handle: { grow: () => ({ text: 'x'.repeat(2000) }) },
      render: ({ text }) => html`${text.length}`,
    })
  const limits = { checkpointBytes: 1000, checkpointQuiet: 10 }
  const first = await setup({ limits }, register)
  const second = await Site.start({ limits })
  register(second.loom)
  let url = first.site.url()
  const page = anotherPage(first.site, 'large', await first.site.token('large'), () => url)
  page.event('grow')
  await idle(page)
  await until('the page to be told', () => page.fragile)
  await until('the log', () => first.site.log.all.includes('limits.checkpointBytes'))
  url = second.url()
  page.cut()
  await until('the page to be back', () => page.isLive && page.joins === 2)
  expect([page.text, page.resets]).toEqual(['0', 1])
})

test('close leaves checkpoints behind, and closes with 1012', async () => {
  const first = await setup()
  const second = await Site.start()
  counter(second.loom)
  let url = first.site.url()
  const page = anotherPage(first.site, 'counter', await first.site.token('counter'), () => url)
  for (let click = 0; click < 3; click++) page.event('increment')
  await idle(page)
  url = second.url()
  await first.site.loom.close()
  await until('the page to be back', () => page.isLive && page.joins === 2)
  await idle(page)
  expect(page.closedWith).toContain(1012)
  expect(page.text).toBe('<b>3</b>')
  expect(second.loom.stats().events).toBe(0)
})

describe('with a store', () => {
  function file(): string {
    const folder = mkdtempSync(join(tmpdir(), 'loom-live-'))
    atEnd(() => {
      rmSync(folder, { recursive: true, force: true })
    })
    return join(folder, 'states.sqlite')
  }

  test('an old checkpoint does not roll a state back after a restart', async () => {
    const store = { sqlite: file() }
    const first = await setup({ store })
    first.page.event('increment')
    await idle(first.page)
    const old = first.page.memory.checkpoint ?? ''
    for (let click = 0; click < 20; click++) first.page.event('increment')
    await idle(first.page)
    await first.site.loom.close()
    const second = await Site.start({ store })
    counter(second.loom)
    const thief = anotherPage(second, 'counter', old)
    await until('the join', () => thief.isLive)
    expect(thief.text).toBe('<b>21</b>')
  })

  test('one that cannot be opened is an error at once', () => {
    expect(() => testLoom({ store: { sqlite: join(file(), 'in', 'no', 'folder') } })).toThrow(/the store failed/)
    expect(() => testLoom({ store: {} as never })).toThrow(/store\.sqlite/)
    const text = file()
    writeFileSync(text, 'not a database, but long enough to be looked at'.repeat(20))
    expect(() => testLoom({ store: { sqlite: text } })).toThrow(`${text}: file is not a database`)
  })

  test('a user has so many states there, and the file does not say whose they are', async () => {
    const sqlite = file()
    const bind = () => 'alice@example.org'
    const site = await Site.start({ store: { sqlite }, bind, limits: { storedPerHolder: 2 } })
    counter(site.loom)
    const request = new IncomingMessage(new Socket())
    for (const count of [1, 2, 2, 2]) {
      const page = anotherPage(site, 'counter', await site.token('counter', {}, { request }))
      page.event('increment')
      await idle(page)
      expect(site.loom.stats().stored).toBe(count)
    }
    await site.loom.close()
    for (const end of ['', '-wal']) {
      const bytes = existsSync(sqlite + end) ? readFileSync(sqlite + end).toString('latin1') : ''
      expect(bytes).not.toContain('alice')
    }
    const next = await Site.start({ store: { sqlite }, bind })
    expect(next.loom.stats().stored).toBe(2)
  })

  // Only root may have a disk that is small.
  const asRoot = process.getuid?.() === 0 && process.platform === 'linux' ? test : test.skip

  function smallDisk(): string {
    const folder = mkdtempSync(join(tmpdir(), 'loom-live-'))
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', folder])
    atEnd(() => {
      execFileSync('umount', ['--lazy', folder])
      rmSync(folder, { recursive: true, force: true })
    })
    return folder
  }

  asRoot('while the disk is full events fail, which is said, and nothing is lost', async () => {
    const folder = smallDisk()
    const store = { sqlite: join(folder, 'states.sqlite') }
    const { site, page } = await setup({ store })
    const outcomes: Outcome[] = []
    page.onAnswer = (_, outcome) => outcomes.push(outcome)
    page.event('increment')
    await idle(page)
    const filler = openSync(join(folder, 'filler'), 'w')
    expect(() => {
      for (;;) writeSync(filler, Buffer.alloc(4096))
    }).toThrow(/ENOSPC/)
    closeSync(filler)
    for (let click = 0; click < 10; click++) {
      page.event('increment')
      await idle(page)
    }
    expect(outcomes).toContain('failed')
    expect(site.log.errors.join()).toMatch(/states\.sqlite: (database or disk is full|disk I\/O error)/)
    rmSync(join(folder, 'filler'))
    page.event('increment')
    await idle(page)
    expect(outcomes.at(-1)).toBe('applied')
    const count = outcomes.filter((outcome) => outcome === 'applied').length
    expect(page.text).toBe(`<b>${count}</b>`)
    // What was answered as failed is not in the store either.
    const { checkpoint = '' } = page.memory
    await site.loom.close()
    const next = await Site.start({ store })
    counter(next.loom)
    const again = anotherPage(next, 'counter', checkpoint)
    await until('the join', () => again.isLive)
    expect(again.text).toBe(`<b>${count}</b>`)
  })

  asRoot('a file that can only be read is an error at once', async () => {
    const folder = smallDisk()
    const sqlite = join(folder, 'states.sqlite')
    const { site } = await setup({ store: { sqlite } })
    await site.loom.close()
    execFileSync('mount', ['-o', 'remount,ro', folder])
    expect(() => testLoom({ store: { sqlite } })).toThrow(/states\.sqlite: .*(readonly|read-only|unable to open)/)
  })
})

describe.each([
  ['small', 0],
  ['too large for a checkpoint at once', 5_000],
])('a state that is %s, whose process is killed', (_, size) => {
  const server = (hangs: boolean): Child =>
    Child.start(`
      const { createServer } = require('node:http')
      const { createLoom, html } = require('loom-live')
      const loom = createLoom({ secret: 'x'.repeat(40), limits: { checkpointQuiet: 60_000 } })
      const handled = ({ count, fill }, { id }) => (console.log(id), { count: count + 1, fill })
      const module = loom.register('filled', {
        props: { count: 0, fill: 'x'.repeat(${size}) },
        handle: {
          increment: handled,
          last: (props, event) => (${hangs ? 'console.log(event.id), new Promise(() => {})' : 'handled(props, event)'}),
        },
        render: ({ count }) => html\`<b>\${count}</b>\`,
      })
      const server = createServer()
      loom.attach(server)
      server.listen(0, '127.0.0.1', async () => {
        console.log(server.address().port)
        console.log((await loom.mount(module)).match(/data-l-token="([^"]+)/)[1])
      })
      // A port for whoever wants to come.
      process.stdin.resume()
    `)
  const url = async (child: Child): Promise<string> => `ws://127.0.0.1:${await child.line()}/loom/ws`

  test('what is handled again has the event.id that it had, and another page of the same token has others', async () => {
    const first = server(true)
    let at = await url(first)
    const options = { url: () => at, module: 'filled', token: await first.line() }
    const page = new LivePage(options)
    const twin = new LivePage(options)
    atEnd(() => {
      page.end()
      twin.end()
    })
    await until('both pages', () => page.isLive && twin.isLive)
    page.event('increment')
    page.event('last')
    const before = [await first.line(), await first.line()]
    twin.event('increment')
    const other = await first.line()
    await idle(twin)
    first.kill('SIGKILL')
    await first.exit()
    const second = server(false)
    at = await url(second)
    await second.line()
    await until('all answers', () => page.isSettled && twin.isSettled)
    expect([page.text, twin.text]).toEqual(['<b>2</b>', '<b>1</b>'])
    // What it prints can come later than what it answers.
    const after = [await second.line(), await second.line(), await second.line()]
    expect(second.output.trim().split('\n')).toHaveLength(5)
    expect(after.sort()).toEqual([...before, other].sort())
    expect(new Set(after).size).toBe(3)
    expect([page.resets, twin.resets]).toEqual([0, 0])
  })
})
