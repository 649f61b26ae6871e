import type { IncomingMessage } from 'node:http'
import type { LiveRequest, LoomErrorCode, MountOptions } from '../index'
import { checkNames, invalid, isObject } from './check'
import { seal, showing } from './forms/posted'
import type { Forms } from './http/forms'
import { Context, type PageRequest, pageUrl, rawOf, type Requests } from './call/context'
import type { Development } from './call/development'
import { mountProps, publicJson } from './call/join'
import type { Entry } from './call/modules'
import { encodeTree, treeOf } from './call/render'
import { LoomError, textOf } from './errors'
import type { Binder } from './http/bind'
import { compactRequest } from './http/request'
import type { NativeLoom } from './native'
import type { Settings } from './options'
import { checkContainer, checkStanding } from './render/container'
import type { Tree } from './render/tree'
import { stringifyProps } from './render/props'
import { Writer } from './render/writer'

/** What a join has beside its module and token, in bytes: numbers, a secret, an anchor, and what clients keep free. */
const JOIN_ROOM = 256

/** The longest key of a shared component, in bytes; as MAX_KEY in src/shared/mod.rs. */
const MAX_KEY = 256

const OPTIONS: Record<keyof Required<MountOptions>, true> = { request: true, as: true, shared: true }

function requestIn(options: MountOptions): PageRequest | undefined {
  const request = options.request as PageRequest | undefined
  if (request !== undefined && !isObject(request)) throw invalid("the page's request", 'request', request)
  return request
}

/** The URL of the page that a component is mounted in. */
function urlOf(request: PageRequest | undefined): string {
  return request === undefined ? '' : pageUrl(request)
}

/** A component among those of its module in one page. */
interface Place {
  readonly request: IncomingMessage
  readonly number: number
}

/** Renders components into pages: `loom.mount`. */
export class Mounting {
  /** By the template at the root, or the module if it is raw: the containers in which it can stand. */
  private readonly standing = new WeakMap<object, Set<string>>()
  /** Forms that are sent without the client's script, once the application takes them. */
  forms: Forms | undefined
  /** How many components of a module a page has so far, by its request. Only if there are such forms. */
  private readonly places = new WeakMap<IncomingMessage, Map<string, number>>()

  constructor(
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
    if (!isObject(props)) throw invalid('an object', 'props', props)
    const source = (): string => `mount of module ${JSON.stringify(entry.name)}`
    checkNames(options, OPTIONS, 'the options of mount', 'an option of mount')
    if (!entry.raw) this.development?.checkMounted(entry, props, Object.keys(OPTIONS))
    const container = checkContainer(options.as ?? 'div')
    const request = requestIn(options)
    const place = this.placeOf(request, entry.name)
    const after = place === undefined ? undefined : this.forms?.stateOf(place.request, entry.name, place.number)
    const first = entry.raw
      ? props
      : (after?.props ?? (await mountProps(entry, props, this.mountContext(entry.name, request))))
    const json = entry.raw ? stringifyProps(first, source) : publicJson(entry, first, source)
    this.checkOpen()
    const tree = new Writer()
    const inRender = (error: unknown, code: LoomErrorCode): LoomError =>
      new LoomError(code, `render of module ${entry.name}: ${textOf(error)}`, { cause: error })
    let rendered: Tree | string
    try {
      rendered = showing(after?.posted, () => treeOf(entry, entry.raw ? json : first))
      encodeTree(tree, rendered, undefined, this.development?.checkOf(entry))
    } catch (error) {
      // What the application throws is its own.
      throw error instanceof LoomError ? inRender(error, error.code) : error
    }
    let html: string
    try {
      html = this.native.toHtml(tree.ops, tree.length, tree.text, tree.bytes)
    } catch (error) {
      throw inRender(error, 'LOOM_TEMPLATE')
    }
    this.checkStanding(entry, container, typeof rendered === 'string' ? {} : rendered, html)
    const token = this.native.seal(entry.name, json, await this.binder.bindOf(request), urlOf(request))
    const size = Buffer.byteLength(JSON.stringify(entry.name)) + token.length + JOIN_ROOM
    if (size > this.messageBytes) {
      throw new LoomError(
        'LOOM_PROPS',
        `The props from ${source()} are too large: a page would join with a message of ${size} bytes, and ` +
          `limits.messageBytes is ${this.messageBytes}. Keep less in the props (load it in mount, as private), or raise the limit`,
      )
    }
    const whole = place === undefined ? html : seal(html, `${place.number} ${token}`)
    return this.contained(entry, container, token, whole)
  }

  /** Which of the page's components of this module it is, for its forms. */
  private placeOf(page: PageRequest | undefined, module: string): Place | undefined {
    if (this.forms === undefined || page === undefined || this.requests.originOf(page) !== undefined) return undefined
    const request = rawOf(page)
    const counts = this.places.get(request) ?? new Map<string, number>()
    const number = counts.get(module) ?? 0
    this.places.set(request, counts.set(module, number + 1))
    return { request, number }
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
      throw new LoomError('LOOM_ARGUMENT', `Module ${name} cannot be shared: a module of handle_json has no mount`)
    }
    if (!isObject(props) || Object.keys(props).length > 0) {
      throw new LoomError(
        'LOOM_PROPS',
        `Expected no props for the mount of module ${name} with the key ${JSON.stringify(key)}: any page can start a ` +
          "shared component, so that its state has to follow from its key. Load it in the module's mount, by ctx.key",
      )
    }
    const container = checkContainer(options.as ?? 'div')
    const request = requestIn(options)
    const bind = await this.binder.bindOf(request)
    this.checkOpen()
    const html = await this.showShared(entry.name, key, this.addressOf(request))
    this.checkOpen()
    this.checkStanding(entry, container, {}, html)
    return this.contained(entry, container, this.native.sealShared(entry.name, key, bind, urlOf(request)), html)
  }

  /** That of the page, as far as it is known: who starts many components is bounded. */
  private addressOf(request: PageRequest | undefined): string {
    if (request === undefined) return ''
    // In another component, the page is known by that.
    if (this.requests.originOf(request) !== undefined) return (request as unknown as LiveRequest).address
    const { trust, keep } = this.settings
    return compactRequest(rawOf(request), trust, keep, request).address ?? ''
  }

  private contained(entry: Entry, container: string, token: string, html: string): string {
    const name = entry.name.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)
    return `<${container} data-l-live="${name}" data-l-ws="${this.settings.path}/ws" data-l-token="${token}">${html}</${container}>`
  }

  /** In production once for each template at the root: it is the template's author who has to know. */
  private checkStanding(entry: Entry, container: string, { statics }: { statics?: object }, html: string): void {
    const key = statics ?? entry
    const checked = this.standing.get(key)
    if (this.development === undefined && checked?.has(container)) return
    checkStanding(entry.name, container, html)
    if (checked === undefined) this.standing.set(key, new Set([container]))
    else checked.add(container)
  }

  private mountContext(module: string, request: PageRequest | undefined): Context {
    const { trust, keep } = this.settings
    return new Context('', module, {
      // There is no call, and it is no shared component's.
      readCaller: () => [],
      requestOf: () => {
        // That of the component that this one is mounted in.
        if (request !== undefined && this.requests.originOf(request) !== undefined)
          return request as unknown as LiveRequest
        const compact =
          request === undefined ? '{}' : JSON.stringify(compactRequest(rawOf(request), trust, keep, request))
        return this.requests.ofPage(request, compact)
      },
    })
  }
}
