/**
 * Trees of the classic dialect: n+1 static strings around n slots. Read strictly, patched on a copy, so that a
 * malformed message is refused as a whole and never half applied.
 */

export interface Tree {
  readonly s: readonly string[]
  readonly d: readonly Slot[]
}

/** A leaf (escaped text), a subtree, or a list. */
export type Slot = string | Tree | readonly Tree[]

export type Json = Record<string, unknown>

export function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function malformed(what: string): never {
  throw new TypeError('malformed ' + what)
}

export function readTree(value: unknown): Tree {
  if (!isRecord(value)) return malformed('tree')
  const { s, d } = value
  if (!Array.isArray(s) || !Array.isArray(d) || s.length !== d.length + 1) return malformed('tree')
  if (!s.every((text) => typeof text === 'string')) return malformed('statics')
  return { s, d: d.map(readSlot) }
}

function readSlot(value: unknown): Slot {
  if (typeof value === 'string') return value
  return Array.isArray(value) ? value.map(readTree) : readTree(value)
}

/** The tree after a patch's `d`; the same object where `d` is empty. */
export function patchTree(tree: Tree, change: unknown): Tree {
  const d = patchEntries(tree.d, change, patchSlot)
  return d === tree.d ? tree : { s: tree.s, d }
}

function patchEntries<T>(old: readonly T[], change: unknown, patch: (old: T, change: unknown) => T): readonly T[] {
  if (!isRecord(change)) return malformed('patch')
  const keys = Object.keys(change)
  if (!keys.length) return old
  const entries = old.slice()
  for (const key of keys) {
    const index = Number(key)
    // Only a decimal as the server writes it: no "01", "1e0" or "__proto__", and nothing out of range.
    if (String(index) !== key || !(index in entries)) malformed('index')
    entries[index] = patch(old[index] as T, change[key])
  }
  return entries
}

function patchSlot(old: Slot, change: unknown): Slot {
  if (!isRecord(change) || 's' in change) return readSlot(change)
  if (typeof old === 'string') return malformed('patch of a leaf')
  return 's' in old ? patchTree(old, change.d) : patchEntries(old, change.d, patchItem)
}

function patchItem(old: Tree, change: unknown): Tree {
  if (!isRecord(change)) return malformed('item')
  return 's' in change ? readTree(change) : patchTree(old, change.d)
}

export function treeHtml(tree: Tree): string {
  let html = tree.s[0] as string
  tree.d.forEach((slot, index) => {
    html += slotHtml(slot) + (tree.s[index + 1] as string)
  })
  return html
}

function slotHtml(slot: Slot): string {
  if (typeof slot === 'string') return slot
  return 's' in slot ? treeHtml(slot) : slot.map(treeHtml).join('')
}
