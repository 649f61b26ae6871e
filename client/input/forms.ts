/**
 * Some pages need more of the client: those with fields a file made of with_fields.ts, those with bindings of further
 * events or with further modifiers one made of with_bindings.ts, those whose address changes without a load one made of
 * navigation/with_navigation.ts, those with commands one made of commands/with_commands.ts, those with hooks of scripts one
 * made of hooks/with_hooks.ts, those with flashes one made of flash/with_flash.ts. The client loads a file when a component
 * shows what needs it. Until the file is there, what is to be done waits for it, in order.
 */

import type { Core } from './core'
import type { Debouncer } from './debounce'
import { setFieldHooks, setNoteName, setTouch, type FieldHooks } from '../dom/field_hooks'
import type { Binding, Held, LiveEvent, Made, SpecialVars, Trigger } from './live_event'
import { lookForUploads } from './uploads'

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

/** What the file for bindings does for the client. */
export interface Finer {
  /** The binding of the file's that the event is for, unless `plain`, which has one of the client's own, is nearer. */
  findFiner(event: Event, type: string, plain: Element | null | undefined): Binding | undefined
  /** The binding is used. True if it is good for one event, and has had that one. */
  isSpent(binding: Binding): boolean
  /** What the page names of the event. */
  detailOf(event: Event, binding: Binding): SpecialVars | undefined
  /** Finds the bindings in what is in the page. */
  lookIn(around: Element): void
  /** There is an attribute of this name in a template. */
  noteName(name: string): void
  /** Remembers where the user sees what, before a patch, and returns what puts it there again. Not in each page. */
  keepPlace?: () => () => void
}

/** What the file for commands does for the client. */
export interface Runner {
  /**
   * Runs what the binding says, or what `ctx.push` has sent as `data`, and returns true; false if that is no commands.
   * `issue` sends an event to a handler.
   */
  run(
    event: LiveEvent,
    element: Element,
    trigger: Trigger | undefined,
    issue: (event: LiveEvent, trigger: Trigger | undefined) => void,
    data?: unknown,
  ): boolean
  /** Changes the page as the server says, without what was guessed. What still waits for its answer is shown again then. */
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
  /** The file is there. `hooks` is what its `start` gives. */
  take(hooks: unknown): unknown
  /** Undefined before anything needs the file; true as well when the file is there. */
  isLoading?: boolean
  again?: ReturnType<typeof setTimeout>
}

/** Debounce and autofocus are with it, since they mostly stand at fields. As HTML or as a message has it: a text that only looks so costs no more than the file. */
const NEEDS =
  /<(form|input|textarea|select|[a-z][\w.]*-)|contenteditable|l-debounce|l-on-[\w:.-]+\.(deb|thr)|autofocus/i

/** More than happens before a file is there: a bound for a page whose file does not come. */
export const MOST_WAITING = 999

const FIRST_RETRY_MS = 1_000
const LAST_RETRY_MS = 30_000

export let forms: Forms | undefined
export let finer: Finer | undefined
export let run: Runner['run'] | undefined
export let aside: Runner['aside'] = (change) => change()
/** A file could not be loaded, or too much waits for it. It is tried again; until it is there, components show an error. */
export let hasFailed = false
/** What waits for a file: first what the user did, since that was before the page showed what the server says. */
const events: (() => void)[] = []
/** Then what a file itself does once, and then, of each connection, what takes what the server has said meanwhile. */
const once: (() => void)[] = []
export const readers: (() => void)[] = []
/** How many files are needed and not there. */
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

/** `told`: tells all components of a failure, or without a message, that there is none any more. */
export function provide(given: Core, told: typeof tell): void {
  core = given
  tell = told
}

/** Loads the files that this needs. */
export function look(html: string): void {
  for (const extra of extras) if (extra.isLoading === undefined && extra.needs.test(html)) need(extra)
  lookForUploads(html)
}

/** Scripts put fields into the page, too. */
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
