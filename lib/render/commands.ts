import type {
  Commands as PublicCommands,
  CommandTransition,
  CallOptions,
  ScrollOptions,
  ShowOptions,
  TransitionOptions,
} from '../../index'
import { checkNames, checkString, checkUrl, invalid, isObject } from '../check'
import { LoomError } from '../errors'
import { AttributeText } from './attribute_text'
import { jsonOf } from './json_argument'
import { handlerText, setGuess } from './on'
import { checkAttribute } from './safe_attribute'

// Commands that a page carries out by itself. A command is its name and its arguments, `["toggle","#menu"]`, and
// commands are the text `js([…])`, which client/commands/ reads. Commands are checked here, when they are written, and
// once more in the client.

/** As in client/commands/run.ts. */
const MOST_COMMANDS = 32
/** The text of commands is in the page as often as the attribute is. */
const MOST_BYTES = 4096
const MOST_MS = 10_000

type Command = readonly [name: string, ...args: unknown[]]

/** A guess is made of these alone: it is taken back, and nobody can take back a focus or a copy. */
const CHANGES = [
  'show',
  'hide',
  'toggle',
  'addClass',
  'removeClass',
  'toggleClass',
  'setAttribute',
  'removeAttribute',
  'toggleAttribute',
  'insert',
]

export class Commands extends AttributeText implements PublicCommands {
  private written: string | undefined

  constructor(private readonly list: readonly Command[]) {
    super()
  }

  get text(): string {
    return (this.written ??= this.write())
  }

  private write(): string {
    const only = this.list.find(([name]) => name === 'insert')
    if (only !== undefined) {
      throw new LoomError(
        'LOOM_ARGUMENT',
        'js.insert shows something that the server has not rendered yet: use js.insert only in on(…).optimistic(…), which ' +
          'takes the change back',
      )
    }
    return `js(${this.json()})`
  }

  /** The data that `ctx.push` sends. */
  pushed(): unknown {
    return JSON.parse(this.text.slice('js('.length, -1)) as unknown
  }

  /** The commands of a guess. */
  changes(): readonly Command[] {
    for (const [name] of this.list) {
      if (!CHANGES.includes(name)) {
        throw new LoomError(
          'LOOM_ARGUMENT',
          `Expected commands that can be taken back (${CHANGES.join(', ')}) for optimistic but received js.${name}; ` +
            'put this command before the call: js.' +
            `${name}(…).call(…, …, { optimistic: … })`,
        )
      }
    }
    return this.list
  }

  private json(): string {
    if (this.list.length === 0)
      throw new LoomError('LOOM_ARGUMENT', 'Expected a command, as in js.show(…), but received js without one')
    const json = jsonOf('commands', this.list)
    const bytes = Buffer.byteLength(json)
    if (bytes > MOST_BYTES) {
      throw new LoomError(
        'LOOM_ARGUMENT',
        `Expected at most ${MOST_BYTES} bytes of JSON for commands but received ${bytes}; let one class change more, or call a handler`,
      )
    }
    return json
  }

  private with(name: string, ...args: unknown[]): Commands {
    if (this.list.length >= MOST_COMMANDS) {
      throw new LoomError(
        'LOOM_ARGUMENT',
        `Expected at most ${MOST_COMMANDS} commands in a chain but js.${name} is one more; one selector can fit several elements`,
      )
    }
    // JSON would turn these arguments at the end into `null`.
    while (args.length > 0 && args.at(-1) === undefined) args.pop()
    return new Commands([...this.list, [name, ...args]])
  }

  show(to?: string, options?: ShowOptions): Commands {
    return this.with('show', selector('show', to), showOptions('show', options))
  }

  hide(to?: string, options?: ShowOptions): Commands {
    return this.with('hide', selector('hide', to), showOptions('hide', options))
  }

  toggle(to?: string, options?: ShowOptions): Commands {
    return this.with('toggle', selector('toggle', to), showOptions('toggle', options))
  }

  addClass(names: string, to?: string): Commands {
    return this.with('addClass', classes('addClass', names), selector('addClass', to))
  }

  removeClass(names: string, to?: string): Commands {
    return this.with('removeClass', classes('removeClass', names), selector('removeClass', to))
  }

  toggleClass(names: string, to?: string): Commands {
    return this.with('toggleClass', classes('toggleClass', names), selector('toggleClass', to))
  }

  setAttribute(name: string, value: string, to?: string): Commands {
    if (typeof value !== 'string') throw invalid('a string', 'the value of js.setAttribute', value)
    checkAttribute('setAttribute', name, value)
    return this.with('setAttribute', name, value, selector('setAttribute', to))
  }

  removeAttribute(name: string, to?: string): Commands {
    checkAttribute('removeAttribute', name)
    return this.with('removeAttribute', name, selector('removeAttribute', to))
  }

  toggleAttribute(name: string, to?: string, values?: readonly [on: string, off?: string]): Commands {
    checkAttribute('toggleAttribute', name)
    if (values !== undefined) {
      if (!Array.isArray(values) || values.length < 1 || values.length > 2)
        throw invalid('one or two strings', 'the values of js.toggleAttribute', values)
      for (const value of values) {
        if (typeof value !== 'string') throw invalid('a string', 'a value of js.toggleAttribute', value)
        checkAttribute('toggleAttribute', name, value)
      }
    }
    return this.with('toggleAttribute', name, selector('toggleAttribute', to), values)
  }

