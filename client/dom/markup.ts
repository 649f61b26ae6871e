/** The one place where text becomes elements. */

import { own } from './elements'

interface Policy {
  'createHTML'(html: string): string
}

interface TrustedTypes {
  'createPolicy'(name: string, rules: Policy): Policy
}

/** A page that demands Trusted Types can allow this policy by its name. What the policy lets through is the server's. */
function makePolicy(): Policy | undefined {
  try {
    const types = (window as { trustedTypes?: TrustedTypes }).trustedTypes
    return types?.createPolicy('loom-live', { createHTML: (html) => html })
  } catch {
    return undefined
  }
}

const policy = makePolicy()

/** The server's HTML, as a parser takes it, also in a page that demands Trusted Types. */
export function trust(html: string): string {
  return policy ? policy.createHTML(html) : html
}

/** Stands where a slot is while the template is parsed. A noncharacter, which no page contains. */
export const MARK = '\ufdd0'

/** The element that markup has to be parsed in, if the markup stands in `parent`; empty for HTML. */
export function surroundings({ localName, namespaceURI }: Element): string {
  return (localName !== 'foreignObject' && /svg$|math(?=ML$)/i.exec(namespaceURI ?? '')?.[0].toLowerCase()) || ''
}

/** `html` as nodes of a document without a page, in which nothing loads, runs or upgrades. */
export function parse(html: string, around: string): DocumentFragment {
  const template = own.createElement(document, 'template') as HTMLTemplateElement
  if (around) html = `<${around}>${html}</${around}>`
  template.innerHTML = trust(html)
  const { content } = template
  if (around) content.replaceChildren(...(content.firstChild as Element).childNodes)
  return content
}
