/** `@visible`, and lists of which the browser has a part, which moves without a jump. */

import { each, html, on, type LiveEvent, type LiveModule } from 'loom-live'
import { eachBrowser, type Page } from './index'
import { livePage, type LivePage } from './live'

const LENGTH = 100_000
const LIMIT = 200
const ITEMS = Array.from({ length: LENGTH }, (_, id) => ({ id }))

interface Feed {
  at: number
  likes: number[]
}

const heightOf = (id: number): number => 20 + (id % 7) * 9

const feed: LiveModule<Feed> = {
  props: { at: 0, likes: [] },
  handle: {
    show: (props, { args }: LiveEvent<number>) => ({ ...props, at: Number(args) }),
    like: (props, { args }: LiveEvent<number>) => ({ ...props, likes: [...props.likes, Number(args)] }),
  },
  render: ({ at, likes }) => {
    const rows = each(
      ITEMS,
      ({ id }) => id,
      ({ id }) =>
        html`<li id="row-${id}" style="height:${heightOf(id)}px"><button @click=${on('like', id)}>${id}${likes.includes(id) ? ' liked' : ''}</button></li>`,
      { limit: LIMIT, at, dependencies: [likes] },
    )
    const more = (to: number | undefined, name: string): unknown =>
      to !== undefined &&
      html`<li id="${name}" style="height:30px" data-l-anchor="false" data-l-margin="300" @visible=${on('show', to)}>
        <button @click=${on('show', to)}>${name}</button>
      </li>`
    return html`<h1>Feed</h1><div id="box"><ul data-l-anchor>${more(rows.earlier, 'earlier')}${rows}${more(rows.later, 'later')}</ul></div><p id="end">end</p>`
  },
}

const STYLE =
  '<style>body,ul{margin:0;padding:0;list-style:none} li{box-sizing:border-box;overflow:hidden} button{font:10px/1 serif;margin:0;padding:0}</style>'
const BOX = '<style>#box{height:400px;overflow-y:auto}</style>'

const open = async (page: Page, style: string): Promise<LivePage> => {
  const site = await livePage(feed, {
    around: (component) => STYLE + style + component,
    options: { development: false },
  })
  await page.goto(site.url)
  await page.settled()
  return site
}

interface Step {
  /** By how much rows that were seen before and after moved beside what was scrolled, at most. */
  jump: number
  rows: number
  first: number
  last: number
}

/** Scrolls by so much, waits until nothing moves any more, and looks. */
const scroll = (page: Page, box: string, by: number): Promise<Step> =>
  page.evaluate(
    async (box, by) => {
      const scroller = document.querySelector(box) as Element
      const isPage = scroller === document.documentElement
      const frame = (): Promise<unknown> => new Promise((resolve) => requestAnimationFrame(resolve))
      const seen = (): Map<string, number> => {
        const { top, bottom } = isPage ? { top: 0, bottom: innerHeight } : scroller.getBoundingClientRect()
        const rows = [...document.querySelectorAll('li[id^=row]')].map(
          (row) => [row.id, row.getBoundingClientRect()] as const,
        )
        return new Map(rows.filter(([, box]) => box.bottom > top && box.top < bottom).map(([id, { top }]) => [id, top]))
      }
      scroller.scrollBy({ top: by, behavior: 'instant' })
      const before = seen()
      // Until the observer has looked, and what it asked for is answered.
      for (let quiet = 0, was = ''; quiet < 5;) {
        await frame()
        await new Promise((resolve) => setTimeout(resolve, 10))
        const state = document.querySelector('[data-l-live]')?.getAttribute('data-l-state') ?? ''
        const now = `${document.querySelector('li[id^=row]')?.id} ${state}`
        quiet = now === was && state === 'live' ? quiet + 1 : 0
        was = now
      }
      const after = seen()
      const moved = [...before]
        .filter(([id]) => after.has(id))
        .map(([id, top]) => Math.abs((after.get(id) as number) - top))
      const ids = [...document.querySelectorAll('li[id^=row]')].map(({ id }) => Number(id.slice(4)))
      return {
        jump: moved.length ? Math.max(...moved) : Infinity,
        rows: ids.length,
        first: ids[0] as number,
        last: ids.at(-1) as number,
      }
    },
    box,
    by,
  )

