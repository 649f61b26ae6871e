/** A `<select>`'s state. It is spread over the options, and options come and go. */

/** An option as it was. */
interface Choice {
  option: HTMLOptionElement
  value: string
  /** The value, with a "+" for each earlier option of the same value: two options may have the same. */
  key: string
}

export interface Choices {
  chosen: Choice[]
  /** What the server marked as selected. */
  marked: Choice[]
  /** Was there an option that could be chosen? */
  isOffered: boolean
}

function choicesIn(select: HTMLSelectElement): Choice[] {
  const keys = new Set<string>()
  return [...select.options].map((option) => {
    const { value } = option
    let key = `${value}\n`
    while (keys.has(key)) key += '+'
    keys.add(key)
    return { option, value, key }
  })
}

export function choicesOf(select: HTMLSelectElement): Choices {
  const all = choicesIn(select)
  return {
    chosen: all.filter(({ option }) => option.selected),
    marked: all.filter(({ option }) => option.defaultSelected),
    isOffered: !!select.querySelector(':enabled'),
  }
}

/** As a browser resets a form: without a chosen option, the browser chooses one itself if the select shows one. */
export function resetSelect(select: HTMLSelectElement): void {
  select.selectedIndex = 0
  for (const option of select.options) option.selected = option.defaultSelected
}

/**
 * Chooses the same options again; if none of them is offered any more, those that the server marked. True if the server
 * marks other options now.
 */
export function restoreSelect(select: HTMLSelectElement, { chosen, marked, isOffered }: Choices): boolean {
  const all = choicesIn(select)
  const find = ({ option, value, key }: Choice) =>
    (all.find((one) => one.option === option && one.value === value) ?? all.find((one) => one.key === key))?.option
  const again = chosen.map(find).filter(Boolean)
  if (again[0]) for (const { option } of all) option.selected = again.includes(option)
  else if (isOffered && !chosen[0]) select.selectedIndex = -1
  else resetSelect(select)
  const marks = marked.map(find)
  return all.some(({ option }) => option.defaultSelected !== marks.includes(option))
}
