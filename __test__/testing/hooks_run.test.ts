/** Hooks of an application's scripts run in the pages of its tests, as in a browser. */

import { createLoom, html } from 'loom-live'
import { hook } from 'loom-live/client'
import { openPage } from 'loom-live/testing'
import { afterAll, expect, test } from '@jest/globals'

const silent = { error: () => undefined, warn: () => undefined }
const loom = createLoom({ secret: 'a secret of at least thirty-two bytes', logger: silent })

afterAll(() => loom.close())

const load = loom.register('load', {
  props: { points: [1], limit: 100 },
  handle: {
    measure: ({ points, ...rest }) => ({ ...rest, points: [...points, points.length + 1] }),
    setLimit: (props, { args }, ctx) => {
      const { limit } = args as { limit: number }
      if (limit === 0) throw new Error('a limit is above nothing')
      ctx.reply({ before: props.limit })
      return { ...props, limit }
    },
    hide: (props) => ({ ...props, points: [] }),
  },
  render: ({ points, limit }) => html`
    <button data-l-click="measure">Measure</button><button data-l-click="hide">Hide</button>
    ${points.length > 0 ? html`<div data-l-hook="chart" data-l-ignore data-points="${points.join()}"></div>` : ''}
    <p>${limit}</p>`,
})

const told: string[] = []

test('a hook is mounted, called, and gone; it calls handlers', async () => {
  hook<{ limit(to: number): Promise<unknown> }>('chart', {
    mounted() {
      this.limit = (to) => this.call('setLimit', { limit: to })
      this.el.addEventListener('dblclick', () => {
        void this.limit(80).then((answer) => told.push(JSON.stringify(answer)))
      })
      this.el.textContent = this.el.dataset['points'] ?? ''
      told.push(`mounted ${this.el.textContent}`)
    },
    updated() {
      told.push(`updated ${this.el.dataset['points'] ?? ''}`)
    },
    destroyed() {
      told.push('destroyed')
    },
    disconnected: () => told.push('disconnected'),
    reconnected: () => told.push('reconnected'),
  })
  await using page = await openPage(loom, load)
  expect(page.text('[data-l-hook]')).toBe('1')
  await page.click('button', { text: 'Measure' })
  page.container.querySelector('[data-l-hook]')?.dispatchEvent(new page.window.Event('dblclick'))
  await page.settled()
  expect(page.text('p')).toBe('80')
  await page.disconnect()
  await page.reconnect()
  await page.click('button', { text: 'Hide' })
  expect(told).toEqual(['mounted 1', 'updated 1,2', '{"before":100}', 'disconnected', 'reconnected', 'destroyed'])
})

test('a hook that comes late is mounted in all open pages, each with its own component', async () => {
  const module = loom.register('late', {
    props: { name: '' },
    handle: { name: (_, { args }) => ({ name: String(args) }) },
    render: ({ name }) => html`<b data-l-hook="late" data-l-ignore></b><output>${name}</output>`,
  })
  await using one = await openPage(loom, module)
  await using two = await openPage(loom, module)
  let count = 0
  hook('late', {
    mounted() {
      void this.call('name', `page ${++count}`)
    },
  })
  await one.settled()
  await two.settled()
  expect([one.text('output'), two.text('output')].sort()).toEqual(['page 1', 'page 2'])
})

test('what a hook throws, the test throws', async () => {
  const module = loom.register('broken', {
    props: {},
    handle: {},
    render: () => html`<b data-l-hook="broken" data-l-ignore></b>`,
  })
  hook('broken', {
    mounted() {
      throw new RangeError('no such chart')
    },
  })
  await expect(openPage(loom, module)).rejects.toThrow('no such chart')
})
