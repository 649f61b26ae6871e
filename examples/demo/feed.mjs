// A feed without an end: 100,000 entries, of which the browser has 60. The next ones come before the user gets there.

import { each, html, js, on } from 'loom-live'
import { framed } from './frame.mjs'
import { loom } from './loom.mjs'

const LENGTH = 100_000
const LIMIT = 60
/** So far beyond what is seen, in pixels, the next entries are asked for. */
const AHEAD = 800

const WHO = ['Ada', 'Charles', 'Grace', 'Alan', 'Katherine', 'Edsger', 'Barbara']
const WHAT = [
  'has begun a note.',
  'has found a moth in relay 70, and has kept it in the log book.',
  'thinks that the engine could write music, if somebody told it what harmony is.',
  'is out for lunch.',
  'has checked the numbers by hand, twice, and they are right.',
]

/** Stands for a database. The entries are the same objects each time: what stays in the window is not rendered again. */
const ENTRIES = Array.from({ length: LENGTH }, (_, at) => ({
  number: at + 1,
  who: WHO[(at * 3) % WHO.length],
  what: WHAT[(at * 7) % WHAT.length],
}))

const feed = loom.register('feed', {
  props: { at: 0 },
  handle: {
    // Whatever a browser says, a window is within the list.
    show: (props, { args }) => ({ at: Number.isSafeInteger(args) ? Number(args) : props.at }),
    first: (props, event, ctx) => {
      ctx.push(js.focus('.feed article:first-child'))
      return { at: 0 }
    },
  },
  render: ({ at }) => {
    const shown = each(
      ENTRIES,
      ({ number }) => number,
      ({ number, who, what }) => html`
        <article tabindex="0" aria-posinset="${number}" aria-setsize="${LENGTH}" aria-labelledby="entry-${number}">
          <h3 id="entry-${number}">${who} <small>${number}</small></h3>
          <p>${what}</p>
        </article>
      `,
      { limit: LIMIT, at },
    )
    // A button for who has no script that sees what comes into view, and for who would rather press one.
    const more = (/** @type {number | undefined} */ to, /** @type {string} */ name) =>
      to !== undefined &&
      html`<p class="more" data-l-margin="${AHEAD}" @visible=${on('show', to)}>
        <button type="button" @click=${on('show', to)}>${name}</button>
      </p>`
    return html`
      <p>Entries ${shown.at + 1} to ${shown.at + shown.items.length} of ${LENGTH} are in the page.
        <button type="button" id="first" @click=${on('first')}>To the first one</button></p>
      ${more(shown.earlier, 'Earlier entries')}
      <div role="feed" aria-label="Entries" class="feed" data-l-anchor>${shown}</div>
      ${more(shown.later, 'Later entries')}
    `
  },
})

/** @param {import('express').Request} request */
export async function feedPage(request) {
  return framed(
    { path: '/feed', title: 'Feed', styles: ['forms.css', 'feed.css'] },
    `<header>
      <h1>Feed</h1>
      <p>A list without an end, in both directions.</p>
    </header>
    <main class="single">
      <section class="card" aria-labelledby="feed">
        <h2 id="feed">Entries <code>feed.mjs</code></h2>
        ${await loom.mount(feed, {}, { request })}
      </section>
    </main>`,
  )
}
