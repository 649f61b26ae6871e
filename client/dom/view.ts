/** What a component shows: found in the page, changed by messages, made anew if the page no longer has it. */

import { adopt } from './adopt'
import { root as page } from './elements'
import { fieldHooks, type Fields } from './field_hooks'
import { hideIndicators } from './indicators'
import { noteMakers } from './match'
import { patch } from './patch'
import { intern } from './template'
import { readTree, treeOf, type Inner, type Templates, type Tree } from './tree'

/** A component is the one slot of this. */
const ROOT = intern(['', ''], 't')

export interface View {
  /** Whatever the page and the tree have in common stays. `seen` is 0, or -1 as below. */
  join(tree: unknown, templates: Templates, seen?: number): void
  /**
   * `seen`: the number of the last of the page's events that the server had seen; -1 if it repeats what the page has
   * shown before. Throws what it cannot do.
   */
  change(seen: number, change: unknown, templates: Templates): void
}

/**
 * `around` calls `change`, which changes the page. Before it and after it, `around` sees to what a view does not know:
 * loading states and the focus.
 */
export function createView(container: Element, around: (change: () => void) => void): View {
  /** Once the page has any. */
  let fields: Fields | undefined
  let root: Tree
  let isShown = false

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
    adopt(root, container, fields, isShown)
    isShown = true
    hideIndicators(container)
  }

  return {
    join(tree, templates, seen = 0) {
      const before = root
      root = treeOf(ROOT, [readTree(tree, templates)])
      noteMakers(before)
      // The server has seen nothing yet of what the user did to the fields.
      change(seen, take)
    },
    change(seen, changed, templates) {
      if ((changed as Inner).p?.length === 0 && !fields?.waits()) return
      change(seen, () => {
        const isBehind = fields?.isBehind()
        const what = { container, fields, templates, isTorn: false }
        patch(root, [0, changed], what)
        if ((what.isTorn || isBehind) && page.contains(container)) take()
      })
    },
  }
}
