import type { LiveRequest, LoomErrorCode, MountOptions } from '../index'
import { checkNames, invalid, isObject } from './check'
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
import type { Tree } from './render/html'
import { stringifyProps } from './render/props'
import { Writer } from './render/writer'

/** What a join has beside its module and token, in bytes: numbers, a secret, an anchor, and what clients keep free. */
const JOIN_ROOM = 256

/** The URL of the page that a component is mounted in. */
function urlOf(request: PageRequest | undefined): string {
  return request === undefined ? '' : pageUrl(request)
}

/** Renders components into pages: `loom.mount`. */
export class Mounting {
  /** By the template at the root, or the module if it is raw: the containers in which it can stand. */
  private readonly standing = new WeakMap<object, Set<string>>()

  constructor(
    private readonly native: NativeLoom,
    private readonly settings: Pick<Settings, 'path' | 'trust' | 'keep'>,
    private readonly messageBytes: number,
    private readonly requests: Requests,
    private readonly binder: Binder,
    private readonly development: Development | undefined,
    private readonly checkOpen: () => void,
  ) {}

  /** The HTML of the component, in its container. `find` gives the module, or throws. */
  async page(find: () => Entry, props: object, options: MountOptions): Promise<string> {
    const entry = find()
    if (!isObject(props)) throw invalid('an object', 'props', props)
    const source = (): string => `mount of module ${JSON.stringify(entry.name)}`
    checkNames(options, { request: true, as: true }, 'the options of mount', 'an option of mount')
    const container = checkContainer(options.as ?? 'div')
    const request = options.request as PageRequest | undefined
    if (request !== undefined && !isObject(request)) throw invalid("the page's request", 'request', request)
    const first = entry.raw ? props : await mountProps(entry, props, this.mountContext(entry.name, request))
    const json = entry.raw ? stringifyProps(first, source) : publicJson(entry, first, source)
    this.checkOpen()
    const tree = new Writer()
    const inRender = (error: unknown, code: LoomErrorCode): LoomError =>
      new LoomError(code, `render of module ${entry.name}: ${textOf(error)}`, { cause: error })
    let rendered: Tree | string
    try {
      rendered = treeOf(entry, entry.raw ? json : first)
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
      readRequest: () => {
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
