/** What a component shows: found in the page, changed by messages, made anew where the page no longer has it. */

import { adopt } from './adopt'
import { Mismatch } from './cursor'
import { createFields } from './fields'
import { keepFocus } from './focus'
import { valueOf, type Instance } from './instance'
import { atRest, hideIndicators } from './loading'
import { run } from './patch'
import { plan, type Steps } from './plan'
import { intern, modelOf } from './template'
import { readTree, type Templates, type Tree } from './tree'

/** A component is the one slot of this. */
const ROOT = intern(['', ''], 't')

export interface View {
  /** Whatever the page and the tree have in common stays. */
  join(tree: unknown, templates: Templates): void
  /**
   * Throws, and leaves the page as it is, where the change is malformed; otherwise returns what shows it, given the
   * number of the last of the page's events that the server had seen.
   */
  plan(change: unknown, templates: Templates): (seen: number) => void
}

export function createView(container: HTMLElement): View {
  const fields = createFields()
  let root: Instance = { model: modelOf(ROOT, container), source: undefined, values: [], nodes: [], tops: [] }

  function change(seen: number, work: () => void): void {
    atRest(() =>
      keepFocus(container, () => {
        work()
        fields.finish(seen)
      }),
    )
  }

  function take(tree: Tree): void {
    try {
      root = adopt(tree, container, fields)
    } catch (error) {
      if (!(error instanceof Mismatch)) throw error
      console.warn('loom-live: the page is not what the server rendered, and is made anew:', container, error.message)
      const all = { ...root, tops: [...container.childNodes] }
      root = { ...root, values: [all], nodes: [container.appendChild(new Text())] }
      run([root, 0, tree[1] as Tree], container, fields)
    }
    hideIndicators(container)
  }

  return {
    join(value, templates) {
      const tree: Tree = [ROOT, readTree(value, templates)]
      // The server has seen nothing yet of what the user did to the fields.
      change(0, () => take(tree))
    },
    plan(changes, templates) {
      const steps: Steps = []
      plan(root, [0, changes], templates, steps)
      return (seen) => {
        if (!steps.length && !fields.waits()) return
        change(seen, () => {
          if (!run(steps, container, fields) && container.isConnected) take(valueOf(root) as Tree)
        })
      }
    },
  }
}
