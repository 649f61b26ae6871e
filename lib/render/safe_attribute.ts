import { invalid } from '../check'

/**
 * Which attributes a command may set. `client/commands/safety.ts` says the same again, since commands of other template
 * languages do not come here. A test compares the two.
 */

const NAME = /^[a-z_][\w:.-]*$/i
const REFUSED = /^(on|(srcdoc|style|class|attributename|shadowrootmode|http-equiv)$|(data-)?l-)/i
const URLS =
  /(^|:)(href|src|action|formaction|data|srcset|imagesrcset|poster|background|cite|manifest|codebase|longdesc|usemap|classid|dynsrc|lowsrc|icon|ping|archive|profile|base)$/i
const SCHEMES = /^(https?|mailto|tel|sms)$/

/** What to write instead. */
function insteadOf(name: string): string {
  if (/^on/i.test(name)) return 'bind a handler in the template instead, @click=${…}'
  if (/^class$/i.test(name)) return 'use addClass, removeClass or toggleClass'
  if (/^style$/i.test(name)) return 'use a class, or show and hide'
  return 'let the server render it'
}

/** @throws LoomError for an attribute, or a value of it, that commands must not set. */
export function checkAttribute(command: string, name: unknown, value?: unknown): asserts name is string {
  const what = `js.${command}`
  if (typeof name !== 'string' || !NAME.test(name))
    throw invalid('the name of an attribute', `the name of ${what}`, name)
  if (REFUSED.test(name))
    throw invalid(`an attribute that commands may set (${insteadOf(name)})`, `the name of ${what}`, name)
  if (typeof value === 'string' && URLS.test(name) && !isSafe(value))
    throw invalid('a path or an http(s), mailto, tel or sms address', `the value of ${what} for ${name}`, value)
}

/** Each address in it: `srcset` and `ping` have several. Browsers leave control characters and line breaks out. */
function isSafe(text: string): boolean {
  return [...text.split(/[\s,]+/), text].every((one) => {
    const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(one.replace(/[\0-\x20]+/g, ''))?.[1]
    return scheme === undefined || SCHEMES.test(scheme.toLowerCase())
  })
}
