import { html } from 'loom-live'
import { loom } from './loom.js'

export const counter = loom.register('counter', {
  props: { count: 0 },
  handle: {
    increment: (props) => ({ count: props.count + 1 }),
    reset: () => ({ count: 0 }),
  },
  render: ({ count }) => html`
    <output>${count}</output>
    <button @click="increment">One more</button>
    <button @click="reset" ?disabled=${count === 0}>Reset</button>`,
})
