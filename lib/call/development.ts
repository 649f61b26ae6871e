import type {} from '../../index'
import { handlersIn } from './bindings'
import { isObject } from '../check'
import { MODEL } from '../codec'
import type { Call } from './call'
import type { Context } from './context'
import { textOf } from '../errors'
import { type Failure, failureOf } from './failures'
import type { Each } from '../render/each'
import type { TreeCheck } from '../render/encode'
import { describeSlot, type Template, templateOf } from '../render/html'
import { Tree } from '../render/tree'
import { lacksKey } from '../jsx/runtime'
import { changesCopy, isBlockForObject, setsPropsAnew } from './handler_source'
import { Recorder } from './recorder'
import { mistakeInCommands, mistakesInMarkup } from './markup'
import { type Entry, handlerOf, type LiveEntry, receiverOf } from './modules'
import { suggestion } from '../nearest'
import { atPlace, placeOfTemplate, rememberTemplates } from '../places'
import type { TopicsTold } from './topics_told'
import type { Log } from '../telemetry/log'

/** How many rows of a list are checked in one render. */
const MAX_ROWS = 200
/** Longer props are not compared: the developer would notice the delay. */
export const MAX_JSON = 1 << 20

/** How many warnings are kept for pages that ask. */
const MAX_KEPT = 100

/**
 * Finds mistakes that otherwise nobody is told of, in development only:
 * - a page shows something old, because a row reads more than its item, or a handler or `render` changes parts of props
 *   in place;
 * - two rows have the same key, but one of them is not rendered again; the list would fail as soon as both are;
 * - a handler returns nothing or only a part of the props, or its name is not found; a receiver returns a part;
 * - `render` expects more than the props.
 */
export class Development {
  private readonly warned = new Set<string>()
  /** The last warnings, for pages that ask. */
  private readonly kept: string[] = []
  /** The number of warnings before those in `kept`. */
  private dropped = 0
  /** The place (`file:line`) at which each module was registered, by the module's name. */
  private readonly places = new Map<string, string>()
  private readonly checks = new WeakMap<Entry, TreeCheck>()
  private readonly joinedModules = new Set<string>()
  /** Set by the loom if it has something to watch; called with the context of each call. */
  watch: ((context: Context) => void) | undefined

  /** Set by the loom: tells open pages of failures. */
  failing: ((failure: Failure) => void) | undefined

  /** Set by the loom: finds mistakes with topics. */
  topics: TopicsTold | undefined
  /** Whether a module has `params`, which hears of addresses. */
  private hasParams = false
  /** Records steps and states for devtools. */
  readonly recorder = new Recorder()

  constructor(private readonly log: Log) {
    rememberTemplates()
  }

  /** A step has given its result, with these props. */
  stepped(call: Call, json: string): void {
    const { name } = call.kept.component.module
    for (const [kind, [first, second]] of this.recorder.done(call, json)) {
      if (kind === 'subscribe' || kind === 'presence') this.topics?.subscribed(String(first))
      if (kind === 'publish') this.topics?.published(String(second), `ctx.publish of ${name}`, this.places.get(name))
    }
  }

  /** Something was thrown, or is amiss, in a step of the module: pages show it with the lines of source. */
  failed(kind: Failure['kind'], module: string, what: string, text: string, error: unknown): void {
    this.failing?.(failureOf({ kind, module, what, text }, error, this.places.get(module)))
  }

  /** `loom.mount` has thrown while a page was rendered, for the page of this address. */
  mountFailed(module: string, page: string, error: unknown): void {
    const what = `loom.mount of ${module}${page === '' ? '' : `, for the page ${page}`}`
    const text = textOf(error)
    this.failing?.(failureOf({ kind: 'mount', module, page, what, text }, error, this.places.get(module)))
  }

  /** Logs a warning, unless the same text was logged before. */
  warn(text: string): void {
    if (this.warned.has(text)) return
    this.warned.add(text)
    this.kept.push(text)
    if (this.kept.length > MAX_KEPT) {
      this.kept.shift()
      this.dropped++
    }
    this.log.write('warn', 'LOOM_DEVELOPMENT', text)
  }

  /** The warnings after the first `count`, and the `count` to ask with next time. */
  foundAfter(count: number): { next: number; texts: readonly string[] } {
    return { next: this.dropped + this.kept.length, texts: this.kept.slice(Math.max(0, count - this.dropped)) }
  }

