/** A component's content: found in the page, changed by messages, made anew if the page no longer has it. */

import { adopt } from './adopt'
import { build } from './build'
import { root as page } from './elements'
import { fieldHooks, type Fields } from './field_hooks'
import { hideIndicators } from './indicators'
import { noteMakers } from './match'
import { patch, type Patch } from './patch'
import { intern } from './template'
import { readTree, treeOf, type Inner, type Templates, type Tree } from './tree'

/** A component's tree is the value of this template's one slot. */
const ROOT = intern(['', ''], 't')

export interface View {
  /**
   * All that the page and the tree have in common stays. `seen` is 0, or -1 as below. `isOlder`: the page has shown a
   * later state, and goes on to show it until `caughtUp`.
   */
  join(tree: unknown, templates: Templates, seen: number, isOlder: boolean): void
  /** The tree has reached the state that the page has shown. */
  caughtUp(): void
  /**
   * `seen`: the number of the last of the page's events that the server had seen; -1 if the server repeats a state that
   * the page has shown before. Throws if the change cannot be made.
   */
  change(seen: number, change: unknown, templates: Templates): void
}

/**
 * `around` calls `change`, which changes the page. Before and after this, `around` takes care of two things that a view
 * does not know: loading states and the focus.
 */
export function createView(container: Element, around: (change: () => void) => void): View {
  /** Undefined before the page has fields. */
  let fields: Fields | undefined
  let root: Tree
  /** The tree that the page shows: `root`, unless `root` is still older and is shown in a copy that nobody sees. */
  let shown: Tree | undefined

  function change(seen: number, work: () => void): void {
    fields ??= fieldHooks?.createFields()
    around(() => {
      fields?.begin(seen)
      work()
      fields?.finish()
    })
    fieldHooks?.focusWished()
  }

  function take(): void {
    if (root !== shown) noteMakers(shown)
    adopt(root, container, fields, shown)
    shown = root
    hideIndicators(container)
  }

  return {
    join(tree, templates, seen, isOlder) {
      root = treeOf(ROOT, [readTree(tree, templates)])
      if (isOlder) build(root, container)
      // The server has seen nothing yet of what the user did to the fields.
      else change(seen, take)
    },
    caughtUp() {
      if (root !== shown) change(-1, take)
    },
    change(seen, changed, templates) {
      const what: Patch = { container, fields: undefined, templates, isTorn: false }
      if (root !== shown) return patch(root, [0, changed], what)
      if ((changed as Inner).p?.length === 0 && !fields?.waits()) return
      change(seen, () => {
        const isBehind = fields?.isBehind()
        what.fields = fields
        patch(root, [0, changed], what)
        if ((what.isTorn || isBehind) && page.contains(container)) take()
      })
    },
  }
}
