/** A mistake in a file of JSX, with its place. */
export class JsxError extends Error {
  readonly code = 'LOOM_TEMPLATE'

  constructor(
    /** The mistake and what to do, without the place. */
    readonly text: string,
    readonly file: string | undefined,
    /** Counted from 1. */
    readonly line: number,
    /** Counted from 0. */
    readonly column: number,
    options?: ErrorOptions,
  ) {
    super(`${text} (at ${file ?? 'the source'}:${line}:${column + 1})`, options)
    this.name = 'JsxError'
  }
}
