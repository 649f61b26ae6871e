/**
 * What stands in an attribute as a text, and has methods besides: `on('like').optimistic(…)`, `js.show('#menu')`. It is
 * compared, escaped and sent as the text that it is.
 */
export abstract class AttributeText {
  abstract readonly text: string

  toString(): string {
    return this.text
  }

  /** For modules that render JSON. */
  toJSON(): string {
    return this.text
  }
}
