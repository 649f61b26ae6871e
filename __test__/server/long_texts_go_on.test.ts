/** A long text that goes on costs what was added: over a WebSocket, in whichever way it goes on. */

import { each, html, type LiveModule } from 'loom-live'
import { LivePage, type Outcome } from '../support/live_page'
import { atEnd } from '../support/cleanup'
import { Site, type SiteOptions } from '../support/site'
import { until, within } from '../support/until'

const PROSE = 'It was the best of times, it was the worst of times: <b>&amp;</b> "é" e\u0301 and 😀😁, ⟦…⟧. '

/** Half a surrogate pair is no character: what is shown is U+FFFD. */
const shown = (text: string): string =>
  text.replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, '\ufffd')

interface Text {
  text: string
  end: string
}

const text: LiveModule<Text> = {
  props: { text: '', end: '' },
  handle: {
    /** Behind what is there. */
    add: ({ text }, { value }) => ({ text: `${text}${value ?? ''}`, end: '' }),
    /** So many code units of the prose, which may end in half a pair, and what stands behind them. */
    upTo: (_, { value }) => {
      const { units, end } = JSON.parse(value ?? '') as { units: number; end: string }
      return { text: PROSE.repeat(3).slice(0, units), end }
    },
  },
  render: (props) => html`<p>${props.text + props.end}</p>`,
}

async function siteWith<Props extends object>(module: LiveModule<Props>, options: SiteOptions = {}): Promise<Site> {
  // More pieces than a user would make clicks.
  const site = await Site.start({ limits: { eventRate: 100_000 }, ...options })
  site.loom.register('text', module)
  return site
}

async function pageOn<Props extends object>(
  module: LiveModule<Props>,
  options: SiteOptions = {},
): Promise<{ site: Site; page: LivePage; goTo: (other: Site) => void }> {
  const site = await siteWith(module, options)
  let shownBy = site
  const page = new LivePage({ url: () => shownBy.url(), module: 'text', token: await site.token('text') })
  atEnd(() => {
    page.end()
  })
  await until('the page to join', () => page.isLive)
  const goTo = (other: Site): void => {
    shownBy = other
    page.cut()
  }
  return { site, page, goTo }
}

/** Sends the event, and waits for its answer alone. */
async function answered(page: LivePage, handler: string, value: string): Promise<void> {
  const answer = new Promise<Outcome>((resolve) => {
    page.onAnswer = (_, outcome) => {
      resolve(outcome)
    }
  })
  page.event(handler, value)
  expect(await within('the answer', answer)).toBe('applied')
}

test('a text of 20 KB that arrives in 2,000 pieces costs at most three times its bytes', async () => {
  const { page } = await pageOn(text)
  let bytes = 0
  let checkpoints = 0
  page.onFrame = (frame) => {
    bytes += frame.length + (frame.length < 126 ? 2 : 4)
    const parsed = JSON.parse(frame.toString()) as unknown[]
    const messages = (Array.isArray(parsed[0]) ? parsed : [parsed]) as unknown[][]
    for (const message of messages) if (message[0] === 'c') checkpoints += JSON.stringify(message).length
  }
  const piece = (number: number): string => ` word ${1000 + number}`.slice(-10)
  let sent = ''
  for (let number = 0; number < 2000; number++) {
    sent += piece(number)
    await answered(page, 'add', piece(number))
  }
  expect(page.text === `<p>${sent}</p>`).toBe(true)
  expect(sent).toHaveLength(20_000)
  expect(checkpoints).toBeGreaterThan(0)
  expect(bytes - checkpoints).toBeGreaterThan(20_000)
  expect(bytes - checkpoints).toBeLessThanOrEqual(60_000)
}, 60_000)

test('whole characters arrive, wherever the pieces end and whatever stands behind them', async () => {
  const { page } = await pageOn(text)
  for (const end of ['', '▌', '😀', '\ud83d'])
    for (let units = 60; units < 60 + PROSE.length; units++) {
      await answered(page, 'upTo', JSON.stringify({ units, end }))
      expect(page.text).toBe(`<p>${shown(PROSE.repeat(3).slice(0, units) + end)}</p>`)
    }
}, 60_000)

test('a text that gets shorter, or is another one, is right', async () => {
  const { page } = await pageOn(text)
  for (const units of [250, 100, 64, 63, 10, 0, 70, 200, 199]) {
    await answered(page, 'upTo', JSON.stringify({ units, end: '' }))
    expect(page.text).toBe(`<p>${shown(PROSE.repeat(3).slice(0, units))}</p>`)
  }
})

