/** A `<select>`'s state, which is spread over its options: by value, since options come and go. */

/** What the server marked as selected. */
export function defaultValues(select: HTMLSelectElement): string[] {
  return [...select.options].filter((option) => option.defaultSelected).map((option) => option.value)
}

export function setDefaults(select: HTMLSelectElement, values: string[]): void {
  for (const option of select.options) option.defaultSelected = values.includes(option.value)
}

export function selectedValues(select: HTMLSelectElement): string[] {
  return [...select.selectedOptions].map((option) => option.value)
}

/** As the browser does when it resets a form. */
export function resetSelect(select: HTMLSelectElement): void {
  const options = [...select.options]
  if (select.multiple) {
    for (const option of options) option.selected = option.defaultSelected
    return
  }
  let index = select.size > 1 ? -1 : options.findIndex((option) => !option.disabled)
  options.forEach((option, at) => {
    if (option.defaultSelected) index = at
  })
  select.selectedIndex = index
}

/** Chooses `values` again; where they are no longer offered, what the server marked. */
export function restoreSelect(select: HTMLSelectElement, values: string[]): void {
  const options = [...select.options]
  if (select.multiple) {
    for (const option of options) option.selected = values.includes(option.value)
    return
  }
  const index = options.findIndex((option) => option.value === values[0])
  if (index >= 0) select.selectedIndex = index
  else resetSelect(select)
}
