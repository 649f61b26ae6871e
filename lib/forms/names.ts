/**
 * What a form's fields make together. A name is a path: `address.city` is a member of an object, `rows[0].name` one of a
 * list's item, and `tags[]` a list of texts. A name that is no such path is a member of that name. A name that several
 * fields have gives a list of texts.
 *
 * Objects have no prototype, so `__proto__` is a member like any other. Items are in the order of their indexes, and
 * indexes that no field has are left out: 100,000 fields cannot make a list of a billion.
 */

import { LoomError } from '../errors'

/** The longest name, in characters, and the most levels in it. */
export const MAX_NAME = 1_024
export const MAX_LEVELS = 32

/** Each part begins with another character, so that a name is looked at once. */
const PATH = /^[^.[\]]+(?:\.[^.[\]]+|\[\d{1,9}\])*(\[\])?$/

/** A field's value, or the values of all fields of the name. */
type Text = string | readonly string[]

interface Group {
  readonly isList: boolean
  /** By the names of members, or by the indexes of items, as they are written. */
  readonly members: Map<string, Group | Text>
  /** Of a list: the indexes in their order. */
  order?: readonly string[]
}

/** The fields of a form, as an object. */
export interface Fields {
  readonly input: unknown
  /** The name of the field that has this place in the object, without `[]` at its end. */
  nameOf(path: readonly PropertyKey[]): string
}

function isGroup(value: Group | Text | undefined): value is Group {
  return typeof value === 'object' && 'members' in value
}

function failed(name: string, why: string): LoomError {
  return new LoomError('LOOM_FORM', `The form's field ${JSON.stringify(name.slice(0, 60))} ${why}`)
}

interface Part {
  readonly key: string
  /** The key is the index of a list's item. */
  readonly isIndex: boolean
}

export function partsOf(name: string): Part[] {
  if (name.length > MAX_NAME) throw failed(name, `has a name of ${name.length} characters; ${MAX_NAME} are allowed`)
  if (!PATH.test(name)) return [{ key: name, isIndex: false }]
  const parts = name.match(/[^.[\]]+|\[\d+/g) ?? []
  if (parts.length > MAX_LEVELS) throw failed(name, `has ${parts.length} levels; ${MAX_LEVELS} are allowed`)
  return parts.map((part) => {
    const isIndex = part.startsWith('[')
    return { key: isIndex ? part.slice(1) : part, isIndex }
  })
}

function add(root: Group, name: string, given: Text): void {
  const parts = partsOf(name)
  let group = root
  parts.forEach(({ key }, level) => {
    const there = group.members.get(key)
    const next = parts[level + 1]
    if (next === undefined) {
      if (there !== undefined) throw failed(name, 'is there twice, or once as a value and once as a group')
      group.members.set(key, name.endsWith('[]') && typeof given === 'string' && PATH.test(name) ? [given] : given)
    } else if (there === undefined) {
      const made: Group = { isList: next.isIndex, members: new Map() }
      group.members.set(key, made)
      group = made
    } else if (isGroup(there) && there.isList === next.isIndex) group = there
    else
      throw failed(
        name,
        'contradicts another name: the same part is a value, a list or an object in one name, and something else in the other',
      )
  })
}

function valueOf(value: Group | Text): unknown {
  if (!isGroup(value)) return value
  const { isList, members } = value
  if (isList) {
    value.order = [...members.keys()].sort((one, other) => Number(one) - Number(other))
    return value.order.map((index) => valueOf(members.get(index) ?? ''))
  }
  const object = Object.create(null) as Record<string, unknown>
  for (const [name, member] of members) object[name] = valueOf(member)
  return object
}

/** A name as errors have it: for a list of texts, the name of its fields without `[]`. */
export function baseOf(name: string): string {
  return name.endsWith('[]') ? name.slice(0, -2) : name
}

/**
 * The object that the fields make.
 *
 * @throws LoomError `LOOM_FORM` for a name that is too long or too deep, and for names that contradict each other.
 */
export function fieldsOf(form: Readonly<Record<string, Text | undefined>>): Fields {
  const root: Group = { isList: false, members: new Map() }
  for (const name of Object.keys(form)) {
    const value = form[name]
    if (value !== undefined) add(root, name, value)
  }
  return { input: valueOf(root), nameOf: (path) => nameIn(root, path) }
}

/** The name of the field that has this place, made without a form. For a plain value. */
export function nameIn(root: Group | undefined, path: readonly PropertyKey[]): string {
  let name = ''
  let at: Group | Text | undefined = root
  for (const key of path) {
    // Of several values, all are of one field.
    if (at !== undefined && !isGroup(at)) break
    const text = String(key)
    const isItem: boolean = at === undefined ? typeof key === 'number' : at.isList
    const label: string = isItem ? (at?.order?.[Number(text)] ?? text) : text
    name = isItem ? `${name}[${label}]` : name === '' ? label : `${name}.${label}`
    at = at?.members.get(label)
  }
  return name
}
