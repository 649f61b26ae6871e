import type { Key, Tree } from './index'
import type { Component } from './jsx-runtime'

export { Fragment, type JSX } from './jsx-runtime'

/**
 * Compilers call this in development builds, for each element and component.
 *
 * @param isStatic true if the source writes out several children.
 * @param source the place of the element in the source: errors name it. `lineNumber` and `columnNumber` count from 1.
 * @param self not used.
 * @throws LoomError as `jsx` does.
 */
export function jsxDEV(
  type: string | Component<never>,
  props: object,
  key?: Key | null,
  isStatic?: boolean,
  source?: { readonly fileName?: string; readonly lineNumber?: number; readonly columnNumber?: number },
  self?: unknown,
): Tree
