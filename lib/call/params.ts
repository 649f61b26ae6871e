import type { LiveContext, LiveEvent, PageUrl } from '../../index'
import { checkString, invalid, isObject } from '../check'
import { LoomError } from '../errors'
import { checkProps } from '../render/props'
import type { LiveEntry } from './modules'

/** The longest URL of a page that is kept, in bytes. As MAX_PAGE in src/token/claims.rs. */
export const MAX_URL = 2048

/** Any site, to parse a path: only the path and the query are read. */
const BASE = 'http://localhost'

type Props = Record<string, unknown>

/** The function that runs when the page's address has changed. */
type Params = (props: Props, url: PageUrl, ctx: LiveContext) => unknown

/** A path of this site with its query, as a page or its browser's request says it. */
function pageUrlOf(text: string): PageUrl {
  const isPath = /^\/(?![/\\])/.test(text) && Buffer.byteLength(text) <= MAX_URL
  if (!isPath || !URL.canParse(text, BASE)) {
    throw new LoomError(
      'LOOM_ARGUMENT',
      `Expected a path of this site with at most ${MAX_URL} bytes for the page's address but received ${JSON.stringify(text.slice(0, 100))}`,
    )
  }
  const { pathname, search, searchParams } = new URL(text, BASE)
  return { pathname, search, searchParams }
}

/** Calls the module's `params` for the address. The result is that of a handler. */
export function callParams({ module }: LiveEntry, props: Props, address: string, ctx: LiveContext): unknown {
  const params = module.params as Params
  return params.call(module, props, pageUrlOf(address), ctx)
}

/** The page's address has changed: an event like others, once, in order, after `authorize`. */
export function handleParams(entry: LiveEntry, props: Props, event: LiveEvent, ctx: LiveContext): unknown {
  return callParams(entry, props, event.value ?? '', ctx)
}

/** The props that a page is rendered with, which know its address. `address` is undefined without a request. */
export async function mountParams(
  entry: LiveEntry,
  props: Props,
  address: string | undefined,
  ctx: LiveContext,
): Promise<Props> {
  if (entry.module.params === undefined) return props
  const name = JSON.stringify(entry.name)
  if (address === undefined) {
    throw new LoomError(
      'LOOM_ARGUMENT',
      `Module ${name} has params, and params need the page's address: give loom.mount the request, as in ` +
        `loom.mount(${entry.name}, {}, { request })`,
    )
  }
  const next = (await callParams(entry, props, address, ctx)) ?? props
  if (!isObject(next)) throw invalid('an object of props, or nothing,', `what params of module ${name} gives`, next)
  checkProps(next, () => `params of module ${name}`)
  return next
}

/** Checks an address for `ctx.patch`: of this site, since only the address changes. */
export function checkPatch(url: unknown, entry: LiveEntry | undefined): asserts url is string {
  const what = 'the URL of ctx.patch()'
  checkString(url, what)
  // If a URL begins with two slashes of any kind, a browser takes it for an address of another host.
  if (!/^(\?|\/(?![/\\]))/.test(url) || Buffer.byteLength(url) > MAX_URL || !URL.canParse(url, BASE))
    throw invalid(`a path or a query, of at most ${MAX_URL} bytes,`, what, url)
  if (entry?.module.params === undefined) {
    throw new LoomError(
      'LOOM_ARGUMENT',
      `ctx.patch changes the address for the module's params, and module ${JSON.stringify(entry?.name ?? '')} has no params: ` +
        'add params(props, url, ctx), or use ctx.redirect to load another page',
    )
  }
}