  /** A page has asked for a component of this module, here or in another process. */
  joined(module: string): void {
    this.joinedModules.add(module)
  }

  /** Whether a page has ever asked for a component of this module, as far as this process knows. */
  hasJoined(module: string): boolean {
    return this.joinedModules.has(module)
  }

  registered(entry: Entry, place: string | undefined): void {
    if (place !== undefined) this.places.set(entry.name, place)
    if (entry.raw) return
    const { handle, render, params } = entry.module
    if (params !== undefined) this.hasParams = true
    if (render.length > 1) {
      this.warn(
        `${this.nameOf(entry)}: render gets the props and nothing else, so its other parameters are undefined. Put all ` +
          'that render shows into the props, and call ctx.subscribe and its like in connected, in handlers and in receivers',
      )
    }
    if (typeof handle === 'function') return
    const methods = methodsOf(handle)
    if (methods.length === 0) return
    this.warn(
      `${this.nameOf(entry)}: handle is an instance of ${className(handle)}, and its methods ${methods.join(', ')} are not ` +
        'handlers: names come from the browser, so only own properties of handle are looked up. Write the handlers into an object, ' +
        `as in handle: { ${methods[0] ?? ''}: (props) => … }`,
    )
  }

  private nameOf({ name }: { readonly name: string }): string {
    return name + atPlace(this.places.get(name), 'registered at')
  }

  /** The checks that are made while a tree of the module is written. */
  checkOf(entry: Entry): TreeCheck {
    let check = this.checks.get(entry)
    if (check === undefined) {
      check = {
        rows: (list, last, template, index) => {
          this.checkRows(entry.name, list, last, template, index)
        },
        tree: (tree) => {
          if (entry.raw) return
          this.checkNames(entry, tree)
          this.checkSaid(entry, tree)
          this.checkMarkup(entry, tree)
        },
        list: (items, template, index) => {
          if (items.some(lacksKey)) this.warn(`${entry.name}: ${withoutKeys(template, index)}`)
        },
      }
      this.checks.set(entry, check)
    }
    return check
  }

  /** Warns of names in a template that no handler, prop or upload has. */
  private checkNames(entry: LiveEntry, { statics, dynamics }: Tree): void {
    const { handle } = entry.module
    for (const { attribute, name: given } of handlersIn(statics)) {
      const text = typeof given === 'number' ? dynamics[given] : given
      if (attribute.toLowerCase() === 'data-l-model') {
        if (typeof text === 'string' && text !== '' && !entry.model.has(text))
          this.warn(`${noModel(entry, text)}${atPlace(placeOfTemplate(statics))}`)
        continue
      }
      if (/^data-l-(?:upload|drop)$/i.test(attribute)) {
        if (typeof text === 'string' && text !== '' && entry.uploads?.has(text) !== true)
          this.warn(
            `${entry.name}: ${attribute}=${JSON.stringify(text)}${atPlace(placeOfTemplate(statics))} names no upload of the module` +
              suggestion(text, [...(entry.uploads?.keys() ?? [])], 'uploads'),
          )
        continue
      }
      // Without the arguments of `on`.
      const name = typeof text === 'string' ? text.split('(', 1)[0] : text
      if (typeof handle === 'function' || typeof name !== 'string' || name === '' || Object.hasOwn(handle, name))
        continue
      this.warn(
        `${entry.name}: ${attribute}=${JSON.stringify(name)}${atPlace(placeOfTemplate(statics))} names no handler of the module` +
          this.otherHandlers(entry, name),
      )
    }
  }

  /** Warns of likely mistakes in the template's markup and in its commands. */
  private checkMarkup({ name }: LiveEntry, { statics, dynamics }: Tree): void {
    const where = (): string => atPlace(placeOfTemplate(statics))
    for (const { text, needsParams } of mistakesInMarkup(statics)) {
      if (needsParams === true && this.hasParams) continue
      this.warn(`${name}: ${text}${where()}`)
    }
    for (const value of dynamics) {
      const mistake = mistakeInCommands(value)
      if (mistake !== undefined) this.warn(`${name}: ${mistake}${where()}`)
    }
  }

