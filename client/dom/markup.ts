/** The one place where text becomes elements. */

import { own } from './elements'

/** What a policy makes trusted: HTML, a script's text, and a script's address. */
type Kind = 'createHTML' | 'createScript' | 'createScriptURL'

type Policy = Record<Kind, (text: string) => string>

interface TrustedTypes {
  'createPolicy'(name: string, rules: Policy): Policy
}

/**
 * A page that demands Trusted Types can allow this policy by its name. The policy only lets the server's texts through.
 */
function makePolicy(): Policy | undefined {
  try {
    const types = (window as { trustedTypes?: TrustedTypes }).trustedTypes
    const pass = (text: string): string => text
    return types?.createPolicy('loom-live', { createHTML: pass, createScript: pass, createScriptURL: pass })
  } catch {
    return undefined
  }
}

const policy = makePolicy()

/** A text that the server has rendered, in the form that the browser takes also if a page demands Trusted Types. */
export function trust(text: string, kind: Kind = 'createHTML'): string {
  return policy ? policy[kind](text) : text
}

/** Stands at the place of a slot while the template is parsed. A noncharacter, which no page contains. */
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
