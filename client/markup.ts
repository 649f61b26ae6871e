/** The one place where text becomes elements. */

interface Policy {
  createHTML(html: string): string
}

interface TrustedTypes {
  createPolicy(name: string, rules: Policy): Policy
}

/** Where a page demands Trusted Types it can allow this policy by its name. What it lets through is the server's. */
function makePolicy(): Policy | undefined {
  try {
    const types = (window as { trustedTypes?: TrustedTypes }).trustedTypes
    return types?.createPolicy('loom-live', { createHTML: (html) => html })
  } catch {
    return undefined
  }
}

const policy = makePolicy()

/** A document without a page: nothing in it loads, runs or upgrades. */
const inert = document.implementation.createHTMLDocument('')

/** `html` as the children of a copy of `container`: parsed as it would be there (in a table, in an SVG). */
export function parse(container: Element, html: string): Element {
  const copy = inert.importNode(container, false)
  copy.innerHTML = policy ? policy.createHTML(html) : html
  return copy
}
