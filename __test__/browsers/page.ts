/** A page of a browser under test. What the browsers do differently are the abstract methods; the rest builds on them. */

export const PATIENCE_MS = 10_000

/** A function that runs in the page. It sees its arguments and the page, nothing of the test around it. */
export type InPage<Given extends unknown[], Result> = (...given: Given) => Result | Promise<Result>

type Point = [x: number, y: number]

/** Between two steps of a drag. */
export const STEP_MS = 30
const STEPS = 12

/** The points along which the mouse drags. */
export function stepsBetween([left, top]: Point, [right, bottom]: Point): Point[] {
  // The last one twice: what follows the mouse has seen it rest there.
  return Array.from({ length: STEPS + 1 }, (_, step) => {
    const part = Math.min(step + 1, STEPS) / STEPS
    return [Math.round(left + (right - left) * part), Math.round(top + (bottom - top) * part)]
  })
}

export abstract class Page {
  /** Resolves once the page has loaded. */
  abstract goto(url: string): Promise<void>
  abstract back(): Promise<void>
  abstract forward(): Promise<void>
  abstract reload(): Promise<void>
  /** Arguments and result are JSON; undefined stays undefined. */
  abstract evaluate<Given extends unknown[], Result>(work: InPage<Given, Result>, ...given: Given): Promise<Result>
  /** A click of the mouse in the middle of the element, which is scrolled to. */
  abstract click(selector: string): Promise<void>
  /** The mouse takes the middle of the one element to the middle of the other, by several steps. */
  abstract drag(from: string, to: string): Promise<void>
  /** Keys go to what has the focus. `key`: a character, or a name of `KeyboardEvent.key`; "Shift+Tab" holds Shift. */
  abstract press(key: string): Promise<void>
  /** Types the characters, one key after the other, into what has the focus. */
  abstract keys(text: string): Promise<void>
  /** The screen, in CSS pixels: a telephone's is 360 wide. */
  abstract resize(width: number, height: number): Promise<void>
  /** Runs the text of a script in the page, whatever the page's policy says of scripts. */
  abstract run(script: string): Promise<void>
  /** A PNG. */
  abstract screenshot(): Promise<Uint8Array>
  abstract close(): Promise<void>

  /** Types behind what the field holds. */
  async type(selector: string, text: string): Promise<void> {
    await this.focus(selector)
    await this.keys(text)
  }

  /** Puts the focus on the element, and the caret, if it has one, behind its text. */
  async focus(selector: string): Promise<void> {
    await this.evaluate((where) => {
      const found = document.querySelector<HTMLInputElement>(where)
      if (!found) throw new Error(`There is no ${where}`)
      if (document.activeElement !== found) HTMLElement.prototype.focus.call(found)
      // Number fields and their like have no caret that scripts may set.
      if (/^(text|search|url|tel|password|textarea)$/.test(found.type))
        found.setSelectionRange(found.value.length, found.value.length)
    }, selector)
  }

  /** Chooses the options of these values, as a user does. */
  async select(selector: string, ...values: string[]): Promise<void> {
    await this.evaluate(
      (where, wanted) => {
        const found = document.querySelector(where) as HTMLSelectElement
        for (const option of found.options) option.selected = wanted.includes(option.value)
        for (const type of ['input', 'change']) found.dispatchEvent(new Event(type, { bubbles: true }))
      },
      selector,
      values,
    )
  }

  /** The property of the first such element. */
  async property(selector: string, name: string): Promise<unknown> {
    return this.evaluate(
      (where, what) => (document.querySelector(where) as unknown as Record<string, unknown>)[what],
      selector,
      name,
    )
  }

  /** In the window, to which the element is scrolled. */
  async middleOf(selector: string): Promise<Point> {
    return this.evaluate((where) => {
      const found = document.querySelector(where)
      if (!found) throw new Error(`There is no ${where}`)
      found.scrollIntoView({ block: 'nearest', behavior: 'instant' })
      const { left, top, width, height } = found.getBoundingClientRect()
      return [Math.round(left + width / 2), Math.round(top + height / 2)]
    }, selector)
  }

  async text(selector: string): Promise<string> {
    return this.evaluate((where) => document.querySelector(where)?.textContent.trim() ?? '', selector)
  }

  /** Waits until `look` gives something that is true, and gives it. A page that is on its way elsewhere is waited for. */
  async until<Given extends unknown[], Result>(
    look: InPage<Given, Result>,
    ...given: Given
  ): Promise<NonNullable<Result>> {
    const end = Date.now() + PATIENCE_MS
    let problem: unknown
    for (;;) {
      try {
        const found = await this.evaluate(look, ...given)
        if (found) return found
        problem = undefined
      } catch (error) {
        problem = error
      }
      if (Date.now() > end)
        throw new Error(`Expected ${String(look)} with ${JSON.stringify(given)} to hold`, { cause: problem })
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }

  /** Waits until the element says this. */
  async shows(selector: string, text: string): Promise<void> {
    await this.until((where, what) => document.querySelector(where)?.textContent.trim() === what, selector, text)
  }

  /** Waits until all components are joined and nothing is on its way: every answer has been shown. */
  async settled(): Promise<void> {
    await this.until(() => {
      const containers = [...document.querySelectorAll('[data-l-live]')]
      return containers.length > 0 && containers.every((one) => one.getAttribute('data-l-state') === 'live')
    })
  }
}

/** A browser's process. */
export interface Browser {
  newPage(): Promise<Page>
  close(): Promise<void>
}
