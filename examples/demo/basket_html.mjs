// A basket as a template of `html`. basket_jsx.jsx is the same in JSX.

import { each, html, on } from 'loom-live'

/** @param {import('./basket.mjs').Line} line */
const row = ({ id, name, count, price }) => html`
  <li class="line">
    <span class="name">${name}</span>
    <span class="count">
      <button @click=${on('change', { id, by: -1 })} disabled="${count === 1}" aria-label="One ${name} less">−</button>
      <output>${count}</output>
      <button @click=${on('change', { id, by: 1 })} aria-label="One ${name} more">+</button>
    </span>
    <b class="price">${price}</b>
    <button @click=${on('remove', { id })} aria-label="Remove ${name}">×</button>
  </li>
`

/** @param {import('./basket.mjs').Shown} shown */
export const basket = ({ id, lines, error, total }) => html`
  <form class="add" @submit="add" novalidate>
    <input
      id="${id}"
      name="name"
      placeholder="What else?"
      aria-label="Something for the basket"
      aria-invalid="${error !== ''}"
      aria-describedby="${error === '' ? undefined : `${id}-error`}"
      autocomplete="off"
      maxlength="60"
    >
    <button>Add</button>
  </form>
  ${error && html`<p class="loom-error" id="${id}-error">${error}</p>`}
  <ul class="lines">${each(lines, (line) => line.id, row)}</ul>
  <p class="note" role="status">${lines.length === 0 ? 'Nothing yet' : html`Together <b>${total}</b>`}</p>
`
