// The other module system has the same types. Compiled, never run.

import { createLoom, html, type RegisteredModule } from 'loom-live'
import * as all from 'loom-live'

const loom: all.Loom = createLoom()
const counter: RegisteredModule<{ count: number }> = loom.register('counter', {
  props: { count: 0 },
  handle: { increment: (props) => ({ count: props.count + 1 }) },
  render: (props) => html`<button data-l-click="increment">${props.count}</button>`,
})
loom.register('frozen', {
  props: { count: 0 },
  handle: {
    next: (props) => ({ count: props.count + 1 }),
    // @ts-expect-error props of a module with receivers are frozen
    add: (props) => void (props.count += 1),
  },
  receive: { told: (props) => ({ count: props.count + 1 }) },
  render: (props) => html`${props.count}`,
})
const page: string = await loom.mount(counter, { count: 1 })
void page
// @ts-expect-error a prop of another type
void loom.mount(counter, { count: 'one' })
// @ts-expect-error no such export
void all.createServer
