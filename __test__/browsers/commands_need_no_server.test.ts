/** What a page does by itself, and what it shows before the server has answered. */

import { html, js, on, type LiveModule, type Tree } from 'loom-live'
import { eachBrowser, type Page } from './index'
import { Proxy } from '../support/proxy'
import { livePage, type LivePage } from './live'

interface Props {
  count: number
  look: string
  rows: string[]
}

const gates: (() => void)[] = []

/** `body` is shown; `slow` and `failing` are answered when the test lets them. */
function module(body: (props: Props) => Tree): LiveModule<Props> {
  const gate = () => new Promise<void>((resolve) => gates.push(resolve))
  return {
    props: { count: 0, look: 'one', rows: [] },
    handle: {
      count: (props) => ({ ...props, count: props.count + 1 }),
      look: (props) => ({ ...props, look: props.look === 'one' ? 'two' : 'one' }),
      slow: async (props) => {
        await gate()
        return { ...props, count: props.count + 1 }
      },
      failing: async () => {
        await gate()
        throw new Error('meant')
      },
      add: async (props, { form }) => {
        await gate()
        return { ...props, rows: [...props.rows, String(form?.['text'])] }
      },
      away: (props, _, ctx) => {
        ctx.push(js.addClass('pushed').focus('#count'))
        return { ...props, count: props.count + 1 }
      },
    },
    render: (props) => html`${body(props)}<output>${props.count}</output>`,
  }
}

async function open(on: Page, body: (props: Props) => Tree): Promise<LivePage> {
  gates.length = 0
  const live = await livePage(module(body))
  await on.goto(live.url)
  await on.settled()
  return live
}

/** The server answers the event that waits longest. */
async function answer(): Promise<void> {
  for (let turns = 0; !gates.length && turns < 1_000; turns++) await new Promise((resolve) => setTimeout(resolve, 10))
  const next = gates.shift()
  if (!next) throw new Error('No event came to the server')
  next()
}

const has = (page: Page, selector: string): Promise<boolean> =>
  page.evaluate((where) => document.querySelector(where) !== null, selector)
const there = (page: Page, selector: string): Promise<boolean> =>
  page.until((where) => document.querySelector(where) !== null, selector)
const gone = (page: Page, selector: string): Promise<boolean> =>
  page.until((where) => document.querySelector(where) === null, selector)

/** Has the page note what it says in its console. */
const listenToErrors = (page: Page): Promise<void> =>
  page.evaluate(() => {
    const errors: string[] = []
    Object.assign(window, { errors })
    console.error = (...given: unknown[]) => void errors.push(given.map(String).join(' '))
  })
const errorsOf = (page: Page): Promise<string[]> =>
  page.evaluate(() => (window as unknown as { errors: string[] }).errors)

eachBrowser('a menu and a dialog open without the server', async (page) => {
  const { loom } = await open(
    page,
    () => html`<button id="open" @click=${js.toggle('#menu').toggleAttribute('aria-expanded', undefined, ['true', 'false']).focus('#first')} aria-expanded="false">Menu</button>
      <ul id="menu" hidden><li><button id="first">First</button></li></ul>
      <button id="ask" @click=${js.showModal('#dialog')}>Ask</button>
      <dialog id="dialog"><button id="no" @click=${js.close()}>No</button></dialog>`,
  )
  await loom.close({ timeout: 0 })
  await there(page, '[data-l-state=offline]')
  await page.click('#open')
  await there(page, '#menu:not([hidden])')
  expect(await has(page, '#open[aria-expanded=true]')).toBe(true)
  expect(await has(page, '#first:focus')).toBe(true)
  await page.click('#open')
  await there(page, '#menu[hidden]')
  expect(await has(page, '#open[aria-expanded=false]')).toBe(true)
  await page.click('#ask')
  await there(page, '#dialog:modal')
  await page.click('#no')
  await there(page, '#dialog:not([open])')
})

eachBrowser('what commands and scripts did stays until the server changes that very thing', async (page) => {
  await open(
    page,
    ({
      look,
      count,
    }) => html`<p id="it" class="${look} both" title="${look}" lang="en" data-count="${count}" hidden>x</p>
      <button id="set" @click=${js.show('#it').addClass('mine', '#it').removeClass('both', '#it').setAttribute('title', 'mine', '#it').setAttribute('lang', 'de', '#it').setAttribute('role', 'note', '#it')}>s</button>
      <button id="count" @click="count">c</button><button id="look" @click="look">l</button>`,
  )
  const state = (): Promise<string[]> =>
    page.evaluate(() => {
      const it = document.querySelector('#it') as HTMLElement
      return [it.className, it.title, it.lang, it.getAttribute('role') ?? '', String(it.hidden)]
    })
  await page.click('#set')
  await page.evaluate(() => document.querySelector('#it')?.classList.add('script'))
  expect(await state()).toEqual(['one mine script', 'mine', 'de', 'note', 'false'])
  await page.click('#count')
  await page.shows('output', '1')
  expect(await state()).toEqual(['one mine script', 'mine', 'de', 'note', 'false'])
  // The server changes one of its classes and the title.
  await page.click('#look')
  await page.until(() => document.querySelector('#it')?.classList.contains('two'))
  expect(await state()).toEqual(['mine script two', 'two', 'de', 'note', 'false'])
})

