/** What each command does. Commands are data: `[["toggle", "#menu"], ["focus", "#first"]]`. */

import { atRest, followRedirect, own, real, root } from '../input/core'
import type { LiveEvent } from '../input/live_event'
import { changeAttribute, changeClass } from './changes'
import { createGuess } from './guesses'
import { refusalOf } from './safety'
import { insertTemplate } from './templates'
import { targetsOf } from './targets'
import { animate, isShown, setShown, words, type Options } from './visibility'

/** As `lib/render/commands.ts` has it. */
const MOST_COMMANDS = 32

/** What runs a list of commands. */
export interface Run {
  /** The element with the binding; of a push, the component's. */
  origin: Element
  event: LiveEvent
  issue: (event: LiveEvent) => void
}

type Args = unknown[]
type Command = (args: Args, run: Run) => void

interface CallOptions {
  'optimistic'?: unknown
}

const each =
  (work: (element: Element) => void, to: number): Command =>
  (args, { origin }) =>
    targetsOf(args[to], origin).forEach(work)

const optionsAt = (args: Args, at: number): Options => (args[at] as Options | null | undefined) ?? {}

const withClasses =
  (isThere: (element: Element, word: string) => boolean): Command =>
  (args, run) =>
    each((element) => {
      for (const word of words(args[0])) changeClass(element, word, isThere(element, word))
    }, 1)(args, run)

const visible =
  (isToBeShown: (element: Element) => boolean): Command =>
  (args, run) =>
    each((element) => setShown(element, isToBeShown(element), optionsAt(args, 1)), 0)(args, run)

function setChecked(element: Element, name: unknown, value: string | null): void {
  const refusal = refusalOf(element, String(name), value)
  if (refusal) throw new TypeError(refusal)
  changeAttribute(element, String(name), value)
}

/** They change the page and do nothing else: a guess can be made of them. */
const CHANGES: Record<string, Command | undefined> = {
  'show': visible(() => true),
  'hide': visible(() => false),
  'toggle': visible((element) => !isShown(element)),
  'addClass': withClasses(() => true),
  'removeClass': withClasses(() => false),
  'toggleClass': withClasses((element, word) => !own.classList(element).contains(word)),
  'setAttribute': (args, run) => each((element) => setChecked(element, args[0], String(args[1])), 2)(args, run),
  'removeAttribute': (args, run) => each((element) => setChecked(element, args[0], null), 1)(args, run),
  'toggleAttribute': (args, run) => {
    const [on = '', off = null] = (args[2] as (string | null)[] | undefined) ?? []
    each((element) => {
      const now = own.getAttribute(element, String(args[0]))
      const isOn = args[2] ? now === on : now !== null
      setChecked(element, args[0], isOn ? off : on)
    }, 1)(args, run)
  },
}

const ACTIONS: Record<string, Command | undefined> = {
  'transition': (args, run) =>
    atRest(() => each((element) => animate(element, args[0], optionsAt(args, 2)), 1)(args, run)),
  'focus': ([to], { origin }) => void targetsOf(to, origin).some(focus),
  'blur': each((element) => {
    const active = own.activeElement(document)
    if (active && own.contains(element, active)) (active as HTMLElement).blur()
  }, 0),
  'scrollIntoView': (args, { origin }) => {
    // `auto` would be what the page's CSS says.
    const behavior = matchMedia('(prefers-reduced-motion: reduce)').matches ? { behavior: 'instant' as const } : {}
    const options = { ...(args[1] as ScrollIntoViewOptions | undefined), ...behavior }
    const [first] = targetsOf(args[0], origin)
    if (first) own.scrollIntoView(first, options)
  },
  'dispatch': (args, run) =>
    each((element) => {
      own.dispatchEvent(
        element,
        new CustomEvent(String(args[0]), { bubbles: true, cancelable: true, detail: args[2] ?? null }),
      )
    }, 1)(args, run),
  'copy': ([what], { origin }) => {
    copy(typeof what === 'string' ? what : shownIn((what as { 'from'?: unknown } | null)?.['from'], origin))
  },
  'showModal': each((element) => {
    if (!(element instanceof HTMLDialogElement)) throw new TypeError('showModal is for <dialog>')
    if (!element.open) element.showModal()
  }, 0),
  'close': (args, run) =>
    each((element) => {
      if (!(element instanceof HTMLDialogElement)) throw new TypeError('close is for <dialog>')
      element.close()
    }, 0)([args[0] ?? 'closest dialog'], run),
  'navigate': ([address]) => followRedirect(String(address)),
  'call': ([handler, args, options], run) => {
    const given = args === undefined || args === null ? '' : `(${JSON.stringify(args)})`
    const { optimistic } = (options as CallOptions | undefined) ?? {}
    const { event } = run
    const guess = optimistic ? createGuess(() => runGuess(optimistic, run, valuesOf(event, args))) : undefined
    run.issue({ ...event, handler: `${String(handler)}${given}`, guess })
  },
}

