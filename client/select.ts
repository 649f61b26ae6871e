/** A `<select>`'s state, which is spread over its options, which come and go. */

export interface Choice {
  option: HTMLOptionElement
  value: string
  /** The value, and how many options of this value are before it: two may have the same. */
  key: string
}

function choices(select: HTMLSelectElement): Choice[] {
  const keys = new Set<string>()
  return [...select.options].map((option) => {
    const { value } = option
    let key = `${value}\n`
    while (keys.has(key)) key += '+'
    keys.add(key)
    return { option, value, key }
  })
}

/** What the server marked as selected. */
export function markedIn(select: HTMLSelectElement): string {
  return JSON.stringify(choices(select).map(({ option, key }) => option.defaultSelected && key))
}

/** Undefined if there is nothing to choose. */
export function chosenIn(select: HTMLSelectElement): Choice[] | undefined {
  const chosen = choices(select).filter(({ option }) => option.selected)
  return chosen[0] || select.querySelector(':enabled') ? chosen : undefined
}

/** As the browser does when it resets a form: where nothing is selected it chooses what it shows then. */
export function resetSelect(select: HTMLSelectElement): void {
  for (const option of select.options) option.selected = option.defaultSelected
}

/** Chooses the same again; where nothing of it is offered any more, what the server marked. */
export function restoreSelect(select: HTMLSelectElement, chosen: Choice[] | undefined): void {
  const now = choices(select)
  const again = chosen
    ?.map(({ option, value, key }) =>
      select.contains(option) && option.value === value ? option : now.find((one) => one.key === key)?.option,
    )
    .filter(Boolean)
  if (!again || (chosen?.[0] && !again[0])) return resetSelect(select)
  if (!again[0]) select.selectedIndex = -1
  else for (const { option } of now) option.selected = again.includes(option)
}
