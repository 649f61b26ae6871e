/** The classic dialect: one JSON message per text frame. */

import type { Dialect, Message, View } from './dialect'
import { isRecord, patchTree, readTree, treeHtml, type Tree } from './tree'

class TreeView implements View {
  constructor(private readonly tree: Tree) {}

  html(): string {
    return treeHtml(this.tree)
  }

  patched(change: unknown): View {
    const tree = patchTree(this.tree, change)
    return tree === this.tree ? this : new TreeView(tree)
  }
}

function readView(message: unknown): View | undefined {
  try {
    return new TreeView(readTree(message))
  } catch {
    return undefined
  }
}

function parse(frame: unknown): unknown {
  try {
    return typeof frame === 'string' ? JSON.parse(frame) : undefined
  } catch {
    return undefined
  }
}

function read(frame: unknown): Message | undefined {
  const message = parse(frame)
  if (!isRecord(message)) return undefined
  const { type, id, url, error } = message
  if (type === 'redirect') return typeof url === 'string' ? { type, url } : undefined
  if (typeof id !== 'string') return undefined
  switch (type) {
    case 'trees':
      return { type, id, view: readView(message) }
    case 'patch':
      return { type, id, change: message.d }
    case 'error':
      return { type, id, error: typeof error === 'string' ? error : 'unknown error' }
    default:
      return undefined
  }
}

export const classic: Dialect = {
  protocols: [],
  join: (id, module, token) => JSON.stringify({ type: 'join', id, module, token }),
  event: (id, { handler, type, vars }) =>
    JSON.stringify({ type: 'event', id, handler, event: type, special_vars: vars }),
  leave: (id) => JSON.stringify({ type: 'leave', id }),
  read,
}