describe.each([
  ['the page', 'html', ''],
  ['a box', '#box', BOX],
])('scrolled by %s', (_, scroller, style) => {
  eachBrowser(
    'a list of 100,000 rows is scrolled both ways without a jump',
    async (page) => {
      await open(page, style)
      let step = await scroll(page, scroller, 1)
      expect(step).toMatchObject({ rows: LIMIT, first: 0 })
      const jumps: number[] = []
      // A marked row is the same element as long as it is in a window.
      await page.evaluate(() => {
        Object.assign(document.querySelector('#row-150') as Element, { marked: true })
      })
      while (step.first < 200) {
        step = await scroll(page, scroller, 900)
        jumps.push(step.jump)
        expect(step.rows).toBe(LIMIT)
        if (step.first === 100)
          expect(await page.evaluate(() => 'marked' in (document.querySelector('#row-150') as Element))).toBe(true)
      }
      while (step.first > 0) {
        step = await scroll(page, scroller, -900)
        jumps.push(step.jump)
        expect(step.rows).toBe(LIMIT)
      }
      expect(Math.max(...jumps)).toBeLessThan(1.5)
    },
    { timeout: 90_000 },
  )

  eachBrowser('a jump to either end goes on from there, and so does a row that changes', async (page) => {
    await open(page, style)
    let step = await scroll(page, scroller, 1e6)
    expect(step).toMatchObject({ rows: LIMIT, first: 100 })
    expect(step.jump).toBeLessThan(1.5)
    step = await scroll(page, scroller, -1e6)
    expect(step).toMatchObject({ rows: LIMIT, first: 0 })
    expect(step.jump).toBeLessThan(1.5)
    await page.click('#row-3 button')
    await page.shows('#row-3', '3 liked')
  })
})

eachBrowser('by keyboard: the buttons at the ends do the same, and keep the focus', async (page) => {
  await open(page, '<style>body{height:auto} #later{margin-top:5000px} </style>')
  await page.evaluate(() => document.querySelector<HTMLElement>('#later button')?.focus({ preventScroll: true }))
  // What is at the other end comes into view then, and the list goes back to where it was.
  await page.evaluate(() => {
    const seen = window as unknown as { focused?: string | undefined }
    new MutationObserver(() => {
      if (document.querySelector('#row-299')) seen.focused ??= document.activeElement?.closest('li')?.id
    }).observe(document.body, { childList: true, subtree: true })
  })
  await page.press('Enter')
  await page.until(() => (window as unknown as { focused?: string }).focused === 'later')
})

eachBrowser('what comes into view is told once for each time, and of what is `once` once', async (page) => {
  interface Seen {
    seen: string[]
  }
  const watcher: LiveModule<Seen> = {
    props: { seen: [] },
    handle: { see: ({ seen }, { value = '', type }) => ({ seen: [...seen, `${type} ${value}`] }) },
    render: ({ seen }) => html`<p id="top" @visible="see" data-l-value="top">top</p>
      <div style="height:4000px"></div>
      <p id="low" @visible="see" data-l-value="low">low</p>
      <p @visible.once="see" data-l-value="once">once</p>
      <p hidden @visible="see" data-l-value="hidden">hidden</p>
      <output>${seen.join()}</output>`,
  }
  const { url } = await livePage(watcher)
  await page.goto(url)
  await page.settled()
  const to = async (y: number, wanted: string): Promise<void> => {
    await page.evaluate((y) => {
      scrollTo(0, y)
    }, y)
    await page.shows('output', wanted)
  }
  await to(0, 'visible top')
  await to(5_000, 'visible top,visible low,visible once')
  await to(0, 'visible top,visible low,visible once,visible top')
  await to(5_000, 'visible top,visible low,visible once,visible top,visible low')
})

interface Lines {
  notes: number
  rows: number[]
}

