// A page's own script. Compiled, never run.

import type { LoomEvents } from 'loom-live/dom'
import type { Announcements } from '../../client/live/announce'
import type { Visits } from '../../client/navigation/visit'

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
type All = Announcements & Visits
is<AsDeclared<All, LoomEvents>>()
is<{ [Name in keyof LoomEvents]: AsDeclared<All[Name], LoomEvents[Name]> }[keyof LoomEvents]>()

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
document.addEventListener('loom:navigate', (event) => {
  if (event.detail.way !== 'back' && new URL(event.detail.url).pathname === '/') event.preventDefault()
  // @ts-expect-error no such way
  void (event.detail.way === 'forward')
})
document.addEventListener('loom:navigated', ({ detail }) => void detail.url.length)
// Others are what they were.
addEventListener('click', ({ clientX }) => void clientX.toFixed())
