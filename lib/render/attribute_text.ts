/**
 * A value for an attribute that is a text and also has methods: `on('like').optimistic(…)`, `js.show('#menu')`. The
 * value is compared, escaped and sent as its text.
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
