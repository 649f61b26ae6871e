import Fastify from 'fastify'
import { createLoom, html } from 'loom-live'

const loom = createLoom({ secret: process.env.LOOM_SECRET })

const counter = loom.register('counter', {
  props: { count: 0 },
  handle: { increment: (props) => ({ count: props.count + 1 }) },
  render: (props) => html`<button data-l-click="increment">${props.count}</button>`,
})

const app = Fastify()
await app.register(loom.fastify)
app.get('/', async (request, reply) => {
  const button = await loom.mount(counter, { count: 0 }, { request })
  reply.type('text/html')
  return `<!doctype html><title>Counter</title>${button}${loom.script()}`
})

await app.listen({ port: Number(process.env.PORT ?? 3000) })
