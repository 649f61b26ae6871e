/** `npm run cluster`: the demo on three processes, of which one ends what it likes while the pages go on. */

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { launchBrowser } from '../browser'
import { freePort, ServerProcess } from '../support/process'
import { withRedis } from '../support/redis'
import { until } from '../support/until'

const SCRIPT = join(__dirname, '../../examples/cluster/start.mjs')

/** The processes that the page shows, by their states. */
const states = (page: Page): Promise<string[]> =>
  page.locator('.processes li:not(.redis, .parent) span').allTextContents()

/** What the page says of the processes, of Redis, or of the proxy. */
const said = (page: Page, of = 'li:not(.redis, .parent)'): Promise<string[]> =>
  page.locator(`.processes ${of} small`).allTextContents()

const pidIn = (text: string | undefined): number => Number(/\bpid (\d+)/.exec(text ?? '')?.[1])

/** Whether a process has ended; nobody may have waited for it so far. */
function hasEnded(pid: number): boolean {
  const { status, stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' })
  return status !== 0 || stdout.startsWith('Z')
}

const note = async (page: Page): Promise<[process: number, moves: number]> => {
  const text = await page.locator('[data-l-live=here] .note').textContent()
  const [, process, moves] = /in process (\d+), and has moved (\d+) times/.exec(text ?? '') ?? []
  return [Number(process), Number(moves)]
}

withRedis('the cluster', () => {
  let browser: Browser
  let server: ServerProcess

  beforeAll(async () => {
    browser = await launchBrowser()
    server = await ServerProcess.start(SCRIPT, await freePort(), { env: {}, path: '/icon.svg' })
    await until('it to say where it is', () => server.output.includes('/cluster'))
  }, 60_000)

  afterAll(async () => {
    await browser.close()
    await server.stop()
  })

  const open = async (path: string): Promise<Page> => {
    const page = await (await browser.newContext()).newPage()
    await page.goto(`${server.url}${path}`)
    await page.waitForFunction(() => document.querySelectorAll('[data-l-live]:not([data-l-state=live])').length === 0)
    return page
  }

  test('shows what runs where; whatever process is ended, each click counts once', async () => {
    const page = await open('/cluster')
    await until('all processes to be told', async () => (await states(page)).join() === 'ready,ready,ready')
    expect(await said(page, '.redis')).toEqual([
      expect.stringMatching(/^pid \d+, version [\d.]+, at .*, [\d.]+[KMG] of memory/),
    ])
    expect(await page.locator('.redis span').textContent()).toBe('reachable')
    // Each shared component has one owner.
    await until(
      'one process to say that it owns the list',
      async () => (await said(page)).filter((text) => text.includes('owns this list')).length === 1,
    )
    let clicks = 0
    const click = async (): Promise<void> => {
      await page.click('text=Clicks')
      clicks++
    }
    for (const how of ['End in order', 'Kill', 'End in order']) {
      await click()
      const [process, moves] = await note(page)
      // What is killed within the moment before a checkpoint is made takes nothing with it: the store has each state.
      await page
        .locator('.processes li:not(.redis, .parent)')
        .nth(process - 1)
        .getByText(how)
        .click()
      for (let time = 0; time < 5; time++) await click()
      await until('the component to be elsewhere', async () => (await note(page))[1] > moves)
      await click()
      await until(
        'all clicks',
        async () => (await page.locator('[data-l-live=here] b').textContent()) === String(clicks),
      )
      await until('all processes to be back', async () => (await states(page)).join() === 'ready,ready,ready')
    }
    await page.context().close()
  }, 120_000)

  test('what was said in the chat, and the prices, are the same in whatever process; the prices go on with the next owner', async () => {
    const first = await open('/')
    await first.fill('.chat-card form input', 'said before')
    await first.click('text=Send')
    await first.locator('.log li', { hasText: 'said before' }).waitFor()
    await first.click('text=Pause for all')
    await first.locator('.table-card button', { hasText: 'Go on' }).waitFor()
    const prices = await first.locator('.table-card tbody').textContent()
    const control = await open('/cluster')
    const owners = async (): Promise<number[]> =>
      (await said(control)).flatMap((text, index) => (/owns.* prices/.test(text) ? [index] : []))
    await until('one process to own the prices', async () => (await owners()).length === 1)
    const [owner = 0] = await owners()
    await control.locator('.processes li:not(.redis, .parent)').nth(owner).getByText('Kill').click()
    await until('another process to own the prices', async () => {
      const [other] = await owners()
      return other !== undefined && other !== owner
    })
    // The table has stood still over the death of its owner, and a new window sees what all others see.
    for (let window = 0; window < 3; window++) {
      const page = await open('/')
      await page.locator('.log li', { hasText: 'said before' }).waitFor()
      expect(await page.locator('.table-card tbody').textContent()).toBe(prices)
      await page.context().close()
    }
    await first.click('text=Go on')
    await until('other prices', async () => (await first.locator('.table-card tbody').textContent()) !== prices)
    await until('all processes to be back', async () => (await states(control)).join() === 'ready,ready,ready')
    await first.context().close()
    await control.context().close()
  }, 120_000)

  test('the demo is one for windows of all processes', async () => {
    const pages = [await open('/'), await open('/'), await open('/')]
    const [first, second, third] = pages as [Page, Page, Page]
    for (const page of pages) await until('three people', async () => (await page.locator('.people li').count()) === 3)
    await first.fill('.chat-card form input', 'hello from one')
    await first.click('text=Send')
    for (const page of pages) await page.locator('.log li', { hasText: 'hello from one' }).waitFor()
    await second.click('text=Pause for all')
    for (const page of pages) await page.locator('.table-card button', { hasText: 'Go on' }).waitFor()
    const table = (page: Page): Promise<string | null> => page.locator('.table-card tbody').textContent()
    await until('all to show the same prices', async () => {
      const [one, ...others] = await Promise.all(pages.map(table))
      return others.every((other) => other === one)
    })
    await third.click('text=Go on')
    for (const page of pages) await page.context().close()
  }, 60_000)

  test('nothing is left running if the parent is killed', async () => {
    const page = await open('/cluster')
    await until('all processes to be told', async () => (await states(page)).join() === 'ready,ready,ready')
    const [redis, processes, parent] = [await said(page, '.redis'), await said(page), await said(page, '.parent')]
    await page.context().close()
    const pids = [...redis, ...processes].map(pidIn)
    expect(pids).toHaveLength(4)
    for (const pid of pids) expect(hasEnded(pid)).toBe(false)
    process.kill(pidIn(parent[0]), 'SIGKILL')
    await server.exited
    for (const pid of pids) await until(`the process ${pid} to end`, () => hasEnded(pid))
  }, 60_000)
})
