/**
 * Some pages need more of the client: those with fields a file made of with_fields.ts, those with bindings of further
 * events or with further modifiers one made of with_bindings.ts, those whose address changes without a load one made of
 * navigation/with_navigation.ts, those with commands one made of commands/with_commands.ts, those with hooks of scripts
 * one made of hooks/with_hooks.ts, those with flashes one made of flash/with_flash.ts. The client loads a file when a
 * component shows something that needs the file. Until the file is there, work for it waits, in order.
 */

import type { Core } from './core'
import type { Debouncer } from './debounce'
import { setFieldHooks, setNoteName, setTouch, type FieldHooks } from '../dom/field_hooks'
import type { Binding, Held, LiveEvent, Made, SpecialVars, Trigger } from './live_event'
import { lookForUploads } from './uploads'

/** What the file for fields does for the client. */
export interface Forms extends FieldHooks {
  /** Hears of an event before any handler does. */
  heard(event: Event): void
  /** `held`: what the event's target held, if the event happened a while ago. */
  formVars(event: Event, bound: Element, held?: Held | false): SpecialVars
  /** The element with the binding, if the event's field belongs to a form that it does not stand in. */
  bound(event: Event, type: string, selector: string): Element | null | undefined
  /**
   * Is the event a submit that the user did not mean? So it is if the form's answer is due and its values are the same,
   * or if a key is held.
   */
  isRepeated(event: LiveEvent, trigger: Trigger | undefined, before: Made[]): boolean
  resetForm(form: HTMLFormElement, container: Element, seq: number): void
  /** The form was not accepted: its first field that is not valid gets the focus. */
  focusInvalid(form: HTMLFormElement): void
  /** Calls `lock` for the controls that are locked while the form is sent, with the attribute that locks each. */
  lockForm(form: HTMLFormElement, lock: (control: Element, attribute: string) => void): void
  /** The server sends the page elsewhere: the user is not asked. */
  leave(): void
  /** Remembers the focus and the caret before a patch, and returns a function that gives the caret back after it. */
  keepCaret(active: Element | null): () => void
  createDebouncer(container: Element): Debouncer
  /** Called once, when all that waited for the file is done: the page may have come back. */
  comeBack(): void
}

/** What the file for bindings does for the client. */
export interface Finer {
  /**
   * The binding of this file's kind that the event is for, unless `plain`, an element with a simple binding, is nearer.
   */
  findFiner(event: Event, type: string, plain: Element | null | undefined): Binding | undefined
  /** Notes that the binding is used. True if the binding is good for one event only, and has had this event. */
  isSpent(binding: Binding): boolean
  /** The event's properties that the page names in `data-l-detail`. */
  detailOf(event: Event, binding: Binding): SpecialVars | undefined
  /** Finds the bindings in the element. */
  lookIn(around: Element): void
  /** There is an attribute of this name in a template. */
  noteName(name: string): void
  /**
   * Remembers where the user sees which rows, and returns a function that puts them there again after the patch. There
   * if the page needs it.
   */
  keepPlace?: () => () => void
}

/** What the file for commands does for the client. */
export interface Runner {
  /**
   * Runs the commands of the binding, or those that `ctx.push` has sent as `data`, and returns true; false if there are
   * no commands. `issue` sends an event to a handler.
   */
  run(
    event: LiveEvent,
    element: Element,
    trigger: Trigger | undefined,
    issue: (event: LiveEvent, trigger: Trigger | undefined) => void,
    data?: unknown,
  ): boolean
  /**
   * Calls `change`, which makes the server's changes, on a page without guesses. Guesses that still wait for their
   * answers are shown again then.
   */
  aside(change: () => void): void
}

/** The names of the files: see scripts/client.mjs. */
declare const FIELDS: string
declare const BINDINGS: string
declare const NAVIGATION: string
declare const COMMANDS: string
declare const HOOKS: string
declare const FLASH: string

interface Extra {
  needs: RegExp
  place: string
  /** Called when the file is there. `hooks` is the result of its `start`. */
  take(hooks: unknown): unknown
  /** Undefined before something needs the file; true while it is loaded and afterwards; false after a failure. */
  isLoading?: boolean
  again?: ReturnType<typeof setTimeout>
}

