// A table, and a form in a dialog for one row of it. Without the client's script the dialog is a part of the page.

import { each, form, html, validated } from 'loom-live'
import { z } from 'zod'
import { framed } from './frame.mjs'
import { loom } from './loom.mjs'

const STATES = ['new', 'packed', 'shipped']

/** A date is a day, without a time and its zone. */
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' })

/** @typedef {{ id: number, customer: string, items: number, state: string, ships: string, note: string }} Order */

/** @type {Order[]} */
const ORDERS = [
  ['Ada Lovelace', 3, 'shipped', '2026-03-02'],
  ['Charles Babbage', 12, 'packed', '2026-03-05'],
  ['Grace Hopper', 1, 'new', ''],
  ['Alan Turing', 7, 'new', ''],
  ['Katherine Johnson', 2, 'packed', '2026-03-06'],
  ['Edsger Dijkstra', 1, 'shipped', '2026-02-27'],
  ['Barbara Liskov', 4, 'new', ''],
  ['Donald Knuth', 5, 'packed', '2026-03-09'],
].map(([customer, items, state, ships], at) => ({
  id: 1001 + at,
  customer: String(customer),
  items: Number(items),
  state: String(state),
  ships: String(ships),
  note: '',
}))

const schema = z
  .object({
    customer: z.string().trim().min(2, 'Two letters at least.').max(80, 'Eighty letters at most.'),
    items: z
      .string()
      .trim()
      .regex(/^\d+$/, 'A whole number.')
      .transform(Number)
      .pipe(z.number().min(1, 'One at least.').max(99, 'Ninety-nine at most.')),
    state: z.enum(STATES, 'Choose one of these.'),
    ships: z.literal('').or(z.iso.date('This is no date.')),
    note: z.string().trim().max(500, 'Five hundred letters at most.'),
  })
  .refine(({ state, ships }) => state !== 'shipped' || ships !== '', {
    path: ['ships'],
    message: 'What is shipped has a date.',
    // Beside the messages of other fields, too.
    when: () => true,
  })

/** @typedef {import('loom-live').FormErrors<typeof schema>} Errors */

const orders = loom.register('orders', {
  props: {
    orders: ORDERS,
    /** The order that is in the dialog; 0 while it is closed. */
    editing: 0,
    /** @type {Errors} */
    errors: {},
    said: '',
    /** How often an order was saved on this page. */
    saves: 0,
  },
  handle: {
    edit: (props, { form }) => {
      const id = Number(form?.order)
      return { ...props, editing: props.orders.some((order) => order.id === id) ? id : 0, errors: {} }
    },
    // Escape and the button close the dialog in the browser, at once. The event `close` would also say so if the server
    // closes it, and perhaps so late that the next order is in the dialog by then.
    cancel: (props) => ({ ...props, editing: 0, errors: {} }),
    check: validated(schema, (props) => props),
    save: validated(schema, (props, changed) => {
      const id = props.editing
      if (id === 0) return props
      return {
        ...props,
        editing: 0,
        orders: props.orders.map((order) => (order.id === id ? { id, ...changed } : order)),
        said: `Order ${id} is saved.`,
        saves: props.saves + 1,
      }
    }),
  },
  render: ({ orders, editing, errors, said, saves }) => {
    const f = form('edit')
    const edited = orders.find(({ id }) => id === editing)
    return html`
      <form id="${f.id}" method="${f.method}" action="${f.action}" @submit=${f.handler}>
        ${f.seal}
        <table class="orders" role="table" aria-label="Orders">
          <thead role="rowgroup">
            <tr role="row">
              <th role="columnheader" scope="col">Order</th>
              <th role="columnheader" scope="col">Customer</th>
              <th role="columnheader" scope="col">Items</th>
              <th role="columnheader" scope="col">Ships</th>
              <th role="columnheader" scope="col">State</th>
              <td role="cell"></td>
            </tr>
          </thead>
          <tbody role="rowgroup">
            ${each(
              orders,
              ({ id }) => id,
              ({ id, customer, items, state, ships }) => html`
                <tr role="row" id="order-${id}">
                  <td role="cell" class="id">${id}</td>
                  <th role="rowheader" scope="row">${customer}</th>
                  <td role="cell" class="items">${items}<span> ${items === 1 ? 'item' : 'items'}</span></td>
                  <td role="cell" class="ships">${ships === '' ? '–' : day.format(new Date(ships))}</td>
                  <td role="cell" class="state"><b class="${state}">${state}</b></td>
                  <td role="cell" class="edit">
                    <button name="order" value="${id}" aria-label="Edit order ${id}">Edit</button>
                  </td>
                </tr>
              `,
            )}
          </tbody>
        </table>
      </form>
      <p class="note" role="status">
        ${orders.filter(({ state }) => state !== 'shipped').length} of ${orders.length} are to be shipped. ${said}
        ${saves > 1 && `${saves} changes on this page.`}
      </p>
      <dialog ?open=${edited !== undefined} aria-labelledby="edited" @cancel=${'cancel'}>
        ${each(
          // By the order's id: another order has a form of its own, in which nothing of this one stays.
          edited ? [edited] : [],
          ({ id }) => id,
          (order) => editForm(order, errors),
          [errors],
        )}
      </dialog>
    `
  },
})

