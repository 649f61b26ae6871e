/** `<img data-l-preview="…">` shows a file before it is sent: the file of an id, or the last one of an upload. */

import { core, entries, type Entry } from './files'

const shown = new WeakMap<Element, Entry>()

export function showPreviews(): void {
  for (const image of document.querySelectorAll<HTMLImageElement>(`img[data-l-preview]${core.OURS}`)) show(image)
}

function show(image: HTMLImageElement): void {
  const { own, CONTAINER } = core
  const name = own.getAttribute(image, 'data-l-preview')
  const container = own.closest(image, CONTAINER)
  const entry = [...entries]
    .reverse()
    .find((one) => one.container === container && (one.serverId === name || one.upload === name))
  if (!entry || shown.get(image) === entry) return
  shown.set(image, entry)
  const url = URL.createObjectURL(entry.file)
  image.onload = image.onerror = () => URL.revokeObjectURL(url)
  image.src = url
}
