import { createHash } from 'node:crypto'
import type { Key, LiveOptions, RegisteredModule, Tree as PublicTree } from '../../index'
import { checkNames, invalid, isObject } from '../check'
import { LoomError } from '../errors'
import { checkContainer } from './container'
import type { Each } from './each'
import type { TreeCheck } from './encode'
import type { Template } from './html'
import { stringifyProps } from './props'
import { Tree } from './tree'

/** The longest key, in bytes. */
const MAX_KEY = 256

const OPTIONS: Record<keyof Required<LiveOptions>, true> = { key: true, as: true, shared: true }

/** The names of modules that `loom.register` has given. */
const registered = new WeakSet()

/** From here on `live` takes this. */
export function canBeNested<Module extends object>(module: Module): Module {
  registered.add(module)
  return module
}

/** The container's template, by its element. As src/template/child.rs knows it. */
const templates = new Map<string, TemplateStringsArray>()

function staticsOf(as: string): TemplateStringsArray {
  const known = templates.get(as)
  if (known !== undefined) return known
  const strings = [`<${as} data-l-live="`, '" data-l-key="', '">', `</${as}>`]
  const statics = Object.freeze(Object.assign(strings, { raw: Object.freeze([...strings]) }))
  templates.set(as, statics)
  return statics
}

/** A nested component in its parent's tree. */
export class Child extends Tree {
  constructor(
    readonly module: string,
    /** The props that the parent gives; empty for a shared component. */
    readonly given: object,
    readonly name: string,
    readonly as: string,
    readonly shared: string | undefined,
    /** As src/given.rs reads it. */
    readonly gives: string,
    key: Key | undefined,
  ) {
    super(staticsOf(as), [module, name, gives], key)
  }
}

/** A key as text. */
function nameOf(key: unknown): string {
  if (key === undefined) return ''
  if (typeof key !== 'string' && typeof key !== 'number' && typeof key !== 'bigint')
    throw invalid('a string or a number', 'the option key of live', key)
  const name = String(key)
  if (Buffer.byteLength(name) > MAX_KEY)
    throw invalid(`a key of at most ${MAX_KEY} bytes`, 'the option key of live', key)
  return name
}

export function live(module: RegisteredModule<never>, given: object = {}, options: LiveOptions = {}): PublicTree {
  if (!isObject(module) || !registered.has(module))
    throw invalid('what loom.register gave', 'the module of live', module)
  const { name: moduleName } = module
  const quoted = JSON.stringify(moduleName)
  checkNames(options, OPTIONS, 'the options of live', 'an option of live')
  const { key, shared } = options
  const as = options.as === undefined ? 'div' : checkContainer(options.as)
  const name = nameOf(key)
  if (shared !== undefined) {
    if (typeof shared !== 'string' || shared === '' || Buffer.byteLength(shared) > MAX_KEY)
      throw invalid(`a string of 1 to ${MAX_KEY} bytes`, 'the option shared of live', shared)
    if (!isObject(given) || Object.keys(given).length > 0) {
      throw new LoomError(
        'LOOM_PROPS',
        `Expected no props for live(${quoted}) with the key ${JSON.stringify(shared)}: the state of a shared component follows ` +
          "from its key. Load the state in the module's mount, by ctx.key",
      )
    }
    // Another key is another component. The page need not know it.
    const board = createHash('sha256').update(shared).digest('base64url').slice(0, 16)
    return new Child(moduleName, {}, `${name}~${board}`, as, shared, `s${shared}`, key)
  }
  const json = stringifyProps(given, () => `live(${quoted})`)
  return new Child(moduleName, given, name, as, undefined, `p${json}`, key)
}

/** Finds the nested components while a tree is written, in the order of the page. */
export class Children implements TreeCheck {
  readonly found: Child[] = []
  private readonly names = new Set<string>()

  constructor(private readonly check: TreeCheck | undefined) {}

  rows(list: Each, last: Each, template: Template, index: number): void {
    this.check?.rows(list, last, template, index)
  }

  list(items: readonly unknown[], template: Template, index: number): void {
    this.check?.list(items, template, index)
  }

  tree(tree: Tree): void {
    this.check?.tree(tree)
    if (!(tree instanceof Child)) return
    const { module, name } = tree
    const id = JSON.stringify([module, name])
    if (this.names.has(id)) {
      throw new LoomError(
        'LOOM_TEMPLATE',
        `live(${JSON.stringify(module)}) stands twice with ${name === '' ? 'no key' : `the key ${JSON.stringify(name)}`}: ` +
          'give each one a key of its own, live(module, props, { key: row.id })',
      )
    }
    this.names.add(id)
    this.found.push(tree)
  }
}
