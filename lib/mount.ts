import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Loom, LoomErrorCode, MountOptions } from '../index'
import { checkNames, invalid, isObject } from './check'
import { seal, showing } from './forms/posted'
import type { Forms, Place } from './http/forms'
import { Context, type PageRequest, pageUrl, rawOf, type Requests } from './call/context'
import type { Development } from './call/development'
import { mountProps, publicJson } from './call/join'
import type { Entry, LiveEntry } from './call/modules'
import { MAX_URL, mountParams } from './call/params'
import { encodeTree, treeOf } from './call/render'
import { LoomError, textOf } from './errors'
import type { Binder } from './http/bind'
import { compactRequest } from './http/request'
import type { NativeLoom } from './native'
import type { Settings } from './options'
import { checkContainer, checkStanding } from './render/container'
import { type Child, Children } from './render/live'
import type { Tree } from './render/tree'
import { stringifyProps } from './render/props'
import { Writer } from './render/writer'
import { withTrace } from './telemetry/trace'

/**
 * The bytes of a join beside its module and token: numbers, a secret, an anchor, and the room that clients keep free.
 */
const JOIN_ROOM = 256

/** How deep components may nest; as MAX_NESTING in src/session/children.rs. */
const MAX_NESTING = 16

/** The longest key of a shared component, in bytes; as MAX_KEY in src/shared/mod.rs. */
const MAX_KEY = 256

const OPTIONS: Record<keyof Required<MountOptions>, true> = { request: true, as: true, shared: true }

/** A nested component's place follows from its keys, and not from the components before it. */
function placeName(path: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(path)).digest('base64url').slice(0, 22)
}

/** The inputs of a component's HTML. */
interface Rendering {
  readonly request: PageRequest | undefined
  readonly posted: Parameters<typeof showing>[0]
  /** The sealed state for the hidden fields of its own forms; nothing if there are none. */
  readonly state: string | undefined
  /** The component's place, for the forms of the components in it. */
  readonly place: Place | undefined
  /** How many components are around it. */
  readonly depth?: number
}

/** Renders components into pages: `loom.mount`. */
export class Mounting {
  /** The containers in which a component can stand, by the template at its root, or by the module if it is raw. */
  private readonly standing = new WeakMap<object, Set<string>>()
  /** Forms that are sent without the client's script, once the application takes them. */
  forms: Forms | undefined
  /** How many components of a module a page has so far, by its request. Only if there are such forms. */
  private readonly places = new WeakMap<IncomingMessage, Map<string, number>>()

  constructor(
    private readonly loom: Loom,
    /** The module of that name; throws if no module has it. */
    private readonly find: (name: string) => Entry,
    private readonly native: NativeLoom,
    private readonly settings: Pick<Settings, 'path' | 'trust' | 'keep'>,
    private readonly messageBytes: number,
    private readonly requests: Requests,
    private readonly binder: Binder,
    private readonly development: Development | undefined,
    private readonly checkOpen: () => void,
    /** The HTML of a shared component, which is started if it does not live, for this address. */
    private readonly showShared: (module: string, key: string, address: string) => Promise<string>,
  ) {}

  /** The HTML of the component, in its container. `find` gives the module, or throws. */
  async page(find: () => Entry, props: object, options: MountOptions): Promise<string> {
    const entry = find()
    if (isObject(options) && options.shared !== undefined) return this.shared(entry, props, options)
    if (isObject(options) && 'shared' in options) this.development?.checkShared(entry.name)
    if (!isObject(props)) throw invalid('an object', 'props', props)
    const source = (): string => `mount of module ${JSON.stringify(entry.name)}`
    checkNames(options, OPTIONS, 'the options of mount', 'an option of mount')
    if (!entry.raw) this.development?.checkMounted(entry, props, Object.keys(OPTIONS))
    const container = checkContainer(options.as ?? 'div')
    const request = this.requestIn(options)
    const place = this.placeOf(request, entry.name)
    const after = place && this.forms?.stateOf(place, entry.name)
    const first = entry.raw ? props : (after?.props ?? (await this.firstProps(entry, props, request)))
    const json = entry.raw ? stringifyProps(first, source) : publicJson(entry, first, source)
    this.checkOpen()
    const token = this.native.seal(
      entry.name,
      json,
      await this.binder.bindOf(request),
      this.pageOf(request, entry.name),
    )
    const state = place && `${place.name} ${token}`
    const html = await this.rendered(entry, container, entry.raw ? json : first, {
      request,
      posted: after?.posted,
      state,
      place,
    })
    this.checkSize(entry, token, source)
    return this.contained(entry, container, token, html)
  }

