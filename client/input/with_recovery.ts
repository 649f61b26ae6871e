/**
 * Text that the user types in a form with `data-l-recover` outlives the page. It is kept in the tab's `sessionStorage`
 * until the server has taken it. If the page is loaded again, its fields get the text back.
 */

import type { Given, Recovery } from './recovery'

type Field = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement
type Held = string | boolean | string[]

/** A form with a long text; a storage takes 5 MB of the whole site. In UTF-16 units. */
const MOST_KEPT = 100_000
/** At most so many forms of the site are kept; the oldest one goes. */
const MOST_FORMS = 20
/** In a tab that is restored a week later, the text is too old. */
const MOST_AGE_MS = 12 * 3_600_000
/** A write to the storage waits this long, so that not each key writes. */
const PAUSE_MS = 300

const PREFIX = 'loom-live:form:'

/** Fields whose value is a secret, an invented path, or not typed by the user. */
const NEVER = /^(password|file|hidden|submit|button|reset|image)$/
/** Browsers do not remember these values either: codes that are good once, passwords, cards. */
const SECRET = /\b(off|one-time-code|current-password|new-password|cc-\S+)/i

/** Works with the storage; undefined if the storage is closed to the page. */
function stored<Result>(work: (storage: Storage) => Result): Result | undefined {
  try {
    return work(sessionStorage)
  } catch {
    return undefined
  }
}

/** The values that were kept under this key; none if they are too old or no list of fields. */
function read(key: string): Map<string, Held> {
  const text = stored((storage) => storage.getItem(key)) ?? ''
  const list = stored((): unknown => JSON.parse(text.slice(text.indexOf('['))))
  const isYoung = Date.now() - parseInt(text) < MOST_AGE_MS
  return new Map(isYoung && Array.isArray(list) ? list.filter((one): one is [string, Held] => Array.isArray(one)) : [])
}

function write(key: string, kept: Map<string, Held>): void {
  const text = `${Date.now()} ${JSON.stringify([...kept])}`
  stored((storage) => {
    // The stored values are older than the form's.
    storage.removeItem(key)
    if (!kept.size) return
    if (text.length > MOST_KEPT) return console.warn('loom-live: too long for data-l-recover:', key)
    const keys = Object.keys(storage).filter((one) => one.startsWith(PREFIX))
    const age = (one: string) => parseInt(storage.getItem(one) ?? '')
    keys.sort((a, b) => age(a) - age(b))
    for (const old of keys.slice(0, Math.max(0, keys.length + 1 - MOST_FORMS))) storage.removeItem(old)
    storage.setItem(key, text)
  })
}

