/** Trees of the dialect `loom.2`, and how messages change them, written from docs/protocol.md alone. */

export type Value = string | number | { h: string } | { l: Tree[] } | Tree
export type Tree = [template: number, ...values: Value[]]
type Change = Value | Kept | { p: Change[] } | Edit
type Kept = [stays: number, follows: string]

interface Edit {
  r?: number[]
  m?: number[]
  i?: (number | Tree)[]
  c?: (number | Change[])[]
}

export interface Template {
  statics: string[]
  kinds: string
}

/** Changes a tree in place. `changes` holds pairs: a slot, and its new value or the changes inside it. */
export function applyChanges(tree: Tree, changes: Change[]): void {
  for (const [slot, change] of pairs<Change>(changes)) {
    if (slot < 0) {
      goOn(tree, -slot, change as string | Kept)
      continue
    }
    const at = slot + 1
    if (at >= tree.length) throw new Error(`Expected a slot below ${tree.length - 1} but received ${slot}`)
    if (isPlain(change)) tree[at] = change as Value
    else if ('p' in change) applyChanges(tree[at] as Tree, change.p)
    else applyEdit((tree[at] as { l: Tree[] }).l, change)
  }
}

/** The text at that place of the tree keeps its beginning. */
function goOn(tree: Tree, at: number, change: string | Kept): void {
  const old = tree[at]
  if (typeof old !== 'string') throw new Error(`Expected a text to add to but received ${JSON.stringify(old)}`)
  const [stays, follows] = typeof change === 'string' ? [old.length, change] : change
  if (stays > old.length) throw new Error(`Expected at most ${old.length} but received ${stays}`)
  const beginning = old.slice(0, stays)
  if (/[\ud800-\udbff]$/.test(beginning)) throw new Error(`Expected a whole character before ${stays}`)
  tree[at] = beginning + follows
}

function isPlain(change: Change): change is Value {
  return typeof change !== 'object' || Array.isArray(change) || 'h' in change || 'l' in change
}

function applyEdit(rows: Tree[], { r = [], m = [], i = [], c = [] }: Edit): void {
  const old = rows.slice()
  const gone = new Set<number>()
  for (const [at, count] of pairs<number>(r)) for (let row = at; row < at + count; row++) gone.add(row)
  const arrivals: [to: number, row: Tree][] = []
  for (const [from, to] of pairs<number>(m)) {
    gone.add(from)
    arrivals.push([to, old[from] as Tree])
  }
  for (const [to, row] of pairs<Tree>(i as (number | Tree)[])) arrivals.push([to, row])
  const kept = old.filter((_, at) => !gone.has(at))
  for (const [to, row] of arrivals.sort(([one], [other]) => one - other)) kept.splice(to, 0, row)
  rows.splice(0, rows.length, ...kept)
  for (const [at, changes] of pairs<Change[]>(c as (number | Change[])[])) applyChanges(rows[at] as Tree, changes)
}

function* pairs<T>(list: readonly unknown[]): Generator<[number, T]> {
  for (let at = 0; at < list.length; at += 2) yield [list[at] as number, list[at + 1] as T]
}

/** The HTML of a value; texts are not escaped. */
export function textOf(value: Value, templates: ReadonlyMap<number, Template>): string {
  if (typeof value !== 'object') return String(value)
  if ('h' in value) return value.h
  if ('l' in value) return value.l.map((row) => textOf(row, templates)).join('')
  const [id, ...values] = value
  const template = templates.get(id)
  if (template === undefined) throw new Error(`Expected a known template but received ${id}`)
  return template.statics
    .map((text, at) => text + (at < values.length ? textOf(values[at] as Value, templates) : ''))
    .join('')
}
