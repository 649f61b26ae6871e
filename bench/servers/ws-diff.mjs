// A diff of trees, written by hand. A tree is { s, d }: statics and dynamics. Lists of the same length are compared
// item by item.

const SPECIAL = /[&<>"']/
const ENTITIES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

function escape(text) {
  return SPECIAL.test(text) ? text.replace(/[&<>"']/g, (char) => ENTITIES[char]) : text
}

function slot(value) {
  if (typeof value === 'string') return escape(value)
  if (typeof value === 'number') return String(value)
  if (Array.isArray(value)) return value
  if (value === null || value === undefined || value === false) return ''
  if (typeof value === 'object') return value
  return escape(String(value))
}

export function html(s, ...d) {
  for (let index = 0; index < d.length; index++) d[index] = slot(d[index])
  return { s, d }
}

/** The changes between two trees of the same statics, by slot; `undefined` if there are none. */
export function diff(old, tree) {
  const was = old.d
  const is = tree.d
  let changes
  for (let index = 0; index < is.length; index++) {
    if (was[index] === is[index]) continue
    const change = slotDiff(was[index], is[index])
    if (change !== undefined) (changes ??= {})[index] = change
  }
  return changes
}

function slotDiff(was, is) {
  if (typeof is === 'string' || typeof was === 'string') return is
  if (Array.isArray(is)) {
    if (!Array.isArray(was) || was.length !== is.length) return is
    let changes
    for (let index = 0; index < is.length; index++) {
      const change = treeDiff(was[index], is[index])
      if (change !== undefined) (changes ??= {})[index] = change
    }
    return changes === undefined ? undefined : { d: changes }
  }
  return Array.isArray(was) ? is : treeDiff(was, is)
}

function treeDiff(was, is) {
  if (was.s !== is.s) return is
  const d = diff(was, is)
  return d === undefined ? undefined : { d }
}
