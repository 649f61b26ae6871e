import type { Tree as PublicTree } from '../../index'
import { LoomError } from '../errors'
import { atPlace, placeOfTemplate } from '../places'

/**
 * The error of a value that was joined as text and would show as `[object Object]`: by a plain template literal, `+` or
 * `join`.
 */
export function joinedAsText(what: string, mend: string): LoomError {
  return new LoomError('LOOM_TEMPLATE', `${what} was joined as text, which would show [object Object]. ${mend}`)
}

export class Tree implements PublicTree {
  constructor(
    readonly statics: TemplateStringsArray,
    readonly dynamics: readonly unknown[],
    /** Identifies the tree among the other items of an array; `undefined` if it has no key. JSX gives it. */
    readonly key?: unknown,
  ) {}

  /** The same tree with this key, whatever kind of tree it is. */
  withKey(key: unknown): Tree {
    return Object.assign(Object.create(Object.getPrototypeOf(this) as object) as Tree, this, { key })
  }

  /** @throws LoomError always: a tree cannot be joined as text. */
  toString(): string {
    throw joinedAsText(
      `An html\`…\` template${atPlace(placeOfTemplate(this.statics))}`,
      'Put it into another template, html`<div>${tree}</div>`, and a list of templates as it is, without join(); ' +
        'a page is made of what `await loom.mount(…)` gives',
    )
  }
}
