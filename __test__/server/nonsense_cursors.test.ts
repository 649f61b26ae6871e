/** What a page says that it shows is a hint: one that cannot be true costs its page the whole tree, and nobody anything else. */

import { WebSocket } from 'ws'
import { atEnd } from '../support/cleanup'
import type { LivePage } from '../support/live_page'
import { pageOf, shows } from '../support/pages'
import { board, openShared, settled, sharedToken } from '../support/shared'
import { Site } from '../support/site'
import { until } from '../support/until'

/** Numbers that no page of these tests has seen; all but the last are ones that the wire can carry. */
const AHEAD = ['5', '4294967296', '4503599627370497', '9007199254740992', '18446744073709551615']
/** What is no number of the wire: such a message is none. */
const NONE = ['-1', '1.5', '1e300', '18446744073709551616', '"1"', 'null', '[1]']

interface Cursor {
  seen?: string
  revision?: string
  kept?: string
}

const CURSORS: readonly Cursor[] = [...AHEAD, ...NONE].flatMap((number) => [
  { seen: number },
  { revision: number },
  { kept: number },
  { seen: number, revision: number, kept: number },
])

const isNone = (cursor: Cursor): boolean => Object.values(cursor).some((number) => NONE.includes(number as string))

/** Comes back as the page would, but for its cursor. Gives the answer; nothing if the message was none. */
async function comesBack(site: Site, token: string, secret: string, cursor: Cursor): Promise<unknown[] | undefined> {
  const { seen = '3', revision = '3', kept = '0' } = cursor
  const ws = new WebSocket(site.url(), 'loom.2')
  atEnd(() => {
    ws.terminate()
  })
  const messages: unknown[][] = []
  ws.on('message', (data) => {
    const frame = JSON.parse((data as Buffer).toString()) as unknown[]
    messages.push(...((Array.isArray(frame[0]) ? frame : [frame]) as unknown[][]))
  })
  await until('the connection', () => ws.readyState === WebSocket.OPEN)
  ws.send(`["j",0,"board",${JSON.stringify(token)},${JSON.stringify(secret)},${seen},${revision},${kept}]`)
  // The next join is answered in any case.
  ws.send('["j",1,"nowhere","none"]')
  const answered = (id: number): unknown[] | undefined =>
    messages.find(([type, component]) => component === id && ['j', 'a', 'f'].includes(String(type)))
  await until('the answer', () => answered(1) !== undefined && (isNone(cursor) || answered(0) !== undefined))
  ws.terminate()
  return answered(0)
}

async function clicked(page: LivePage, text: string): Promise<void> {
  page.retry = () => 60_000
  for (let clicks = 0; clicks < 3; clicks++) page.event('add')
  await settled(page)
  await shows(page, text)
}

/** The page itself comes back with what it really has. */
async function goesOn(page: LivePage, text: string): Promise<void> {
  page.comeBack()
  await until('the page', () => page.isLive)
  page.event('add')
  await shows(page, text)
  await settled(page)
  expect([page.resumes, page.lost, page.resets, page.refused]).toEqual([1, 0, 0, undefined])
}

/** What shows what it cannot know gets the whole tree; what only keeps too much goes on. */
function expectAnswer(cursor: Cursor, answer: unknown[] | undefined, tree: readonly string[]): void {
  const { seen, revision } = cursor
  const whole = seen !== undefined || revision !== undefined
  const shown = answer?.[0] === 'j' ? (answer[4] as unknown[]).slice(1) : answer?.[0]
  expect([cursor, shown]).toEqual([cursor, isNone(cursor) ? undefined : whole ? tree : 'a'])
}

test('of a component that waits for its page', async () => {
  const site = await Site.start({ limits: { checkpointQuiet: 5 } })
  const { name } = board(site.loom)
  for (const cursor of CURSORS) {
    const page = await pageOf(site, name)
    await clicked(page, '3 ')
    await until('the checkpoint', () => page.isCheckpointed)
    const { secret, checkpoint = '' } = page.memory
    page.cut()
    expectAnswer(cursor, await comesBack(site, checkpoint, secret, cursor), ['3', ''])
    await goesOn(page, '4 ')
    page.end()
  }
})

test('of a component that goes on from a checkpoint in another process', async () => {
  const [site, other] = [await Site.start(), await Site.start()]
  const { name } = board(site.loom)
  board(other.loom)
  const page = await pageOf(site, name)
  await clicked(page, '3 ')
  await until('the checkpoint', () => page.isCheckpointed)
  const { secret, checkpoint = '' } = page.memory
  page.cut()
  for (const cursor of CURSORS) {
    const answer = await comesBack(other, checkpoint, secret, cursor)
    expect([cursor, answer?.[0]]).toEqual([cursor, isNone(cursor) ? undefined : 'j'])
  }
  await goesOn(page, '4 ')
})

test('of a shared component, which goes on for the others', async () => {
  const site = await Site.start()
  const module = board(site.loom)
  const other = await openShared(site, module)
  const page = await openShared(site, module)
  await clicked(page, '3 board-7')
  const { secret } = page.memory
  page.cut()
  const token = await sharedToken(site, module)
  for (const cursor of CURSORS) {
    const answer = await comesBack(site, token, secret, cursor)
    // Here the event that was seen is a viewer's own, and says nothing of what is shown.
    const { revision, kept } = cursor
    expectAnswer(revision === undefined ? { kept: cursor.seen ?? kept ?? '' } : cursor, answer, ['3', 'board-7'])
  }
  other.event('add')
  await shows(other, '4 board-7')
  await goesOn(page, '5 board-7')
})
