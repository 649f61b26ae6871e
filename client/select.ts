/** A `<select>`'s state, which is spread over its options: by value, since options come and go. */

/** What the server marked as selected. */
export function defaultValues(select: HTMLSelectElement): string[] {
  return [...select.options].filter((option) => option.defaultSelected).map((option) => option.value)
}

export function selectedValues(select: HTMLSelectElement): string[] {
  return [...select.selectedOptions].map((option) => option.value)
}

/** As the browser does when it resets a form: where nothing is selected it chooses what it shows then. */
export function resetSelect(select: HTMLSelectElement): void {
  for (const option of select.options) option.selected = option.defaultSelected
}

/** Chooses `values` again; where they are no longer offered, what the server marked. */
export function restoreSelect(select: HTMLSelectElement, values: string[]): void {
  const isChosen = ({ value }: HTMLOptionElement) => values.includes(value)
  if (values.length && ![...select.options].some(isChosen)) return resetSelect(select)
  for (const option of select.options) option.selected = isChosen(option)
}