/**
 * Debounce and autofocus belong to this file, since they mostly stand at fields. The pattern is tested on HTML and on
 * messages: a text that only looks like a match loads the file for nothing.
 */
const NEEDS =
  /<(form|input|textarea|select|[a-z][\w.]*-)|contenteditable|l-debounce|l-on-[\w:.-]+\.(deb|thr)|autofocus/i

/** More events than a user makes before a file is there: a bound for a page whose file does not come. */
export const MOST_WAITING = 999

const FIRST_RETRY_MS = 1_000
const LAST_RETRY_MS = 30_000

export let forms: Forms | undefined
export let finer: Finer | undefined
export let run: Runner['run'] | undefined
export let aside: Runner['aside'] = (change) => change()
/**
 * A file could not be loaded, or too many events wait for it. The file is tried again; until it is there, components
 * show an error.
 */
export let hasFailed = false
/** Work that waits for a file. First the user's events, since they came before the page shows the server's messages. */
const events: (() => void)[] = []
/** Then the work that a file does once; then, for each connection, the function that reads the waiting messages. */
const once: (() => void)[] = []
export const readers: (() => void)[] = []
/** How many files are needed and not loaded yet. */
let missing = 0
let failures = 0
let core: Core
let tell: (message?: string) => void

const fields: Extra = {
  needs: NEEDS,
  place: FIELDS,
  take(hooks) {
    setFieldHooks((forms = hooks as Forms))
    once.push(forms.comeBack)
  },
}
const extras: Extra[] = [
  fields,
  { needs: /l-(on-|detail)/, place: BINDINGS, take: (hooks) => setNoteName((finer = hooks as Finer).noteName) },
  { needs: /data-l-(nav|pat|par)|"loom\.[tp]/, place: NAVIGATION, take: () => 0 },
  { needs: /"loom\.f|l-kind/, place: FLASH, take: () => 0 },
  // A binding's text, and the name of a push.
  { needs: /js\(\[|"loom\.js/, place: COMMANDS, take: (hooks) => ({ run, aside } = hooks as Runner) },
  { needs: /l-hook/, place: HOOKS, take: setTouch },
]

/** `told` tells all components of a failure; called without a message, that the failure is over. */
export function provide(given: Core, told: typeof tell): void {
  core = given
  tell = told
}

/** Loads the files that this HTML, or this message, needs. */
export function look(html: string): void {
  for (const extra of extras) if (extra.isLoading === undefined && extra.needs.test(html)) need(extra)
  lookForUploads(html)
}

/** Loads the file: by default that for fields, which scripts can put into the page, too. */
export function need(extra = fields): void {
  if (extra.isLoading !== undefined) return
  missing++
  load(extra)
}

export function tryAgain(): void {
  for (const extra of extras) if (extra.isLoading === false) load(extra)
}

function load(extra: Extra): void {
  clearTimeout(extra.again)
  extra.isLoading = true
  // Some browsers remember for an address that it could not be loaded.
  import(new URL(`${extra.place}#${failures}`, import.meta.url).href).then(
    ({ start }: { start(core: Core): unknown }) => {
      extra.take(start(core))
      if (--missing) return
      hasFailed = false
      for (const work of [...events.splice(0), ...once.splice(0), ...readers]) work()
      tell()
    },
    (error: unknown) => {
      extra.isLoading = false
      extra.again = setTimeout(() => load(extra), Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** failures++))
      fail(error)
    },
  )
}

function fail(error: unknown): void {
  if (hasFailed) return
  hasFailed = true
  tell(`fields: ${String(error)}`)
}

export function isWaiting(): boolean {
  return missing > 0
}

/** Does `work` now, or once all needed files are there. True if too much waits already: then `work` is never done. */
export function afterForms(work: () => void): boolean {
  if (!isWaiting()) work()
  else if (events.length < MOST_WAITING) events.push(work)
  else {
    fail('too much waits')
    return true
  }
  return false
}