/**
 * @param {Order} order
 * @param {Errors} errors
 */
function editForm(order, errors) {
  const f = form('save', { errors, values: order })
  const [state, note] = [f.field('state'), f.field('note')]
  return html`
    <form
      class="fields"
      id="${f.id}"
      method="${f.method}"
      action="${f.action}"
      @submit=${f.handler}
      @input=${'check'}
      data-l-disable
      novalidate
    >
      ${f.seal}
      <h3 id="edited">Order ${order.id}</h3>
      ${line(f.field('customer'), 'Customer')}
      <div class="pair">
        ${line(f.field('items'), 'Items', 'number')}
        ${line(f.field('ships'), 'Ships', 'date')}
      </div>
      <div class="field">
        <label for="${state.id}">State</label>
        <select
          id="${state.id}"
          name="${state.name}"
          aria-invalid="${state.invalid}"
          aria-describedby="${state.describedBy}"
          data-l-validity="${state.message}"
        >
          ${STATES.map((one) => html`<option value="${one}" ?selected=${state.has(one)}>${one}</option>`)}
        </select>
        ${state.error}
      </div>
      <div class="field">
        <label for="${note.id}">Note</label>
        <textarea
          id="${note.id}"
          name="${note.name}"
          rows="2"
          aria-invalid="${note.invalid}"
          aria-describedby="${note.describedBy}"
          data-l-validity="${note.message}"
        >${note.value}</textarea>
        ${note.error}
      </div>
      <div class="buttons">
        <button class="main" l-loading-text="Saving …">Save</button>
        <button formmethod="dialog" formnovalidate @click=${'cancel'}>Cancel</button>
      </div>
      ${f.error}
    </form>
  `
}

/**
 * @param {import('loom-live').FormField} field
 * @param {string} label
 */
function line(field, label, type = 'text') {
  return html`
    <div class="field">
      <label for="${field.id}">${label}</label>
      <input
        id="${field.id}"
        name="${field.name}"
        type="${type}"
        value="${field.value}"
        autocomplete="off"
        aria-invalid="${field.invalid}"
        aria-describedby="${field.describedBy}"
        data-l-validity="${field.message}"
      >
      ${field.error}
    </div>
  `
}

/** @param {import('express').Request} request */
export async function ordersPage(request) {
  return framed(
    { path: '/orders', title: 'Orders', styles: ['forms.css', 'orders.css'], scripts: ['modal.js'] },
    `<header>
      <h1>Orders</h1>
      <p>The server opens the dialog, checks its form, and changes one row of the table. Escape closes the dialog in the browser.</p>
    </header>
    <main class="single">
      <section class="card" aria-labelledby="orders">
        <h2 id="orders">This week <code>orders.mjs</code></h2>
        ${await loom.mount(orders, {}, { request })}
      </section>
    </main>`,
  )
}