  transition(classes: string | CommandTransition, to?: string, options?: TransitionOptions): Commands {
    checkTransition('the classes of js.transition', classes)
    return this.with('transition', classes, selector('transition', to), transitionOptions('transition', options))
  }

  focus(to?: string): Commands {
    return this.with('focus', selector('focus', to))
  }

  blur(to?: string): Commands {
    return this.with('blur', selector('blur', to))
  }

  scrollIntoView(to?: string, options?: ScrollOptions): Commands {
    if (options !== undefined) {
      checkNames(options, SCROLL, 'the options of js.scrollIntoView', 'option')
      for (const name of Object.keys(SCROLL) as (keyof ScrollOptions)[]) {
        const given = options[name]
        if (given !== undefined && !SCROLL[name].includes(given))
          throw invalid(`one of ${SCROLL[name].join(', ')}`, `${name} of js.scrollIntoView`, given)
      }
    }
    return this.with('scrollIntoView', selector('scrollIntoView', to), options)
  }

  dispatch(name: string, to?: string, detail?: unknown): Commands {
    checkString(name, 'the name of js.dispatch')
    if (detail !== undefined) jsonOf('the detail of js.dispatch', detail)
    return this.with('dispatch', name, selector('dispatch', to), detail)
  }

  copy(what: string | { readonly from: string }): Commands {
    if (typeof what !== 'string') {
      checkNames(what, { from: '' }, 'what js.copy copies', 'option')
      checkString(selector('copy', what.from), 'the selector of js.copy')
    }
    return this.with('copy', what)
  }

  showModal(to?: string): Commands {
    return this.with('showModal', selector('showModal', to))
  }

  close(to?: string): Commands {
    return this.with('close', selector('close', to))
  }

  navigate(url: string): Commands {
    checkUrl(url, 'the URL of js.navigate')
    return this.with('navigate', url)
  }

  insert(template: string, to?: string, place?: 'start' | 'end' | 'before' | 'after'): Commands {
    checkString(selector('insert', template), 'the template of js.insert')
    if (place !== undefined && !['start', 'end', 'before', 'after'].includes(place))
      throw invalid('one of start, end, before, after', 'the place of js.insert', place)
    return this.with('insert', template, selector('insert', to), place)
  }

  call(handler: string, args?: unknown, options?: CallOptions): Commands {
    handlerText(handler, args, 'js.call')
    if (options !== undefined) checkNames(options, { optimistic: '' }, 'the options of js.call', 'option')
    const given = options?.optimistic
    if (given === undefined) return this.with('call', handler, args)
    if (!(given instanceof Commands)) throw invalid('commands, as js.addClass(…) gives them', 'optimistic', given)
    return this.with('call', handler, args ?? null, { optimistic: given.changes() })
  }
}

const SCROLL: Record<keyof ScrollOptions, readonly unknown[]> = {
  behavior: ['auto', 'smooth', 'instant'],
  block: ['start', 'center', 'end', 'nearest'],
  inline: ['start', 'center', 'end', 'nearest'],
}

/** Whether it is one, only a browser knows. */
function selector(command: string, to: unknown): string | undefined {
  if (to === undefined) return undefined
  checkString(to, `the selector of js.${command}`)
  return to
}

function classes(command: string, names: unknown): string {
  if (typeof names !== 'string' || names.trim() === '')
    throw invalid('one or more classes, with spaces between them', `the classes of js.${command}`, names)
  return names
}

function checkTransition(what: string, given: unknown): void {
  if (typeof given === 'string' && given.trim() !== '') return
  if (!isObject(given)) throw invalid('classes, or { active, start, end }', what, given)
  checkNames(given, { active: '', start: '', end: '' }, what, 'step')
  for (const [step, value] of Object.entries(given)) {
    if (typeof value !== 'string') throw invalid('classes, with spaces between them', `${step} of ${what}`, value)
  }
}

function checkTime(command: string, time: unknown): void {
  if (time !== undefined && !(typeof time === 'number' && time >= 0 && time <= MOST_MS))
    throw invalid(`0 to ${MOST_MS} milliseconds`, `time of js.${command}`, time)
}

function transitionOptions(command: string, options: TransitionOptions | undefined): TransitionOptions | undefined {
  if (options === undefined) return undefined
  checkNames(options, { time: '' }, `the options of js.${command}`, 'option')
  checkTime(command, options.time)
  return options
}

function showOptions(command: string, options: ShowOptions | undefined): ShowOptions | undefined {
  if (options === undefined) return undefined
  checkNames(options, { transition: '', time: '', display: '' }, `the options of js.${command}`, 'option')
  const { transition, time, display } = options
  if (transition !== undefined) checkTransition(`transition of js.${command}`, transition)
  checkTime(command, time)
  if (display !== undefined && !/^[a-z]+(-[a-z]+)*$/.test(display))
    throw invalid('a value of CSS display, as "flex"', `display of js.${command}`, display)
  return options
}

/** The beginning of all chains. */
export const js = new Commands([])

setGuess((handler, args, commands) => js.call(handler, args, { optimistic: commands }))
