// A page's own script. Compiled, never run.

import type { LoomEvents } from 'loom-live/dom'
import type { Announcements } from '../../client/live/announce'

function is<_ extends true>(): void {}
/** Whether what is told is what is declared, with no member more or less. */
type AsDeclared<Told, Declared> = [Told] extends [Declared]
  ? [keyof Declared] extends [keyof Told]
    ? [keyof Told] extends [keyof Declared]
      ? true
      : false
    : false
  : false

// What is declared is what the client tells.
is<AsDeclared<Announcements, LoomEvents>>()
is<{ [Name in keyof LoomEvents]: AsDeclared<Announcements[Name], LoomEvents[Name]> }[keyof LoomEvents]>()

addEventListener('loom:error', ({ detail }) => {
  if (detail.action === 'reload') location.reload()
  const { message }: { message: string } = detail
  void message
  // @ts-expect-error no such member
  void detail.mesage
})
document.addEventListener('loom:lost', ({ detail: { reason, events } }) => {
  if (reason === 'expired') for (const { handler, event } of events) console.log(handler.length, event.length)
  // @ts-expect-error no such reason
  void (reason === 'late')
})
document.querySelector('[data-l-live]')?.addEventListener('loom:join', (event) => {
  const { detail, bubbles }: CustomEvent<{ readonly module: string }> = event
  void [detail.module, bubbles]
})
document.body.addEventListener('loom:patch', ({ detail }) => void detail.module)
window.addEventListener('loom:reset', ({ detail }) => void detail.module)
window.addEventListener('loom:fragile', ({ detail }) => void detail.module)
// Others are what they were.
addEventListener('click', ({ clientX }) => void clientX.toFixed())
