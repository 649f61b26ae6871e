/** The files that users choose, drop and paste. They are checked before anything is sent. */

import { core } from './files'

/** Files that a user has given to an input, or to an element that takes dropped files. */
export interface Chosen {
  container: Element
  upload: string
  files: File[]
  /** For each of `files`, why it is refused; empty if it is not. */
  refusals: string[]
  input: HTMLInputElement | undefined
}

const DROP = '[data-l-drop]'
const INPUT = 'input[type=file][data-l-upload]'
const ZONE_STATE = 'data-l-over'

/**
 * The input of the upload in the same container. Its attributes say which files are taken, also if they are dropped.
 */
function inputOf(container: Element, upload: string): HTMLInputElement | undefined {
  const { own, CONTAINER, OURS } = core
  return [...container.querySelectorAll<HTMLInputElement>(`input[data-l-upload="${CSS.escape(upload)}"]${OURS}`)].find(
    (input) => own.closest(input, CONTAINER) === container,
  )
}

function isAccepted({ name, type }: File, accept: string): boolean {
  const list = accept
    .toLowerCase()
    .split(',')
    .map((one) => one.trim())
    .filter(Boolean)
  return (
    !list.length ||
    list.some((one) =>
      one[0] === '.'
        ? name.toLowerCase().endsWith(one)
        : one.endsWith('/*')
          ? type.startsWith(one.slice(0, -1))
          : type === one,
    )
  )
}

function chosen(element: Element, upload: string, files: FileList | File[]): Chosen | undefined {
  const { own, CONTAINER } = core
  const container = own.closest(element, CONTAINER)
  if (!container || !files.length) return
  const input = element instanceof HTMLInputElement ? element : inputOf(container, upload)
  if (input && own.matches(input, ':disabled')) return
  const accept = input?.accept ?? ''
  const most = Number(input && own.getAttribute(input, 'data-l-max-bytes')) || Infinity
  const list = [...files]
  const refusals = list.map((file, index) => {
    if (input && !input.multiple && index) return 'many'
    if (file.size > most) return 'large'
    return isAccepted(file, accept) ? '' : 'type'
  })
  return { container, upload, files: list, refusals, input }
}

/** Listens for chosen, dropped and pasted files. */
export function listen(take: (chosen: Chosen | undefined) => void): void {
  const { own } = core
  const nameOf = (element: Element, name: string) => own.getAttribute(element, name) ?? ''
  const takeInput = (input: HTMLInputElement) => {
    if (input.files) take(chosen(input, nameOf(input, 'data-l-upload'), input.files))
  }
  document.addEventListener(
    'change',
    ({ target }) => {
      if (target instanceof HTMLInputElement && own.matches(target, INPUT + core.OURS)) takeInput(target)
    },
    true,
  )
  // Files may have been chosen while this script was being loaded.
  document.querySelectorAll<HTMLInputElement>(INPUT + core.OURS).forEach(takeInput)

  let over: Element | null = null
  const mark = (zone: Element | null) => {
    if (zone === over) return
    over?.removeAttribute(ZONE_STATE)
    over = zone
    zone?.setAttribute(ZONE_STATE, '')
  }
  const zoneOf = ({ target }: Event) => (target instanceof Element ? own.closest(target, DROP + core.OURS) : null)
  const hasFiles = (data: DataTransfer | null): data is DataTransfer => !!data?.types.includes('Files')
  document.addEventListener('dragover', (event) => {
    const zone = hasFiles(event.dataTransfer) ? zoneOf(event) : null
    mark(zone)
    if (zone) event.preventDefault()
  })
  document.addEventListener('dragleave', (event) => {
    if (!event.relatedTarget) mark(null)
  })
  document.addEventListener('drop', (event) => {
    const zone = zoneOf(event)
    mark(null)
    if (!zone || !hasFiles(event.dataTransfer)) return
    event.preventDefault()
    take(chosen(zone, nameOf(zone, 'data-l-drop'), event.dataTransfer.files))
  })
  document.addEventListener('paste', (event) => {
    const zone = zoneOf(event)
    if (!zone || !hasFiles(event.clipboardData)) return
    event.preventDefault()
    take(chosen(zone, nameOf(zone, 'data-l-drop'), event.clipboardData.files))
  })
}
