/** Handlers that take as long as a test wants. */

export interface Gate {
  /** For a handler: resolves at once, or while the gate is closed when it is opened. */
  passed(): Promise<void>
  close(): void
  open(): void
}

export function createGate(): Gate {
  let way: Promise<void> = Promise.resolve()
  let open = (): void => undefined
  return {
    passed: () => way,
    close: () => void (way = new Promise((resolve) => (open = resolve))),
    open: () => open(),
  }
}
