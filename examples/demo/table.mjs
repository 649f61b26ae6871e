import { each, html } from 'loom-live'
import { instruments } from './instruments.mjs'
import { loom, redis } from './loom.mjs'
import { clock, goOn, market, PRICES, shake, withChanges } from './market.mjs'
import { owns } from './owned.mjs'

/** All visitors see the same table: it is one component, which is rendered once for all of them. */
export const TABLE = 'prices'

export const table = loom.register('table', {
  // Only what changes is state; names and opening prices are looked up.
  props: { running: true, tick: 0, shaken: 0, rows: market.rows, topic: PRICES },
  async connected(props, ctx) {
    if (redis) {
      await goOn(props)
      ctx.task('moved', clock)
      ctx.task('owned', owns('prices'))
    }
    // Another process had the table.
    if (props.topic !== PRICES) ctx.unsubscribe(props.topic)
    // Subscribe, then read: a change between the two comes twice, and the tick says so. The other way round it would be
    // missed.
    if (props.running) await ctx.subscribe(PRICES, 'changed')
    return { ...(props.running ? market : {}), topic: PRICES }
  },
  // Whoever clicks, clicks for everybody.
  handle: {
    shake(props) {
      shake()
      return { ...props, shaken: props.shaken + 1 }
    },
    pause(props, event, ctx) {
      ctx.unsubscribe(PRICES)
      return { ...props, running: false }
    },
    async resume(props, event, ctx) {
      await ctx.subscribe(PRICES, 'changed')
      return { ...props, ...market, running: true }
    },
  },
  receive: {
    // The tasks give no values, and end with the component.
    moved: (props) => props,
    owned: (props) => props,
    changed(props, { data, gap }) {
      // The page was away for longer than the topic remembers.
      if (gap) return { ...props, ...market }
      const { tick, changes } = /** @type {{ tick: number, changes: import('./market.mjs').Change[] }} */ (data)
      // The rows that were loaded have it already.
      if (tick <= props.tick) return props
      return { ...props, tick, rows: withChanges(props.rows, changes) }
    },
  },
  render: ({ running, tick, shaken, rows }) => html`
    <div class="bar">
      <div class="buttons">
        <button class="main" data-l-click="${running ? 'pause' : 'resume'}">
          ${running ? 'Pause for all' : 'Go on'}
        </button>
        <button data-l-click="shake">Shake: <b>${shaken}</b></button>
      </div>
      <p class="note">
        <span class="up">▲ ${count(rows, (change) => change > 0)}</span>
        <span class="down">▼ ${count(rows, (change) => change < 0)}</span>
        <span>tick ${tick}</span>
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
 * @param {readonly import('./market.mjs').Row[]} rows
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