  /** Warns of values that most likely say something else of their attribute than they were meant to. */
  private checkSaid(entry: LiveEntry, { statics, dynamics }: Tree): void {
    const template = templateOf(statics)
    for (let index = 0; index < dynamics.length; index++) {
      const kind = template.kinds[index] as string
      if (kind === 't') continue
      const mistake = mistakeIn(kind, dynamics[index])
      if (mistake === undefined) continue
      const place = describeSlot(template, index)
      // Text in <textarea> and <title> may be anything.
      if (kind !== 'r' || /^slot \d+, attribute/.test(place)) this.warn(`${entry.name}: ${place}: ${mistake}`)
    }
  }

  /** The error text for an event whose handler does not exist. */
  unknownHandler(entry: LiveEntry, name: string, type: string | undefined): string {
    if (type === MODEL) return `${noModel(entry, name)}${atPlace(this.places.get(entry.name), 'registered at')}`
    return `the module ${JSON.stringify(entry.name)} has no handler ${JSON.stringify(name)}${this.otherHandlers(entry, name)}`
  }

  private otherHandlers(entry: LiveEntry, name: string): string {
    const { handle } = entry.module
    const note = methodsOf(handle).includes(name)
      ? `; it is a method of ${className(handle)}, and only own properties are handlers`
      : receiverOf(entry.module, name) !== undefined
        ? '; it is a receiver, which no browser can call: write a handler, too'
        : /^js\.\w+$/.test(name)
          ? `; a command is a value: write @click=\${${name}(…)}`
          : ''
    return (
      note + suggestion(name, Object.keys(handle), 'handlers') + atPlace(this.places.get(entry.name), 'registered at')
    )
  }

  /**
   * Checks the result of a handler, `given`. `before` is the props that the handler got, `json` their text before the
   * call.
   */
  checkGiven(entry: LiveEntry, name: string, before: unknown, json: string | undefined, given: unknown): void {
    if (given === undefined || given === null) {
      if (json !== undefined && jsonOf(before) === json) this.checkNothing(entry, name)
    } else this.checkPart(entry, 'handler', name, before, given)
  }

  /**
   * The message of the error that a handler or a receiver has thrown. If the props are frozen and the handler has
   * changed them, the text says what to do.
   */
  thrown(error: unknown, isFrozen: boolean): string {
    const text = textOf(error)
    // As engines say it of an assignment, of a list's `push`, and of `delete`.
    if (!isFrozen || !/read-?\s?only property|not extensible|(cannot|unable to) delete property/i.test(text))
      return text
    return (
      `${text}; the props of a module with receivers, and the data of messages, are frozen: return new props, as in ` +
      '{ ...props, count: 1 }'
    )
  }

  /**
   * The handler returned nothing and changed nothing. This is right if the handler only reads, and a mistake if its
   * source makes new props.
   */
  private checkNothing(entry: LiveEntry, name: string): void {
    const source = sourceOf(handlerOf(entry.module, name))
    const assigned = setsPropsAnew(source)
    const copy = changesCopy(source)
    const mistake =
      assigned !== undefined
        ? `gave its own variable ${assigned} another value`
        : copy !== undefined
          ? `changed ${copy}, a copy of its props,`
          : isBlockForObject(source)
            ? 'is written as a block, but an object was meant (=> { … } in place of => ({ … }))'
            : undefined
    if (mistake === undefined) return
    this.warn(
      `${this.nameOf(entry)}: the handler ${JSON.stringify(name)} ${mistake} and returned nothing, so nothing has changed. ` +
        'Return the new props, as in return { ...props, count: props.count + 1 }, or change the props that the handler got: ' +
        'props.count += 1',
    )
  }

  /**
   * Warns of members that the returned props lack. A member was most likely meant to stay if it is one of the module's
   * own props, or if the handler's source does not mention it.
   */
  checkPart(entry: LiveEntry, kind: 'handler' | 'receiver', name: string, before: unknown, given: unknown): void {
    if (given === before || !isObject(given) || !isObject(before)) return
    const own = JSON.parse(entry.props) as object
    const { module } = entry
    const source = sourceOf(kind === 'handler' ? handlerOf(module, name) : receiverOf(module, name))
    const lost = Object.keys(before).filter(
      (key) =>
        before[key] !== undefined &&
        !Object.hasOwn(given, key) &&
        (Object.hasOwn(own, key) || !new RegExp(`(?<![\\w$])${escaped(key)}(?![\\w$])`).test(source)),
    )
    if (lost.length === 0) return
    const kept = Object.keys(given).slice(0, 3).join(', ')
    this.warn(
      `${this.nameOf(entry)}: the ${kind} ${JSON.stringify(name)} returned props without ${lost.join(', ')}, which ` +
        `${lost.length === 1 ? 'is' : 'are'} gone now: the result of a ${kind} takes the place of all props. Return the others too, ` +
        `as in { ...props${kept === '' ? '' : `, ${kept}`} }`,
    )
  }

