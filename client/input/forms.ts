/**
 * Pages with fields need more of the client: a file of its own, made of with_fields.ts, which the client loads when a
 * component shows something that can be filled in. Until the file is there, what is to be done waits for it, in order.
 */

import type { Core } from './core'
import type { Debouncer } from './debounce'
import { setFieldHooks, type FieldHooks } from '../dom/field_hooks'
import type { Held, LiveEvent, Made, SpecialVars, Trigger } from './live_event'

/** What the file does for the client. */
export interface Forms extends FieldHooks {
  /** Before anything that it does is handled. */
  heard(event: Event): void
  /** `held`: what the event's target held, if the event happened a while ago. */
  formVars(event: Event, bound: Element, held?: Held | false): SpecialVars
  /** The element with the binding, if the event's field belongs to a form that it does not stand in. */
  bound(event: Event, type: string, selector: string): Element | null | undefined
  /** Is it a submit that nobody means: of a form whose answer is due, with the same in it, or by a key that is held? */
  isRepeated(event: LiveEvent, trigger: Trigger | undefined, before: Made[]): boolean
  resetForm(form: HTMLFormElement, container: Element, seq: number): void
  /** The form was not accepted: its first field that is not valid gets the focus. */
  focusInvalid(form: HTMLFormElement): void
  /** Calls `lock` for what of the form rests while it is sent, with the attribute that has it rest. */
  lockForm(form: HTMLFormElement, lock: (control: Element, attribute: string) => void): void
  /** The server sends the page elsewhere: nobody asks the user. */
  leave(): void
  /** Remembers the focus before a patch, and returns what gives the caret back after the patch. */
  keepCaret(active: Element | null): () => void
  createDebouncer(container: Element): Debouncer
  /** Once, when what waited for the file is done: the page may have come back. */
  comeBack(): void
}

/** The name of the file: see scripts/client.mjs. */
declare const FIELDS: string

/** Debounce and autofocus are with it, since they mostly stand at fields. As HTML or as a message has it: a text that only looks so costs no more than the file. */
const NEEDS = /<(form|input|textarea|select|[a-z][\w.]*-)|contenteditable|l-debounce|autofocus/i

/** More than happens before a file is there: a bound for a page whose file does not come. */
export const MOST_WAITING = 999

const FIRST_RETRY_MS = 1_000
const LAST_RETRY_MS = 30_000

export let forms: Forms | undefined
/** The file could not be loaded, or too much waits for it. It is tried again; until it is there, components show an error. */
export let hasFailed = false
/** What waits for the file: first what the user did, since that was before the page showed what the server says. */
const events: (() => void)[] = []
/** Of each connection: takes what the server has said meanwhile. */
export const readers: (() => void)[] = []
/** Undefined before anything needs the file; true as well when the file is there. */
let isLoading: boolean | undefined
let retry: ReturnType<typeof setTimeout> | undefined
let failures = 0
let core: Core
let tell: (message?: string) => void

/** `told`: tells all components of a failure, or without a message, that there is none any more. */
export function provide(given: Core, told: typeof tell): void {
  core = given
  tell = told
}

/** Loads the file, if this needs it. */
export function look(html: string): void {
  if (NEEDS.test(html)) need()
}

export function need(): void {
  if (isLoading === undefined) load()
}

export function tryAgain(): void {
  if (isLoading === false) load()
}

function load(): void {
  clearTimeout(retry)
  isLoading = true
  // Some browsers remember for an address that it could not be loaded.
  import(new URL(`${FIELDS}#${failures}`, import.meta.url).href).then(
    ({ start }: { start(core: Core): Forms }) => {
      setFieldHooks((forms = start(core)))
      hasFailed = false
      for (const work of events.splice(0)) work()
      forms.comeBack()
      for (const read of readers) read()
      tell()
    },
    (error: unknown) => {
      isLoading = false
      retry = setTimeout(load, Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** failures++))
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
  return isLoading !== undefined && !forms
}

/** Does it when the file is there, if it has to be. True if too much waits already: then it is never done. */
export function afterForms(work: () => void): boolean {
  if (!isWaiting()) work()
  else if (events.length < MOST_WAITING) events.push(work)
  else {
    fail('too much waits')
    return true
  }
  return false
}