eachBrowser('after a new start the page has what commands did, and what the server says', async (page) => {
  await open(
    page,
    ({ look, count }) => html`<p id="it" class="row ${look}" lang="en" hidden>${count}</p>
      <button id="set" @click=${js.show('#it').addClass('mine', '#it').setAttribute('lang', 'de', '#it').setAttribute('role', 'note', '#it')}>s</button>
      <button id="count" @click="count">c</button>`,
  )
  await page.click('#set')
  await page.evaluate(() => {
    const it = document.querySelector('#it')
    it?.classList.add('script')
    // A translator has taken the text: the whole tree is compared with the page.
    it?.firstChild?.remove()
  })
  await page.click('#count')
  await page.shows('#it', '1')
  expect(
    await page.evaluate(() => {
      const it = document.querySelector('#it') as HTMLElement
      return [[...it.classList].sort().join(' '), it.lang, it.getAttribute('role'), it.hidden]
    }),
  ).toEqual(['mine one row script', 'de', 'note', false])
})

const LIKE = on('slow').optimistic(js.addClass('liked').setAttribute('aria-pressed', 'true'))

eachBrowser('a guess is there at once and goes with its answer, applied or failed', async (page) => {
  await open(
    page,
    ({
      count,
    }) => html`<button id="like" class="${count ? 'liked' : 'plain'}" aria-pressed="false" @click=${LIKE}>like</button>
      <button id="fail" @click=${on('failing').optimistic(js.addClass('liked').hide('#hint'))}>fail</button><p id="hint">hint</p>`,
  )
  await page.click('#fail')
  await there(page, '#fail.liked')
  expect(await has(page, '#hint[hidden]')).toBe(true)
  await answer()
  await gone(page, '#fail.liked')
  expect(await has(page, '#hint[hidden]')).toBe(false)
  expect(await has(page, '#fail[class=""]')).toBe(false)
  await page.click('#like')
  await there(page, '#like.plain.liked[aria-pressed=true]')
  // Nobody sees the page without the guess before the answer is there.
  await page.evaluate(() => {
    const seen: string[] = []
    Object.assign(window, { seen })
    const look = () => {
      seen.push(document.querySelector('#like')?.className ?? '')
      requestAnimationFrame(look)
    }
    requestAnimationFrame(look)
  })
  await answer()
  await page.shows('output', '1')
  await there(page, '#like.liked[aria-pressed=false]:not(.plain)')
  const seen = await page.evaluate(() => (window as unknown as { seen: string[] }).seen)
  expect(seen.filter((one) => !one.split(' ').includes('liked'))).toEqual([])
})

eachBrowser('several guesses in flight: each goes with its own answer', async (page) => {
  await open(
    page,
    ({ look }) => html`<p id="it" class="${look}">x</p>
      <button id="a" @click=${on('slow').optimistic(js.toggleClass('on', '#it').addClass('a', '#it'))}>a</button>
      <button id="b" @click=${on('failing').optimistic(js.toggleClass('on', '#it').addClass('b', '#it'))}>b</button>`,
  )
  const classes = (): Promise<string> =>
    page.evaluate(() => [...(document.querySelector('#it')?.classList ?? [])].sort().join(' '))
  await page.click('#a')
  await there(page, '#it.a.on')
  await page.click('#b')
  await there(page, '#it.a.b:not(.on)')
  await answer()
  await page.shows('output', '1')
  // The second is on top of what the server says now: it would switch on.
  await there(page, '#it.b.on:not(.a)')
  await answer()
  await gone(page, '#it.b')
  expect(await classes()).toBe('one')
})

eachBrowser('a guess outlives a lost connection and ends with its answer', async (page) => {
  const { url } = await livePage(module(() => html`<button id="like" @click=${LIKE}>like</button>`))
  const proxy = await Proxy.to(Number(new URL(url).port))
  await page.goto(proxy.url)
  await page.settled()
  await page.click('#like')
  await there(page, '#like.liked')
  proxy.cut()
  await there(page, '[data-l-state=offline] #like.liked')
  // The page is back, and the answer is still due.
  await there(page, '[data-l-state=waiting] #like.liked')
  await answer()
  await page.shows('output', '1')
  await gone(page, '#like.liked')
})