  /**
   * Renders the rows of unchanged items with the last `row` function and with the new one, and compares.
   *
   * @throws LoomError if two rows have the same key, as a render of all rows would throw.
   */
  private checkRows(module: string, list: Each, last: Each, template: Template, index: number): void {
    const seen = new Set<string>()
    for (const item of list.items) list.keyOf(item, seen, template, index)
    const known = new Set(last.items)
    for (const item of list.items.filter((item) => known.has(item)).slice(0, MAX_ROWS)) {
      const place = difference(last.row(item), list.row(item))
      if (place === undefined) continue
      this.warn(
        `${module}: the row ${JSON.stringify(String(list.key(item)))} of each() reads more than its item: ${place} ` +
          'would show something else now, but the item is the same, so the row is kept as it was. If rows read values ' +
          'beside their item, pass these values as dependencies: each(items, key, row, [props.selected]). The list is in ' +
          describeSlot(template, index),
      )
      return
    }
  }

  /** Whether props are unchanged since the commit. `json` is their text at the commit. */
  isAsLeft(module: string, props: unknown, json: string): boolean {
    return this.isStill(
      props,
      json,
      (path) =>
        `${module}: ${path} was changed from outside after a handler had returned it, and the change is dropped. Props ` +
        'belong to their component: return objects that nobody else keeps and changes',
    )
  }

  /** Whether a handler that returned new props left the old ones unchanged. `json` is their text before the call. */
  isUntouched(module: string, handler: string, props: unknown, json: string): boolean {
    return this.isStill(
      props,
      json,
      (path) =>
        `${module}: the handler ${JSON.stringify(handler)} returned new props but also changed ${path} of the props ` +
        'that it got. Either change props and return nothing, or leave them unchanged and return new props that share ' +
        'the unchanged parts: loom-live compares objects by identity to find changes',
    )
  }

  /** Warns of options that `loom.mount` was given as props. `options` are the names of all. */
  checkMounted(entry: LiveEntry, given: object, options: readonly string[]): void {
    const { props } = entry.module
    if (props === undefined) return
    for (const name of options.filter((one) => Object.hasOwn(given, one) && !Object.hasOwn(props, one))) {
      this.warn(
        `${this.nameOf(entry)}: the mount of module ${JSON.stringify(entry.name)} was given the prop ${name}, but its ` +
          `props have no ${name}. This is the name of an option, and options are the third argument, as in ` +
          `mount(module, {}, { ${name} })`,
      )
    }
  }

  /** Warns of a key that is `undefined`: the component is then no shared one. */
  checkShared(module: string): void {
    this.warn(
      `the mount of module ${JSON.stringify(module)} was given shared: undefined, so this page gets a component of its ` +
        'own. Give the option a key, which is a text, or leave the option out',
    )
  }

  /** Warns of an `authorize` that returned neither `true` nor `false`. */
  checkAuthorize(module: string, given: string): void {
    this.warn(
      `${module}: authorize returned ${given}, and that refuses: only true allows. Return a boolean, as in ` +
        '(ctx) => ctx.request.user?.admin === true',
    )
  }

  /** Warns if `render` changed the props. `json` is their text before the call. */
  checkRender(module: string, props: unknown, json: string): void {
    this.isStill(
      props,
      json,
      (path) =>
        `${module}: render changed ${path}. Nothing notices this change, so the page would not show the committed ` +
        'props. Change a copy, as in [...props.rows].sort()',
    )
  }

  private isStill(props: unknown, json: string, mistake: (path: string) => string): boolean {
    if (jsonOf(props) === json) return true
    this.warn(mistake(firstDifference(JSON.parse(json), props, 'props')))
    return false
  }
}