/** What an optimistic `<template>` can be filled with: the fields of the form, and the arguments. */
function valuesOf({ type, vars: { v, f } }: LiveEvent, args: unknown): Record<string, unknown> {
  // Of a submit, the form is the value.
  const form = type === 'submit' ? v : f
  return { 'value': v, ...Object.fromEntries(new URLSearchParams(form)), ...(args as object | undefined) }
}

function runGuess(commands: unknown, run: Run, values: Record<string, unknown>): void {
  // A row that was guessed upon may be gone.
  if (!root.contains(run.origin)) return
  const insert: Command = ([template, to, place], { origin }) =>
    insertTemplate(template, targetsOf(to, origin), place, values)
  runList(commands, (name) => (name === 'insert' ? insert : CHANGES[name]), run)
}

/** What takes no focus gives it to the first in it that takes it. False if nothing does. */
function focus(element: Element): boolean {
  const inside = own.querySelectorAll(
    element,
    'a[href],button,input,select,textarea,summary,[tabindex],[contenteditable]',
  )
  return [element, ...inside].some((one) => {
    real(one, 'focus').call(one)
    return own.activeElement(document) === one
  })
}

/** What the field holds, or what the element says: other elements than fields have a `value`, too, as `<li>`. */
function shownIn(from: unknown, origin: Element): string {
  const [first] = targetsOf(from, origin)
  if (!first) throw new TypeError(`nothing fits ${JSON.stringify(from)}`)
  return own.matches(first, 'input,select,textarea')
    ? (first as HTMLInputElement).value
    : (own.textContent(first) ?? '')
}

/** Pages without https have no clipboard of that kind: there a field is selected for a moment. */
function copy(text: string): void {
  const byHand = () => {
    const active = own.activeElement(document)
    const field = own.createElement(document, 'textarea') as HTMLTextAreaElement
    field.value = text
    field.readOnly = true
    field.style.position = 'fixed'
    field.style.opacity = '0'
    // Behind a modal dialog nothing can be selected.
    const place = (active && own.closest(active, 'dialog')) ?? root
    own.appendChild(place, field)
    field.select()
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- the only way without https
    const isDone = document.execCommand('copy')
    own.removeChild(place, field)
    if (active) real(active, 'focus').call(active)
    if (!isDone) console.error('loom-live: the browser does not let the page copy')
  }
  const { clipboard } = navigator as Partial<Navigator>
  if (clipboard) clipboard.writeText(text).catch(byHand)
  else byHand()
}

function runList(list: unknown, commandOf: (name: string) => Command | undefined, run: Run): void {
  if (!Array.isArray(list)) return console.error('loom-live: not a list of commands:', list)
  if (list.length > MOST_COMMANDS)
    console.error(`loom-live: ${list.length} commands; the first ${MOST_COMMANDS} of them are done`)
  for (const one of list.slice(0, MOST_COMMANDS) as unknown[]) {
    const [name, ...args] = Array.isArray(one) ? (one as unknown[]) : [one]
    const command =
      typeof name === 'string' && Object.hasOwn({ ...CHANGES, ...ACTIONS, 'insert': 0 }, name)
        ? commandOf(name)
        : undefined
    // What one command cannot do, the others do not miss.
    try {
      if (!command) throw new TypeError('there is no such command here')
      command(args, run)
    } catch (error) {
      console.error(`loom-live: the command ${JSON.stringify(one)} was not done:`, error)
    }
  }
}

export function runCommands(list: unknown, run: Run): void {
  const commandOf = (name: string): Command | undefined => {
    const change = CHANGES[name]
    // Loading states lie on top of what commands change.
    return change ? (args, run) => atRest(() => change(args, run)) : ACTIONS[name]
  }
  runList(list, commandOf, run)
}