const lines: LiveModule<Lines> = {
  props: { notes: 0, rows: Array.from({ length: 60 }, (_, id) => id) },
  handle: {
    note: (props) => ({ ...props, notes: props.notes + 1 }),
    before: (props) => ({ ...props, rows: [(props.rows[0] as number) - 1, ...props.rows] }),
    async later(props) {
      await new Promise((resolve) => setTimeout(resolve, 50))
      return { ...props, notes: props.notes + 1 }
    },
  },
  render: ({ notes, rows }) =>
    html`<div id="notes">${Array.from({ length: notes }, () => html`<p style="height:50px;margin:0">note</p>`)}</div>
      <button id="note" @click="note">n</button><button id="before" @click="before">b</button>
      <div id="space"></div>
      <ul id="box" data-l-anchor>${each(
        rows,
        (id) => id,
        (id) => html`<li id="row-${id}" style="height:40px">${id}</li>`,
      )}</ul><i @visible="never" hidden></i><output>${notes} ${rows.length}</output>`,
}

describe('what comes outside of the list moves no row in it', () => {
  const openLines = async (page: Page, style: string): Promise<void> => {
    const { url } = await livePage(lines, {
      around: (component) => `${STYLE}<style>${style}</style>${component}`,
      options: { development: false },
    })
    await page.goto(url)
    await page.settled()
  }
  const scrolled = (page: Page, box: string): Promise<number> =>
    page.evaluate((box) => (document.querySelector(box) as Element).scrollTop, box)
  // A script's click: a click of the mouse would scroll to the button.
  const press = async (page: Page, id: string, shown: string): Promise<void> => {
    await page.evaluate((id) => {
      ;(document.querySelector(id) as HTMLElement).click()
    }, id)
    await page.shows('output', shown)
  }

  eachBrowser('of a list that scrolls by itself', async (page) => {
    await openLines(page, '#box{height:300px;overflow-y:auto}')
    await page.evaluate(() => {
      ;(document.querySelector('#box') as Element).scrollTop = 400
    })
    await press(page, '#note', '1 60')
    expect(await scrolled(page, '#box')).toBe(400)
    await press(page, '#before', '1 61')
    expect(await scrolled(page, '#box')).toBe(440)
  })

  eachBrowser('of a list whose beginning the user sees', async (page) => {
    await openLines(page, '')
    await press(page, '#note', '1 60')
    // The note is there to be read.
    expect(await scrolled(page, 'html')).toBe(0)
    await press(page, '#before', '1 61')
    expect(await scrolled(page, 'html')).toBe(40)
  })

  eachBrowser('of a list that is further down than the user sees', async (page) => {
    await openLines(page, '#space{height:3000px}')
    await press(page, '#note', '1 60')
    await press(page, '#before', '1 61')
    expect(await scrolled(page, 'html')).toBe(0)
  })

  eachBrowser('but a row that the user sees stays, if what comes is above the view', async (page) => {
    await openLines(page, '')
    await page.evaluate(() => scrollTo(0, 900))
    const topOf = (): Promise<number> =>
      page.evaluate(() => document.querySelector('#row-30')?.getBoundingClientRect().top ?? NaN)
    const top = await topOf()
    await press(page, '#note', '1 60')
    expect(Math.abs((await topOf()) - top)).toBeLessThan(1.5)
  })
})

eachBrowser('what scrolls an element may be another one by the time it comes into view', async (page) => {
  interface Asked {
    many: number
  }
  const asked: LiveModule<Asked> = {
    props: { many: 0 },
    handle: { more: ({ many }) => ({ many: many + 1 }) },
    render: ({ many }) =>
      html`<div id="pane">${Array.from(
        { length: 3 + many },
        (_, at) => html`<p style="height:1000px">${at}</p>`,
      )}<p id="end" @visible=${on('more', many)} data-l-margin="10">end</p></div><output>${many}</output>`,
  }
  const { url } = await livePage(asked, {
    around: (component) =>
      `<script>document.body.className = 'wide'</script><style>.wide #pane{height:400px;overflow-y:auto;overflow-anchor:none}</style>${component}`,
    options: { development: false },
  })
  await page.goto(url)
  await page.settled()
  const classes = (word: string): Promise<void> =>
    page.evaluate((word) => {
      document.body.className = word
    }, word)
  await page.evaluate(() => {
    const pane = document.querySelector('#pane') as Element
    pane.scrollTop = pane.scrollHeight
  })
  await page.shows('output', '1')
  // On a narrow screen the page scrolls: the pane is no window on anything by then.
  await classes('')
  await page.evaluate(() => scrollTo(0, 0))
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 500)))
  expect(await page.text('output')).toBe('1')
})
