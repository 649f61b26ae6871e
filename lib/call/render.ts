import { isThenable, typeOf } from '../check'
import { LoomError } from '../errors'
import { encodeJson, encodeRoot, type Memo, type TreeCheck } from '../render/encode'
import { Tree } from '../render/tree'
import type { Writer } from '../render/writer'
import type { Entry } from './modules'

/** The render of a module; a raw module renders JSON. */
export function treeOf(module: Entry, props: unknown): Tree | string {
  if (module.raw) {
    const tree: unknown = module.module.render_tree_json(props as string)
    if (typeof tree === 'string') return tree
    throw new LoomError('LOOM_TEMPLATE', `Expected JSON text from render_tree_json but received ${typeOf(tree)}`)
  }
  const tree: unknown = module.module.render(props as Record<string, unknown>)
  if (tree instanceof Tree) return tree
  const hint = isThenable(tree) ? '; render is not async: load data in mount, connected or a handler' : ''
  throw new LoomError('LOOM_TEMPLATE', `Expected html\`…\` from render but received ${typeOf(tree)}${hint}`)
}

/** An error of `render`. It counts only if the props are valid; otherwise the props may be its cause. */
export class Thrown {
  constructor(readonly error: unknown) {}
}

/** The module's render, or the error that it throws. */
export function attempt(module: Entry, props: unknown): Tree | string | Thrown {
  try {
    return treeOf(module, props)
  } catch (error) {
    return new Thrown(error)
  }
}

export function given(tree: Tree | string | Thrown): Tree | string {
  if (tree instanceof Thrown) throw tree.error
  return tree
}

/** Writes a tree, relative to the last one. */
export function encodeTree(writer: Writer, tree: Tree | string, last?: Memo, check?: TreeCheck): Memo | undefined {
  if (tree instanceof Tree) return encodeRoot(writer, tree, last, check)
  encodeJson(writer, tree)
  return undefined
}
