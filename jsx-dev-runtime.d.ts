import type { Key, Tree } from './index'
import type { Component } from './jsx-runtime'

export { Fragment, type JSX } from './jsx-runtime'

/** Compilers call this in development builds: `source` is where the element stands. */
export function jsxDEV(
  type: string | Component<never>,
  props: object,
  key?: Key | null,
  isStatic?: boolean,
  source?: { readonly fileName?: string; readonly lineNumber?: number; readonly columnNumber?: number },
  self?: unknown,
): Tree
