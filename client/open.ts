/** `<details open>` and `<dialog open>` are the user's to toggle: only a change of the server's mind overrules that. */

const OPENABLE = 'details,dialog'

/** What the server rendered last. */
const rendered = new WeakMap<Element, boolean>()

export function rememberOpen(root: Element): void {
  root.querySelectorAll(OPENABLE).forEach((element) => {
    if (!rendered.has(element)) rendered.set(element, element.hasAttribute('open'))
  })
}

/** Before `from` becomes `to`: makes `to` what the page is to show. */
export function keepOpen(from: Element, to: Element): void {
  if (!from.matches(OPENABLE)) return
  const before = rendered.get(from) ?? from.hasAttribute('open')
  const now = to.hasAttribute('open')
  rendered.set(from, now)
  if (before === now) to.toggleAttribute('open', from.hasAttribute('open'))
  // Taking the attribute off a modal dialog would leave the page inert behind it.
  else if (!now && from instanceof HTMLDialogElement) from.close()
}
