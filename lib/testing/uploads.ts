/** Files for uploads, and a gate that says how many of their bytes are sent. */

import type { TestFile } from '../../testing'
import type { Window } from './window'

/** Lets a part of an upload's bytes pass, and holds the others until the gate is opened. */
export class Gate {
  /** How many bytes have passed. */
  passed = 0
  private readonly opened: Promise<void>
  private isOpen = false
  private release: () => void = () => undefined

  constructor(private readonly most: number) {
    this.opened = new Promise((resolve) => {
      this.release = resolve
    })
  }

  /** How many of the next bytes may go now. */
  take(bytes: number): number {
    const count = this.isOpen ? bytes : Math.max(0, Math.min(bytes, this.most - this.passed))
    this.passed += count
    return count
  }

  get isReached(): boolean {
    return this.passed >= this.most
  }

  async wait(): Promise<void> {
    await this.opened
  }

  open(): void {
    this.isOpen = true
    this.release()
  }
}

/** Puts files into an input, as the user chooses them. */
export function chooseFiles(window: Window, input: HTMLInputElement, files: readonly TestFile[]): number {
  const { File } = window
  const made = files.map(({ name, content, type = '' }) => new File([content as string], name, { type }))
  const list = Object.assign([...made], { item: (at: number) => made[at] ?? null })
  Object.defineProperty(input, 'files', { configurable: true, get: () => list })
  return made.reduce((sum, { size }) => sum + size, 0)
}
