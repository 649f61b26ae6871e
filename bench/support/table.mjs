// Markdown tables.

export function table(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`
  const rule = head.map((_, column) => (column < 2 ? '---' : '---:'))
  return [line(head), line(rule), ...rows.map(line)].join('\n')
}
