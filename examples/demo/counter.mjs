import { html } from 'loom-live'
import { loom } from './loom.mjs'

export const counter = loom.register('counter', {
  props: { count: 0 },
  handle: {
    increment: (props) => ({ count: props.count + 1 }),
    decrement: (props) => ({ count: props.count - 1 }),
  },
  render: (props) => html`
    <div class="counter">
      <button data-l-click="decrement" aria-label="One less">−</button>
      <output>${props.count}</output>
      <button data-l-click="increment" aria-label="One more">+</button>
    </div>
  `,
})
