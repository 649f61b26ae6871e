import { invalid } from '../check'
import { LoomError } from '../errors'
import { native } from '../native'

/** Elements that may be a component's container: parts of tables and lists, and others that may hold anything. */
const CONTAINERS: ReadonlySet<unknown> = new Set(
  (
    'div span p section article aside main header footer nav search address blockquote figure figcaption fieldset ' +
    'hgroup h1 h2 h3 h4 h5 h6 ul ol menu li dl dt dd table caption colgroup thead tbody tfoot tr td th'
  ).split(' '),
)

/** A custom element's name. */
const CUSTOM = /^[a-z][a-z\d]*(-[a-z\d]+)+$/

/** SVG and MathML have elements with a hyphen, too: these are not custom elements. */
const FOREIGN = /^(annotation-xml|color-profile|font-face.*|missing-glyph)$/

export function checkContainer(as: unknown): string {
  if (typeof as === 'string' && (CONTAINERS.has(as) || (CUSTOM.test(as) && !FOREIGN.test(as)))) return as
  throw invalid(
    'the name of an element that can hold a component ("div", "tbody", "tr", "ul", "li", "section" and their like, or a custom element), in lower case,',
    'the option as of mount',
    as,
  )
}

/** @throws LoomError if a browser would not leave all of the HTML in the container. */
export function checkStanding(module: string, container: string, html: string): void {
  const found = native.misplaced(container, html)
  if (found === null) return
  const { what, container: other } = found
  const mend =
    other === undefined
      ? 'Put it into an element that may stand there, or mount the component as another element, as in { as: "div" }'
      : `Mount the component as a part of a table, { as: ${JSON.stringify(other)} }, and put the result of mount into the ` +
        `page's <table>; or render the whole <table>`
  throw new LoomError(
    'LOOM_TEMPLATE',
    `render of module ${module}: ${what} cannot stand in <${container}>, its container: a browser would move it out of the ` +
      `component, where no update reaches it. ${mend}`,
  )
}
