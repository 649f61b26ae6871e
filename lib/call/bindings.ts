import { EVENT_TYPES, MODEL } from '../codec'

/** An attribute of a template that names a handler, or a prop. */
export interface HandlerName {
  /** The attribute as the template has it: `data-l-click` or `@click`. */
  readonly attribute: string
  /** The handler's name, or the index of the value that gives it. */
  readonly name: string | number
}

const ATTRIBUTE = `(?:^|[\\s"'])((?:data-l-(?:${EVENT_TYPES.join('|')}|on-[\\w:-]+)|@[\\w:-]+)(?:\\.[^\\s"'=<>/]*)?|data-l-(?:${MODEL}|upload|drop))\\s*=\\s*`
/** An attribute whose name stands in the template itself. */
const NAME_IN_TEXT = new RegExp(`${ATTRIBUTE}(?:"([^"]*)"|'([^']*)'|([^\\s"'=<>\`]+)(?=[\\s/>]))`, 'gi')
/** The end of a text after which a value gives the name. */
const BEFORE_VALUE = new RegExp(`${ATTRIBUTE}(["']?)$`, 'i')

const known = new WeakMap<TemplateStringsArray, readonly HandlerName[]>()

/**
 * The handlers that a template names. For development only: text that merely looks like an attribute, as in a comment,
 * counts, too.
 */
export function handlersIn(statics: TemplateStringsArray): readonly HandlerName[] {
  let found = known.get(statics)
  if (found === undefined) known.set(statics, (found = find(statics)))
  return found
}

function find(statics: TemplateStringsArray): HandlerName[] {
  const found: HandlerName[] = []
  statics.forEach((text, index) => {
    for (const [, attribute = '', ...values] of text.matchAll(NAME_IN_TEXT)) {
      const name = values.find((value) => value !== undefined) ?? ''
      // A name with character references (`&amp;`) is not decoded here, so it is left out.
      if (name !== '' && !name.includes('&')) found.push({ attribute, name })
    }
    const [, attribute, quote = ''] = BEFORE_VALUE.exec(text) ?? []
    const after = statics[index + 1]
    if (attribute === undefined || after === undefined) return
    // Only a value that is the whole name counts. A value that is a part of the name does not.
    if (quote === '' ? /^[\s/>]/.test(after) : after.startsWith(quote)) found.push({ attribute, name: index })
  })
  return found
}