test('long texts in rows go on, also in those that move', async () => {
  interface Row {
    id: number
    text: string
  }
  const { page } = await pageOn<{ rows: Row[] }>({
    props: { rows: [] },
    handle: {
      set: (_, { value }) => ({ rows: JSON.parse(value ?? '') as Row[] }),
    },
    render: ({ rows }) =>
      html`${each(
        rows,
        (row) => row.id,
        (row) => html`<li>${row.text}</li>`,
      )}${rows.map((row) => html`<i>${row.text}</i>`)}`,
  })
  const frames: string[] = []
  page.onFrame = (frame) => frames.push(frame.toString())
  let rows: Row[] = [1, 2, 3].map((id) => ({ id, text: `${id}: ${PROSE}` }))
  const set = async (next: Row[]): Promise<void> => {
    rows = next
    frames.length = 0
    await answered(page, 'set', JSON.stringify(rows))
    const all = (tag: string): string => rows.map((row) => `<${tag}>${row.text}</${tag}>`).join('')
    expect(page.text).toBe(all('li') + all('i'))
  }
  await set(rows)
  await set(rows.map((row) => ({ ...row, text: `${row.text}${row.id}` })))
  expect(frames.join('')).not.toContain('worst of times')
  await set([rows[2], rows[0], rows[1]].map((row) => ({ ...(row as Row), text: `${row?.text}!` })))
  await set(rows.slice(1).map((row) => ({ ...row, text: `${row.text.slice(0, -3)}?` })))
  await set([{ id: 9, text: PROSE }, ...rows.map((row) => ({ ...row, text: `${row.text}…` }))])
})

test('a page whose connection is cut between pieces shows the whole text', async () => {
  const { page } = await pageOn(text)
  let sent = ''
  for (let round = 0; round < 20; round++) {
    for (let count = 0; count < 10; count++) {
      const piece = `${round}.${count} 😀 <i>`
      sent += piece
      page.event('add', piece)
    }
    page.cut()
    await until('the page to be back', () => page.isLive)
  }
  await until('all answers', () => page.isSettled)
  expect(page.text).toBe(`<p>${sent}</p>`)
  expect(page.resumes).toBeGreaterThan(0)
})

test('a page that has missed more than is kept for it shows the whole text, and it goes on', async () => {
  const { page } = await pageOn(text)
  let sent = ''
  const add = (piece: string): void => {
    sent += piece
    page.event('add', piece)
  }
  add(PROSE)
  await until('the answer', () => page.isSettled)
  // Together they are more than the answers that a server keeps, 64 KiB.
  for (let count = 0; count < 30; count++) add(`${count} ${'long '.repeat(1000)}`)
  page.cut()
  await until('the page to be back', () => page.isLive && page.isSettled)
  expect(page.text).toBe(`<p>${sent}</p>`)
  add('and on')
  await until('the answer', () => page.isSettled)
  expect(page.text).toBe(`<p>${sent}</p>`)
})

test.each([false, true])('props that go on are whole in another process (development: %p)', async (development) => {
  const { page, goTo } = await pageOn(text, { development })
  // The other process starts from a checkpoint, which has the props as Rust has kept them.
  const upTo = async (units: number): Promise<void> => {
    await answered(page, 'upTo', JSON.stringify({ units, end: '' }))
  }
  for (let units = 60; units < 90 + PROSE.length; units++) await upTo(units)
  let sent = PROSE.repeat(3).slice(0, 89 + PROSE.length)
  const pieces = ['"', '\\', '\n\u0001', '\u2028é', '😀', '\\"', '']
  // So many that a checkpoint includes some of them.
  for (let count = 0; count < 300; count++) {
    const piece = pieces[count % pieces.length] as string
    sent += piece
    await answered(page, 'add', piece)
  }
  const other = await siteWith(text, { development })
  goTo(other)
  await until('the page to be back', () => page.isLive && page.isSettled)
  expect(page.text).toBe(`<p>${sent}</p>`)
  expect(page.resets).toBe(0)
  await answered(page, 'add', 'on')
  expect(page.text).toBe(`<p>${sent}on</p>`)
})

test('a page of the classic dialect gets whole texts', async () => {
  const { site } = await pageOn(text)
  const client = await site.connect()
  await client.joined('a', 'text', await site.token('text'))
  const units = PROSE.length * 2
  await client.shows('a', 'upTo', { value: JSON.stringify({ units, end: '' }) })
  const html = await client.shows('a', 'add', { value: '<on>' })
  const escaped = PROSE.repeat(2)
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/"/g, '&quot;')
  expect(html).toBe(`<p>${escaped}&lt;on&gt;</p>`)
  expect(client.messages.at(-1)).toEqual({ type: 'patch', id: 'a', d: { 0: `${escaped}&lt;on&gt;` } })
})