eachBrowser('an optimistic template shows what a form is about to add', async (page) => {
  await open(
    page,
    ({ rows }) => html`<template id="coming"><li class="coming" data-l-fill="text"></li></template>
      <ul>${rows.map((row) => html`<li>${row}</li>`)}</ul>
      <form @submit=${on('add').optimistic(js.insert('#coming', 'ul'))}><input name="text" aria-label="text"></form>`,
  )
  await page.type('input', '<b>new</b>')
  await page.press('Enter')
  await page.shows('.coming', '<b>new</b>')
  await answer()
  await page.shows('li:not(.coming)', '<b>new</b>')
  expect(await has(page, '.coming')).toBe(false)
})

eachBrowser('a wrong command is told in the console, and stops itself alone', async (page) => {
  await open(
    page,
    () => html`<a id="it" href="/a">x</a>
      <button id="go" data-l-click='js([["hide","]["],["fly"],["setAttribute","onclick","alert(1)","#it"],["setAttribute","href","java\\nscript:alert(1)","#it"],["navigate","javascript:alert(1)"],["addClass","done"]])'>g</button>
      <button id="call" @click=${js.addClass('pressed').call('count').dispatch('app:told', undefined, { n: 1 })}>c</button>
      <button id="count" @click=${'away'}>p</button>`,
  )
  await listenToErrors(page)
  await page.click('#go')
  await there(page, '#go.done')
  expect(await page.evaluate(() => document.querySelector('#it')?.outerHTML)).toBe('<a id="it" href="/a">x</a>')
  const errors = await errorsOf(page)
  expect(errors).toHaveLength(5)
  for (const [at, word] of ['hide', 'fly', 'onclick', 'setAttribute', 'redirect refused'].entries())
    expect(errors[at]).toContain(word)
  await page.evaluate(() =>
    document.addEventListener('app:told', (event) => (document.title = JSON.stringify((event as CustomEvent).detail))),
  )
  await page.click('#call')
  await page.shows('output', '1')
  expect(await page.evaluate(() => [document.title, document.querySelector('#call')?.className])).toEqual([
    '{"n":1}',
    'pressed',
  ])
  // Of a push, the element is the component's own.
  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur())
  await page.click('#count')
  await there(page, '[data-l-live].pushed')
  await there(page, '#count:focus')
})

eachBrowser('a text is copied, transitions end, and a debounced binding runs once', async (page) => {
  await open(
    page,
    () => html`<code id="code">npm i</code><button id="copy" @click=${js.copy({ from: '#code' })}>c</button>
      <p id="box">box</p>
      <button id="fade" @click=${js.hide('#box', { transition: { active: 'fade', start: 'from', end: 'to' }, time: 60 })}>f</button>
      <button id="often" @click.throttle.60000=${js.toggleClass('once')}>o</button>`,
  )
  await page.evaluate(() => {
    Object.defineProperty(navigator, 'clipboard', {
      value: { writeText: (text: string) => Promise.resolve(void (document.title = text)) },
    })
  })
  await page.click('#copy')
  await page.until(() => document.title === 'npm i')
  await page.click('#fade')
  await there(page, '#box[hidden]')
  expect(await page.evaluate(() => document.querySelector('#box')?.className)).toBe('')
  await page.click('#often')
  await page.click('#often')
  expect(await has(page, '#often.once')).toBe(true)
})

eachBrowser('what commands do while a guess is shown stays after it, also in a new start', async (page) => {
  await open(
    page,
    ({ count }) => html`<p id="it" class="row" aria-busy="false" lang="en">${count}</p>
      <button id="guess" @click=${on('failing').optimistic(js.setAttribute('lang', 'fr', '#it').addClass('guessed', '#it'))}>g</button>
      <button id="set" @click=${js.setAttribute('lang', 'de', '#it').addClass('mine', '#it')}>s</button>
      <button id="count" @click="count">c</button>`,
  )
  const state = (): Promise<unknown[]> =>
    page.evaluate(() => {
      const it = document.querySelector('#it') as HTMLElement
      return [it.className, it.lang, 'marked' in it]
    })
  await page.evaluate(() => void Object.assign(document.querySelector('#it') as Element, { marked: true }))
  await page.click('#guess')
  await there(page, '#it[lang=fr].guessed')
  await page.click('#set')
  await answer()
  await gone(page, '#it.guessed')
  expect(await state()).toEqual(['row mine', 'de', true])
  // A translator has taken the text: the whole tree is compared with the page.
  await page.evaluate(() => document.querySelector('#it')?.firstChild?.remove())
  await page.click('#count')
  await page.shows('#it', '1')
  expect(await state()).toEqual(['row mine', 'de', true])
})