export function start({ own, root, isOn, CONTAINER, THEIRS, isDirty, isChanged, edited, tell }: Given): Recovery {
  /** The forms of the page: the key of each, and the kept values that no field has been given yet. */
  const forms = new Map<HTMLFormElement, { key: string; left: Map<string, Held> }>()
  /** Fields that had the type "password" once: a page can show the password by another type. */
  const secrets = new WeakSet<Element>()
  /** Keys that two forms of the page have. */
  const doubtful = new Set<string>()
  const unsaved = new Set<HTMLFormElement>()
  let timer: ReturnType<typeof setTimeout> | undefined

  function keyOf(form: HTMLFormElement): string | undefined {
    const container = own.closest(form, CONTAINER)
    if (!container || own.matches(form, THEIRS) || !isOn(form, 'recover')) return
    const name = ['data-l-recover', 'id', 'name'].map((one) => own.getAttribute(form, one)).find(Boolean) ?? ''
    return (
      PREFIX + JSON.stringify([location.pathname + location.search, own.getAttribute(container, 'data-l-live'), name])
    )
  }

  /** The fields of the form that may be kept, by a key that identifies the field. */
  function fieldsOf(form: HTMLFormElement): Map<string, Field> {
    const found = new Map<string, Field>()
    /** How many fields with the same name, and of the same kind, there are. */
    const counts = new Map<string, number>()
    for (const field of own.elements(form) as Iterable<Element>) {
      if (!own.matches(field, 'input,textarea,select')) continue
      const { type, value } = field as Field
      if (type === 'password') secrets.add(field)
      const name = own.getAttribute(field, 'name') || own.getAttribute(field, 'id')
      if (!name || NEVER.test(type) || secrets.has(field)) continue
      if (SECRET.test(own.getAttribute(field, 'autocomplete') ?? '')) continue
      const isChosen = /^(checkbox|radio)$/.test(type)
      const like = JSON.stringify([own.localName(field), name, isChosen && value])
      const at = counts.get(like) ?? 0
      counts.set(like, at + 1)
      found.set(`${like}${at}`, field as Field)
    }
    return found
  }

  function save(): void {
    clearTimeout(timer)
    timer = undefined
    for (const form of unsaved) {
      const known = forms.get(form)
      if (!known || doubtful.has(known.key)) continue
      const kept = new Map(known.left)
      for (const [key, field] of fieldsOf(form)) if (isDirty(field)) kept.set(key, heldBy(field))
      write(known.key, kept)
    }
    unsaved.clear()
  }

  function saveLater(form: HTMLFormElement): void {
    if (!forms.has(form)) return
    unsaved.add(form)
    timer ??= setTimeout(save, PAUSE_MS)
  }

  /** Gives the form's fields their kept values, each one once, and has the handlers hear of them. */
  function recover(form: HTMLFormElement, left: Map<string, Held>): void {
    const given: Field[] = []
    // Also if there is nothing to give: passwords are known before the page shows them.
    for (const [key, field] of fieldsOf(form)) {
      const held = left.get(key)
      left.delete(key)
      // The user's new input is newer than the kept one.
      if (held === undefined || isChanged(field) || !fill(field, held)) continue
      edited(field)
      given.push(field)
    }
    tellAll(form, given)
  }

  /** Handlers hear of the fields as if the user had typed in them. A handler around the whole form hears once. */
  function tellAll(form: HTMLFormElement, fields: Field[]): void {
    // In a task of its own: the patch that has brought the form may not be at its end yet.
    setTimeout(() => {
      for (const type of ['input', 'change']) {
        let isTold = false
        for (const field of fields)
          tell(type, field, (element) => {
            if (!own.contains(element, form)) return true
            const isFirst = !isTold
            isTold = true
            return isFirst
          })
      }
    })
  }

  function look(): void {
    const keys = new Set<string>()
    for (const form of root.querySelectorAll<HTMLFormElement>('form[data-l-recover]')) {
      const key = keyOf(form)
      if (!key) continue
      if (keys.has(key) && !doubtful.has(key)) {
        doubtful.add(key)
        console.warn('loom-live: two forms have the same name for data-l-recover:', form)
      }
      keys.add(key)
      let known = forms.get(form)
      if (known?.key !== key) {
        // The server now uses the same form for something else.
        if (known) write(known.key, new Map())
        forms.set(form, (known = { key, left: read(key) }))
        saveLater(form)
      }
      if (!doubtful.has(key)) recover(form, known.left)
    }
  }

  /** Forgets forms that are gone. With `isOver`, the server has taken them away, and their kept values go, too. */
  function forgetGone(isOver: boolean): void {
    for (const [form, { key }] of forms) {
      if (own.contains(root, form)) continue
      forms.delete(form)
      unsaved.delete(form)
      if (isOver) write(key, new Map())
    }
  }

  own.addEventListener(window, 'loom:patch', () => forgetGone(true))
  own.addEventListener(window, 'loom:join', () => forgetGone(false))
  // The server's state began anew: it does not know the fields' values.
  own.addEventListener(window, 'loom:reset', ({ target }) => {
    for (const form of forms.keys())
      if (own.closest(form, CONTAINER) === target)
        tellAll(form, Array.from(fieldsOf(form), ([, field]) => field).filter(isDirty))
  })
  own.addEventListener(window, 'pagehide', save)
  own.addEventListener(document, 'visibilitychange', save)

  return {
    look,
    note: saveLater,
    taken(form) {
      const known = forms.get(form)
      if (!known) return
      known.left.clear()
      unsaved.add(form)
      save()
    },
  }
}

function heldBy(field: Field): Held {
  if ('options' in field) return Array.from(field.selectedOptions, ({ value }) => value)
  return /^(checkbox|radio)$/.test(field.type) ? (field as HTMLInputElement).checked : field.value
}

/** False if the field cannot hold the value, since the field is of another kind now. */
function fill(field: Field, held: Held): boolean {
  if ('options' in field) {
    if (!Array.isArray(held)) return false
    for (const option of field.options) option.selected = held.includes(option.value)
  } else if (/^(checkbox|radio)$/.test(field.type)) {
    if (typeof held !== 'boolean') return false
    ;(field as HTMLInputElement).checked = held
  } else {
    if (typeof held !== 'string') return false
    field.value = held
  }
  return true
}
