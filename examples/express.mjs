import express from 'express'
import { createLoom, html } from 'loom-live'

const loom = createLoom({ secret: process.env.LOOM_SECRET })

const counter = loom.register('counter', {
  props: { count: 0 },
  handle: { increment: (props) => ({ count: props.count + 1 }) },
  render: (props) => html`<button data-l-click="increment">${props.count}</button>`,
})

const app = express()
app.use(loom.express())
app.get('/', async (request, response) => {
  const button = await loom.mount(counter, { count: 0 }, { request })
  response.send(`<!doctype html><title>Counter</title>${button}${loom.script()}`)
})

loom.attach(app.listen(process.env.PORT ?? 3000))
