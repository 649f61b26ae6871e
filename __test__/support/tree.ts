/** Trees and patches of the classic dialect, and their HTML. Written from docs/protocol.md alone. */

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json }

export interface WireTree {
  s: string[]
  d: Slot[]
}
export type Slot = string | WireTree | WireTree[]
export type PatchSlot = string | WireTree | WireTree[] | { d: WirePatch }
export interface WirePatch {
  [index: string]: PatchSlot
}

export function htmlOf({ s, d }: WireTree): string {
  const slot = (value: Slot): string =>
    typeof value === 'string' ? value : Array.isArray(value) ? value.map(htmlOf).join('') : htmlOf(value)
  return s.map((text, index) => text + (index < d.length ? slot(d[index] as Slot) : '')).join('')
}

export function applyPatch(tree: WireTree, patch: WirePatch): void {
  for (const [key, change] of Object.entries(patch)) {
    const index = Number(key)
    if (!(index in tree.d)) throw new Error(`Expected a slot ${key} of ${JSON.stringify(tree)}`)
    if (typeof change === 'string' || Array.isArray(change) || 's' in change) {
      tree.d[index] = change as Slot
      continue
    }
    const inner = tree.d[index] as Slot
    if (typeof inner === 'string')
      throw new Error(`Expected a tree or a list at slot ${key} of ${JSON.stringify(tree)}`)
    if (!Array.isArray(inner)) {
      applyPatch(inner, change.d)
      continue
    }
    for (const [itemKey, item] of Object.entries(change.d)) {
      const at = Number(itemKey)
      const old = inner[at]
      if (old === undefined) throw new Error(`Expected an item ${itemKey} of slot ${key}`)
      if (typeof item === 'string' || Array.isArray(item)) throw new Error('Expected a tree or a patch for an item')
      if ('s' in item) inner[at] = item as WireTree
      else applyPatch(old, (item as { d: WirePatch }).d)
    }
  }
}
