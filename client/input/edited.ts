/** The text of an element that users edit. */

import { isOn, own } from './core'

/** A control that is bound to a prop. */
export const MODEL = '[data-l-model]'

function isBlock(node: Node): node is HTMLElement {
  return node instanceof HTMLElement && !/^(inline|contents|none)/.test(getComputedStyle(node).display)
}

/**
 * The text as it is shown: a line for each block, as browsers make a block for each Enter. `innerText` alone would make
 * two lines of one that is empty.
 */
function shownText(element: HTMLElement): string {
  const nodes = [...own.childNodes(element)]
  // Without the line break that browsers keep at the end.
  if (!nodes.some(isBlock)) return element.innerText.replace(/\n$/, '')
  const isAsWritten = /^(pre|break)/.test(getComputedStyle(element).whiteSpace)
  const lines: string[] = []
  // Text beside blocks is a line of its own.
  let line = ''
  const end = () => {
    if (isAsWritten ? line : line.trim()) lines.push(line.replace(/\n$/, ''))
    line = ''
  }
  for (const node of nodes) {
    if (isBlock(node)) {
      end()
      lines.push(shownText(node))
    } else if (node instanceof HTMLElement) line += node instanceof HTMLBRElement ? '\n' : node.innerText
    else if (node instanceof Text) line += isAsWritten ? node.data : node.data.replace(/[ \t\n]+/g, ' ')
  }
  end()
  return lines.join('\n')
}

export function editedText(element: Element): string {
  const text = shownText(element as HTMLElement).replace(/\xa0/g, ' ')
  return isOn(element, 'model-trim') ? text.trim() : text
}
