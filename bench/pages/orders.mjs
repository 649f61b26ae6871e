// The same as orders.jsx, in `html`.

import { each, html, on } from 'loom-live'

const link = (to, current, text) =>
  html`<li><a href="${to}" aria-current="${to === current ? 'page' : undefined}">${text}</a></li>`

const field = (name, label, value, error) =>
  html`<div class="field"><label for="${name}">${label}</label><input id="${name}" name="${name}" value="${value}" aria-invalid="${error !== ''}" autocomplete="off">${error && html`<p class="error" role="alert">${error}</p>`}</div>`

export const Order = (order) =>
  html`<tr class="${order.isPaid ? 'paid' : 'due'}"><td>${order.id}</td><td><a href="/customers/${order.customer}">${order.name}</a></td><td class="number">${order.total}</td><td>${order.isPaid ? 'paid' : html`<b>due</b>`}</td><td><button type="button" @click=${on('remove', { id: order.id })} disabled="${order.isPaid}">Remove</button></td></tr>`

export const page = (props) =>
  html`<main class="orders"><nav aria-label="Pages"><ul>${link('/', props.path, 'Home')}${link('/orders', props.path, 'Orders')}${link('/customers', props.path, 'Customers')}</ul></nav><h1>Orders of ${props.owner}</h1><form @submit="search" data-l-keep="">${field('text', 'Text', props.text, props.textError)}${field('since', 'Since', props.since, props.sinceError)}<button class="primary">Search</button></form><p role="status">${props.orders.length} orders, page ${props.number} of ${props.count}</p><table><thead><tr><th scope="col">Number</th><th scope="col">Customer</th><th scope="col">Total</th><th scope="col">State</th><th scope="col"><span class="hidden">Actions</span></th></tr></thead><tbody>${each(props.orders, (order) => order.id, Order)}</tbody></table><footer><button @click="before" disabled="${props.number === 1}">Before</button><button @click="next" disabled="${props.number === props.count}">Next</button>${props.note && html`<p>${props.note}</p>`}</footer></main>`

/** Its rows are keyed, as those of orders.jsx are, and depend on all props: all of them are rendered each time. */
export const table = (props) =>
  html`<table><tbody>${each(
    props.orders,
    (order) => order.id,
    (order) =>
      html`<tr><td>${order.id}</td><td>${order.name}</td><td>${order.total}</td><td>${order.customer}</td></tr>`,
    [props],
  )}</tbody></table>`
