// The same as a module of ECMAScript: compiled, never run.

import { hook, type CallError } from 'loom-live/client'

hook<{ count: number }>('count', {
  mounted() {
    this.count = 1
    this.call<number>('save', { text: '' }).then(
      (count) => (this.count = count),
      ({ reason }: CallError) => console.error(reason satisfies string),
    )
  },
})
// @ts-expect-error a callback is misspelt
hook('misspelt', { mount() {} })
