import { EVENT_TYPES } from '../codec'

/** Where a template names a handler. */
export interface HandlerName {
  /** As it is written: `data-l-click` or `@click`. */
  readonly attribute: string
  /** The name, or the index of the value that is the name. */
  readonly name: string | number
}

const ATTRIBUTE = `(?:^|[\\s"'])((?:data-l-|@)(?:${EVENT_TYPES.join('|')})(?:\\.[\\w.]+)?)\\s*=\\s*`
/** A name that stands in the template itself. */
const WHOLE = new RegExp(`${ATTRIBUTE}(?:"([^"]*)"|'([^']*)'|([^\\s"'=<>\`]+)(?=[\\s/>]))`, 'gi')
/** The end of a text whose next value is a name. */
const BEFORE_VALUE = new RegExp(`${ATTRIBUTE}(["']?)$`, 'i')

const known = new WeakMap<TemplateStringsArray, readonly HandlerName[]>()

/** The handlers that a template names. For development: markup that only looks like it, in a comment say, counts too. */
export function handlersIn(statics: TemplateStringsArray): readonly HandlerName[] {
  let found = known.get(statics)
  if (found === undefined) known.set(statics, (found = find(statics)))
  return found
}

function find(statics: TemplateStringsArray): HandlerName[] {
  const found: HandlerName[] = []
  statics.forEach((text, index) => {
    for (const [, attribute = '', ...values] of text.matchAll(WHOLE)) {
      const name = values.find((value) => value !== undefined) ?? ''
      // What is written with references is not read here.
      if (name !== '' && !name.includes('&')) found.push({ attribute, name })
    }
    const [, attribute, quote = ''] = BEFORE_VALUE.exec(text) ?? []
    const after = statics[index + 1]
    if (attribute === undefined || after === undefined) return
    // Of a name that is put together nothing is known.
    if (quote === '' ? /^[\s/>]/.test(after) : after.startsWith(quote)) found.push({ attribute, name: index })
  })
  return found
}