  private requestIn(options: MountOptions): PageRequest | undefined {
    const request = options.request as PageRequest | undefined
    if (request === undefined) return undefined
    if (!isObject(request)) throw invalid("the page's request", 'request', request)
    if (this.requests.isOfComponent(request)) {
      throw new LoomError(
        'LOOM_ARGUMENT',
        'loom.mount renders into a page, and was given the ctx.request of a component. To show a module in a component, put ' +
          "live(module, props, { key }) into the component's template",
      )
    }
    return request
  }

  private checkSize(entry: Entry, token: string, source: () => string): void {
    const size = Buffer.byteLength(JSON.stringify(entry.name)) + token.length + JOIN_ROOM
    if (size <= this.messageBytes) return
    throw new LoomError(
      'LOOM_PROPS',
      `The props from ${source()} are too large: a page would join with a message of ${size} bytes, and ` +
        `limits.messageBytes is ${this.messageBytes}. Keep less in the props (load large data in mount, as private props), or raise the limit`,
    )
  }

  /** The HTML of the module's render, with the HTML of the components in it. */
  private async rendered(
    entry: Entry,
    container: string,
    props: unknown,
    { request, posted, state, place, depth = 0 }: Rendering,
  ): Promise<string> {
    const tree = new Writer()
    const children = new Children(this.development?.checkOf(entry))
    const inRender = (error: unknown, code: LoomErrorCode): LoomError =>
      new LoomError(code, `render of module ${entry.name}: ${textOf(error)}`, { cause: error })
    let rendered: Tree | string
    try {
      rendered = showing(posted, () => {
        const made = treeOf(entry, props)
        // The rows of lists are rendered here. There may be forms and other components in the rows.
        encodeTree(tree, made, undefined, children)
        return made
      })
    } catch (error) {
      // Errors of the application are thrown unchanged.
      throw error instanceof LoomError ? inRender(error, error.code) : error
    }
    let around: string[]
    try {
      around = this.native.toHtml(tree.ops, tree.length, tree.text, tree.bytes)
    } catch (error) {
      throw inRender(error, 'LOOM_TEMPLATE')
    }
    // The forms of nested components have states of their own.
    const own = state === undefined ? around : around.map((piece) => seal(piece, state))
    const html = await this.withChildren(own, children.found, request, place, depth + 1)
    this.checkStanding(entry, container, typeof rendered === 'string' ? {} : rendered, html)
    return html
  }

  /** The HTML, with the HTML of the nested components. */
  private async withChildren(
    around: readonly string[],
    children: readonly Child[],
    request: PageRequest | undefined,
    parent: Place | undefined,
    depth: number,
  ): Promise<string> {
    const [first = '', ...rest] = around
    const shown = await Promise.all(children.map((child) => this.child(child, request, parent, depth)))
    // The text that `live` has written before ends with the container's tag.
    const pieces = [first, ...rest]
    const last = pieces.length - 1
    return pieces.map((piece, index) => (index === last ? piece : piece.slice(0, -1) + (shown[index] ?? '>'))).join('')
  }

  /** A nested component: the rest of its container's tag, and the content. */
  private async child(
    child: Child,
    request: PageRequest | undefined,
    parent: Place | undefined,
    depth: number,
  ): Promise<string> {
    const entry = this.find(child.module)
    const name = JSON.stringify(entry.name)
    if (depth > MAX_NESTING) {
      throw new LoomError(
        'LOOM_TEMPLATE',
        `live(${name}) nests deeper than ${MAX_NESTING} levels: does the module show itself, without an end?`,
      )
    }
    if (entry.raw || entry.module.params !== undefined) {
      const why = entry.raw
        ? 'it has handle_json, and such a module takes nothing from a parent'
        : 'it has params, and the address belongs to the whole page. Let the parent have params, and give the values to the child as props'
      throw new LoomError('LOOM_ARGUMENT', `Module ${name} cannot be nested by live(): ${why}`)
    }
    if (child.shared !== undefined) {
      const html = await this.showShared(entry.name, child.shared, this.addressOf(request))
      this.checkStanding(entry, child.as, {}, html)
      if (this.forms === undefined || request === undefined) return `>${html}`
      const bind = await this.binder.bindOf(request)
      const token = this.native.sealShared(entry.name, child.shared, bind, this.pageOf(request, entry.name))
      return `>${seal(html, `0 ${token}`, true)}`
    }
    const source = (): string => `mount of module ${name}`
    this.development?.checkMounted(entry, child.given, Object.keys(OPTIONS))
    const place = parent && { ...parent, name: placeName([parent.name, entry.name, child.name]) }
    const after = place && this.forms?.stateOf(place, entry.name)
    const posted = after && request && (await this.forms?.givenTo(entry, after, child.gives.slice(1), request))
    const first = posted ?? (await this.firstProps(entry, child.given, request))
    const json = publicJson(entry, first, source)
    const bind = await this.binder.bindOf(request)
    const token = this.native.sealChild(entry.name, json, child.gives, bind, this.pageOf(request, entry.name))
    this.checkSize(entry, token, source)
    const state = place && `${place.name} ${token}`
    const html = await this.rendered(entry, child.as, first, { request, posted: after?.posted, state, place, depth })
    return ` data-l-token="${token}">${html}`
  }