/** The rows of a list in JSX have no keys. */
function withoutKeys(template: Template, index: number): string {
  return (
    `the rows of the list in ${describeSlot(template, index)} have no keys, so each row is taken for the row that was ` +
    'in its place before: a text that a user has typed, and the focus, would be in the wrong row. Give each row a key, as in ' +
    'rows.map((row) => <li key={row.id}>…</li>)'
  )
}

/** No control may set the prop of this name. */
function noModel(entry: LiveEntry, name: string): string {
  const known = [...entry.model.keys()]
  return `${entry.name}: data-l-model=${JSON.stringify(name)}: the module's model does not list this prop${suggestion(name, known, 'props')}`
}

/**
 * The likely mistake in an attribute's value. `kind` is the attribute's letter among the template's kinds: see
 * src/template/presence.rs.
 */
function mistakeIn(kind: string, value: unknown): string | undefined {
  if (kind === 'q') {
    return 'with `?` the attribute has no text, and this attribute needs the text "true" or "false": write it without the question mark, in quotes'
  }
  if (kind === 'p') {
    return 'this attribute counts as set with any text: let the slot be its whole value, as in disabled="${…}", which true and false switch'
  }
  const isWord = typeof value === 'string' && /^(false|no|off|0|null|undefined)$/i.test(value)
  if (isWord && (kind === 'b' || (kind === 'o' && /^(false|null|undefined)$/i.test(value)))) {
    return `the text ${JSON.stringify(value)} switches the attribute on, as any text does: give false, or nothing, to remove the attribute`
  }
  if (kind === 'b' && value === '') {
    return 'an empty text removes the attribute here, as false does: give true or false'
  }
  if (kind === 'r' && value === true) {
    return 'true gives the attribute the text "true": give a text, or nothing'
  }
  return undefined
}

/** The names of the methods that an object inherits from its class. */
function methodsOf(object: object): string[] {
  const names = new Set<string>()
  for (let from: object | null = Object.getPrototypeOf(object) as object | null; from !== null;) {
    const next = Object.getPrototypeOf(from) as object | null
    // The last prototype is `Object.prototype`.
    if (next === null) break
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(from))) {
      if (name !== 'constructor' && typeof value === 'function' && !Object.hasOwn(object, name)) names.add(name)
    }
    from = next
  }
  return [...names]
}

function className(object: object): string {
  const name: unknown = object.constructor?.name
  return typeof name === 'string' && name !== '' && name !== 'Object' ? `the class ${name}` : 'a class'
}

function sourceOf(callback: unknown): string {
  return Function.prototype.toString.call(callback ?? (() => undefined))
}

function escaped(text: string): string {
  return text.replace(/[$^.*+?()[\]{}|\\/-]/g, '\\$&')
}

/** The first slot in which two renders of a row differ. */
function difference(was: unknown, is: unknown, place = 'the row'): string | undefined {
  if (was instanceof Tree && is instanceof Tree) {
    if (was.statics !== is.statics) return place
    for (let index = 0; index < is.dynamics.length; index++) {
      const found = difference(was.dynamics[index], is.dynamics[index], `slot ${index + 1} of ${place}`)
      if (found !== undefined) return found
    }
    return undefined
  }
  if (Array.isArray(was) && Array.isArray(is)) {
    if (was.length !== is.length) return place
    for (let index = 0; index < is.length; index++) {
      const found = difference(was[index], is[index], place)
      if (found !== undefined) return found
    }
    return undefined
  }
  // Other objects are new in each render, so they are not compared.
  if (isObject(was) && isObject(is)) return undefined
  return Object.is(was, is) ? undefined : place
}

/**
 * The JSON of a value. A handler's changes may have made props that are not JSON: for those, the empty text, which
 * differs from every JSON.
 */
export function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value)
  } catch {
    return ''
  }
}

function firstDifference(was: unknown, is: unknown, path: string): string {
  if (Array.isArray(was) && Array.isArray(is)) {
    for (let index = 0; index < Math.max(was.length, is.length); index++) {
      if (jsonOf(was[index]) !== jsonOf(is[index])) {
        return firstDifference(was[index], is[index], `${path}[${index}]`)
      }
    }
  } else if (isObject(was) && isObject(is)) {
    for (const key of new Set([...Object.keys(was), ...Object.keys(is)])) {
      if (jsonOf(was[key]) !== jsonOf(is[key])) {
        return firstDifference(was[key], is[key], `${path}.${key}`)
      }
    }
  }
  return path
}
