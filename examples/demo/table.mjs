import { each, html } from 'loom-live'
import { instruments } from './instruments.mjs'
import { loom } from './loom.mjs'

const CHANGES_PER_TICK = 100

export const table = loom.register('table', {
  // Only what changes is state; names and opening prices are looked up.
  props: {
    running: false,
    ticks: 0,
    rows: instruments.map(({ id, open }) => ({ id, price: open, moved: 0 })),
  },
  handle: {
    start: (props) => ({ ...props, running: true }),
    stop: (props) => ({ ...props, running: false }),
    // One that was under way when the user stopped changes nothing.
    tick: (props) => (props.running ? { ...props, ticks: props.ticks + 1, rows: changeSome(props.rows) } : props),
  },
  render: ({ running, ticks, rows }) => html`
    <div class="bar">
      <button class="main" data-l-click="${running ? 'stop' : 'start'}">${running ? 'Stop' : 'Start changes'}</button>
      ${running && html`<button hidden data-tick data-l-click="tick">Tick</button>`}
      <p class="note">
        <span class="up">▲ ${count(rows, (change) => change > 0)}</span>
        <span class="down">▼ ${count(rows, (change) => change < 0)}</span>
        <span>${ticks} ticks</span>
      </p>
    </div>
    <div class="scroll" role="region" aria-label="Prices" tabindex="0">
      <table>
        <thead>
          <tr><th scope="col">Instrument</th><th scope="col">Price</th><th scope="col">Change</th></tr>
        </thead>
        <tbody>
          ${each(
            rows,
            ({ id }) => id,
            ({ id, price, moved }) => html`
              <tr id="row-${id}" class="${classOf(moved)}">
                <th scope="row">${nameOf(id)}</th>
                <td>${money(price)}</td>
                <td class="${classOf(changeOf(id, price))}">${percent(changeOf(id, price))}</td>
              </tr>
            `,
          )}
        </tbody>
      </table>
    </div>
  `,
})

/** @typedef {{ id: number, price: number, moved: number }} Row `moved` is the last tick's direction. */

/**
 * Rows that stay as they are stay the same objects.
 * @param {Row[]} rows
 */
function changeSome(rows) {
  const chosen = new Set(Array.from({ length: CHANGES_PER_TICK }, () => Math.floor(Math.random() * rows.length)))
  return rows.map((row, index) => {
    if (!chosen.has(index)) return row.moved === 0 ? row : { ...row, moved: 0 }
    const price = Math.max(1, Math.round(row.price * (1 + (Math.random() - 0.5) / 50)))
    return { ...row, price, moved: Math.sign(price - row.price) }
  })
}

/** @param {number} id */
function nameOf(id) {
  return instruments[id]?.name
}

/**
 * Since the opening, as a fraction.
 * @param {number} id
 * @param {number} price
 */
function changeOf(id, price) {
  return price / (instruments[id]?.open ?? price) - 1
}

/**
 * @param {Row[]} rows
 * @param {(change: number) => boolean} test
 */
function count(rows, test) {
  return rows.filter(({ id, price }) => test(changeOf(id, price))).length
}

/** @param {number} number */
function classOf(number) {
  return number > 0 ? 'up' : number < 0 ? 'down' : ''
}

/** @param {number} cents */
function money(cents) {
  return (cents / 100).toFixed(2)
}

/** @param {number} fraction */
function percent(fraction) {
  const text = `${(Math.abs(fraction) * 100).toFixed(2)}%`
  return fraction > 0 ? `+${text}` : fraction < 0 ? `−${text}` : text
}
