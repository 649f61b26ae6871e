// A script with hooks. Compiled, never run.

import { hook, type CallError, type Hook, type HookCallbacks } from 'loom-live/client'
import type { LiveContext } from 'loom-live'

hook('plain', {
  mounted() {
    const element: HTMLElement = this.el
    const end: () => void = this.on('said', (data) => {
      // @ts-expect-error what is pushed is not known
      void data.length
    })
    this.on<{ id: number }>('said', ({ id }) => void id.toFixed())
    void this.call('save').then((answer) => {
      // @ts-expect-error nor is an answer
      void answer.length
    })
    void this.call<{ ok: boolean }>('save', { text: element.innerText }).then(({ ok }) => (ok ? end() : undefined))
    // @ts-expect-error a handler has a name
    void this.call()
    // @ts-expect-error it is the element of the page
    this.el = element
    // @ts-expect-error nothing was said of it
    this.chart = 1
  },
  async destroyed() {
    await Promise.resolve()
  },
})
hook<{ chart: { draw(): void }; el: HTMLCanvasElement }>('chart', {
  mounted() {
    this.chart = { draw: () => void this.el.getContext('2d') }
  },
  beforeUpdate() {},
  updated() {
    this.chart.draw()
  },
  disconnected() {},
  reconnected() {},
})
// @ts-expect-error a callback is misspelt
hook('misspelt', { mount() {} })
// @ts-expect-error no callbacks
hook('nothing')

const callbacks: HookCallbacks<{ count: number }> = {
  mounted(this: Hook & { count: number }) {
    this.count = 0
  },
}
hook('count', callbacks)

export function told({ reason, message }: CallError): string {
  // @ts-expect-error no such reason
  if (reason === 'late') return ''
  return reason === 'failed' ? message : ''
}

export function replies(ctx: LiveContext): void {
  ctx.reply()
  ctx.reply({ any: ['data'] })
  // @ts-expect-error one value
  ctx.reply(1, 2)
}
