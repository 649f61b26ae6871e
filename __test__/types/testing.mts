// The same as a module of ECMAScript: compiled, never run.

import { createLoom, html } from 'loom-live'
import { openPage } from 'loom-live/testing'

const loom = createLoom()
const counter = loom.register('counter', { props: { count: 0 }, handle: {}, render: ({ count }) => html`${count}` })
await using page = await openPage(loom, counter, { count: 1 }, { request: { headers: { cookie: 'a=b' } } })
const { count } = await page.props()
count satisfies number
