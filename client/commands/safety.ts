/**
 * Which attributes a command may set. `lib/render/safe_attribute.ts` says the same where a command is written; a command
 * of another template language comes here unseen. No less is refused than in templates (src/template/place.rs), and more:
 * there is always another way for what is refused here.
 */

import { own } from '../input/core'

const NAME = /^[a-z_][\w:.-]*$/i
/** Event handlers, documents, CSS, what animations set, and what speaks to this client. */
const REFUSED = /^(on|(srcdoc|style|class|attributename|shadowrootmode|http-equiv)$|(data-)?l-)/i
const URLS =
  /(^|:)(href|src|action|formaction|data|srcset|imagesrcset|poster|background|cite|manifest|codebase|longdesc|usemap|classid|dynsrc|lowsrc|icon|ping|archive|profile|base)$/i
/** Elements that run what their attributes say, or that decide for the whole page. */
const ELEMENTS = /^(script|style|base|meta|link|object|embed|param|set|animate.*|annotation-xml)$/i
const SCHEMES = /^(https?|mailto|tel|sms)$/

/** Why a command must not do it; undefined if it may. `value` is null for an attribute that is taken away. */
export function refusalOf(element: Element, name: string, value: string | null): string | undefined {
  if (!NAME.test(name)) return `${name} cannot name an attribute`
  if (REFUSED.test(name)) return `commands may not set ${name}`
  if (ELEMENTS.test(own.localName(element))) return `attributes of <${own.localName(element)}> are not for commands`
  if (value !== null && URLS.test(name) && !isSafe(value)) return `${value} is not a safe address for ${name}`
  return undefined
}

/** Each address in it: `srcset` and `ping` have several. Browsers leave control characters and line breaks out. */
function isSafe(text: string): boolean {
  return [...text.split(/[\s,]+/), text].every((one) => {
    const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(one.replace(/[\0-\x20]+/g, ''))?.[1]
    return scheme === undefined || SCHEMES.test(scheme.toLowerCase())
  })
}