eachBrowser('a guess that cuts a transition short leaves nothing of it behind', async (page) => {
  await open(
    page,
    () => html`<p id="it">x</p>
      <button id="hide" @click=${js.hide('#it', { transition: { active: 'fade', start: 'from', end: 'to' }, time: 10_000 })}>h</button>
      <button id="guess" @click=${on('failing').optimistic(js.show('#it').addClass('guessed', '#it'))}>g</button>`,
  )
  await page.click('#hide')
  await there(page, '#it.fade')
  await page.click('#guess')
  await there(page, '#it.guessed:not([hidden])')
  await answer()
  await gone(page, '#it.guessed')
  // The command had the last word before the guess.
  expect(await page.evaluate(() => document.querySelector('#it')?.outerHTML)).toBe(
    '<p id="it" class="" hidden="">x</p>',
  )
})

eachBrowser('a guess that hid something shows it again, whatever else its style says by then', async (page) => {
  const { loom } = await livePage(
    module(
      () => html`<p id="it" style="color: red">x</p>
        <button id="guess" @click=${on('failing').optimistic(js.hide('#it'))}>g</button>`,
    ),
    { around: (component) => `<style>#it { display: flex }</style>${component}` },
  ).then(async (live) => {
    gates.length = 0
    await page.goto(live.url)
    await page.settled()
    return live
  })
  expect(loom).toBeDefined()
  await page.click('#guess')
  await page.until(() => getComputedStyle(document.querySelector('#it') as Element).display === 'none')
  await page.evaluate(() => {
    ;(document.querySelector('#it') as HTMLElement).style.width = '80px'
  })
  await answer()
  await page.until(() => getComputedStyle(document.querySelector('#it') as Element).display === 'flex')
  expect(await page.evaluate(() => (document.querySelector('#it') as HTMLElement).style.width)).toBe('80px')
})

eachBrowser('what is copied is what a field holds, or what an element says', async (page) => {
  await open(
    page,
    () => html`<ul><li id="item">an item</li></ul><button id="named">a button</button><input id="field" value="a field">
      <form id="form"><p>a form</p><input name="value" value="none"></form><textarea id="area">an area</textarea>
      ${['item', 'named', 'field', 'form', 'area', 'missing'].map(
        (id) => html`<button id="copy-${id}" @click=${js.copy({ from: `#${id}` })}>c</button>`,
      )}`,
  )
  await listenToErrors(page)
  await page.evaluate(() => {
    Object.defineProperty(navigator, 'clipboard', {
      value: { writeText: (text: unknown) => Promise.resolve(void (document.title = String(text))) },
    })
  })
  for (const [id, text] of [
    ['item', 'an item'],
    ['named', 'a button'],
    ['field', 'a field'],
    ['form', 'a form'],
    ['area', 'an area'],
    ['missing', 'an area'],
  ] as const) {
    await page.click(`#copy-${id}`)
    expect(await page.evaluate(() => document.title.trim())).toBe(text)
  }
  expect(await errorsOf(page)).toEqual([expect.stringContaining('#missing')])
})

eachBrowser('of several elements the first that takes the focus gets it', async (page) => {
  await open(
    page,
    () => html`<div id="rows"><p>none</p><button disabled>1</button><button id="second">2</button><button>3</button></div>
      <button id="go" @click=${js.focus('#rows > *')}>g</button>`,
  )
  await page.click('#go')
  await there(page, '#second:focus')
})

eachBrowser('who prefers reduced motion sees no smooth scrolling, whatever the page’s CSS says', async (page) => {
  await open(
    page,
    () => html`<button id="go" @click=${js.scrollIntoView('#low', { behavior: 'smooth' })}>g</button>
      <div style="height:5000px"></div><p id="low">low</p>`,
  )
  const behaviors = await page.evaluate(() => {
    document.documentElement.style.scrollBehavior = 'smooth'
    const match = matchMedia.bind(window)
    window.matchMedia = (query) => (query.includes('reduced-motion') ? match('all') : match(query))
    ;(document.querySelector('#go') as HTMLElement).click()
    return scrollY
  })
  // What is smooth has not moved so far.
  expect(behaviors).toBeGreaterThan(3_000)
})

eachBrowser('a dialog whose attribute a command takes away leaves the page as it is without a dialog', async (page) => {
  await open(
    page,
    () => html`<dialog id="dialog"><button id="no" @click=${js.removeAttribute('open', '#dialog')}>No</button></dialog>
      <button id="ask" @click=${js.showModal('#dialog')}>Ask</button>`,
  )
  await page.click('#ask')
  await there(page, '#dialog:modal')
  await page.click('#no')
  await there(page, '#dialog:not([open]):not(:modal)')
})