  /** The props that the component's page is rendered with, by its address. */
  private async firstProps(
    entry: LiveEntry,
    given: object,
    request: PageRequest | undefined,
  ): Promise<Record<string, unknown>> {
    const context = this.mountContext(entry.name, request)
    return mountParams(entry, await mountProps(entry, given, context), request && pageUrl(request), context)
  }

  /**
   * The place of a component that is not nested, for its forms: its number among the page's components of this module.
   */
  private placeOf(page: PageRequest | undefined, module: string): Place | undefined {
    if (this.forms === undefined || page === undefined) return undefined
    const request = rawOf(page)
    const counts = this.places.get(request) ?? new Map<string, number>()
    const number = counts.get(module) ?? 0
    this.places.set(request, counts.set(module, number + 1))
    return { request, name: String(number) }
  }

  /** The HTML of a shared component, in its container. */
  private async shared(entry: Entry, props: unknown, options: MountOptions): Promise<string> {
    checkNames(options, OPTIONS, 'the options of mount', 'an option of mount')
    const { shared: key } = options
    if (typeof key !== 'string' || key === '' || Buffer.byteLength(key) > MAX_KEY) {
      throw invalid(`a string of 1 to ${MAX_KEY} bytes`, 'the option shared of mount', key)
    }
    const name = JSON.stringify(entry.name)
    if (entry.raw) {
      throw new LoomError(
        'LOOM_ARGUMENT',
        `Module ${name} cannot be shared: it has handle_json, and such a module has no mount`,
      )
    }
    if (entry.module.params !== undefined) {
      throw new LoomError(
        'LOOM_ARGUMENT',
        `Module ${name} cannot be shared: it has params, and each page that shows a shared component has an address of its own`,
      )
    }
    if (!isObject(props) || Object.keys(props).length > 0) {
      throw new LoomError(
        'LOOM_PROPS',
        `Expected no props for the mount of module ${name} with the key ${JSON.stringify(key)}: any page can start a ` +
          "shared component, so its state has to follow from its key. Load the state in the module's mount, by ctx.key",
      )
    }
    const container = checkContainer(options.as ?? 'div')
    const request = this.requestIn(options)
    const bind = await this.binder.bindOf(request)
    this.checkOpen()
    const html = await this.showShared(entry.name, key, this.addressOf(request))
    this.checkOpen()
    this.checkStanding(entry, container, {}, html)
    const token = this.native.sealShared(entry.name, key, bind, this.pageOf(request, entry.name))
    // The actor is not this page's own, so the form's texts are not shown again, and the place does not matter.
    const whole = this.forms === undefined || request === undefined ? html : seal(html, `0 ${token}`, true)
    return this.contained(entry, container, token, whole)
  }

  /**
   * The address of the page's user, as far as it is known: the number of components that one address starts is bounded.
   */
  private addressOf(request: PageRequest | undefined): string {
    if (request === undefined) return ''
    const { trust, keep } = this.settings
    return compactRequest(rawOf(request), trust, keep, request).address ?? ''
  }

  private contained(entry: Entry, container: string, token: string, html: string): string {
    const name = entry.name.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)
    const params = !entry.raw && entry.module.params !== undefined ? ' data-l-params' : ''
    return `<${container} data-l-live="${name}"${params} data-l-ws="${this.settings.path}/ws" data-l-token="${token}">${html}</${container}>`
  }

  /** In production once for each template at the root: only its author can mend it. */
  private checkStanding(entry: Entry, container: string, { statics }: { statics?: object }, html: string): void {
    const key = statics ?? entry
    const checked = this.standing.get(key)
    if (this.development === undefined && checked?.has(container)) return
    checkStanding(entry.name, container, html)
    if (checked === undefined) this.standing.set(key, new Set([container]))
    else checked.add(container)
  }

  /** The URL of the page that a component is mounted in, and the trace of its request. */
  private pageOf(request: PageRequest | undefined, module: string): string {
    const url = request === undefined ? '' : pageUrl(request)
    const traced = withTrace(url, this.loom, module)
    return Buffer.byteLength(traced) <= MAX_URL ? traced : url
  }

  private mountContext(module: string, request: PageRequest | undefined): Context {
    const { trust, keep } = this.settings
    return new Context('', module, {
      // There is no call, and the component is not a shared one.
      readCaller: () => [],
      requestOf: () => {
        const compact =
          request === undefined ? '{}' : JSON.stringify(compactRequest(rawOf(request), trust, keep, request))
        return this.requests.ofPage(request, compact)
      },
    })
  }
}
