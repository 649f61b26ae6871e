/** A page's HTML as a test shows it: one element a line, without attributes that differ from run to run. */

/** Attributes that only the client and the server need. */
const OURS = /^data-l-(token|state|ws|params|key|live)$/

const VOID = /^(area|base|br|col|embed|hr|img|input|link|meta|source|track|wbr)$/

/** Longer lines are broken. */
const WIDTH = 100

function escaped(text: string, isAttribute: boolean): string {
  const safe = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  return isAttribute ? safe.replaceAll('"', '&quot;') : safe.replaceAll('>', '&gt;')
}

/** The element's tag, as it is written. */
export function tagOf(element: Element): string {
  const isSealed = /^loom/.test(element.getAttribute('name') ?? '')
  const attributes = [...element.attributes]
    .filter(({ name }) => !OURS.test(name) && !(isSealed && name === 'value'))
    .map(({ name, value }) => (value === '' ? ` ${name}` : ` ${name}="${escaped(value, true)}"`))
  return `<${element.localName}${attributes.join('')}>`
}

/** The node's content, with a line for each element that has other elements in it. */
export function htmlOf(node: Element): string {
  return linesOf(node, '').join('\n')
}

function linesOf(parent: Node, indent: string): string[] {
  const lines: string[] = []
  let text = ''
  const end = (): void => {
    const trimmed = text.replaceAll(/\s+/g, ' ').trim()
    if (trimmed !== '') lines.push(indent + trimmed)
    text = ''
  }
  const isInline = (element: Element): boolean =>
    /^(a|abbr|b|bdi|cite|code|em|i|kbd|mark|q|s|small|span|strong|sub|sup|time|u)$/.test(element.localName) &&
    element.children.length === 0
  for (const node of parent.childNodes) {
    if (node.nodeType === 3) text += escaped(node.nodeValue ?? '', false)
    if (node.nodeType !== 1) continue
    const element = node as Element
    const inner =
      element.localName === 'textarea' ? [escaped(element.textContent, false)] : linesOf(element, `${indent}  `)
    const tag = tagOf(element)
    const close = VOID.test(element.localName) ? '' : `</${element.localName}>`
    const [only = ''] = inner
    const isFlat = inner.length <= 1 && element.children.length <= (inner.length === 0 ? 0 : 1)
    const flat = tag + only.trim() + close
    if (isFlat && isInline(element)) text += flat
    else {
      end()
      if (isFlat && indent.length + flat.length <= WIDTH) lines.push(indent + flat)
      else lines.push(indent + tag, ...inner, ...(close === '' ? [] : [indent + close]))
    }
  }
  end()
  return lines
}

/** The text that a user reads, without the spaces that only the markup has. */
export function textOf(element: Element): string {
  return element.textContent.replaceAll(/\s+/g, ' ').trim()
}
