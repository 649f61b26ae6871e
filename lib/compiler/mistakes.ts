/** What is wrong with a file of JSX, and where. */
export class JsxError extends Error {
  readonly code = 'LOOM_TEMPLATE'

  constructor(
    /** What is wrong and what to do, without the place. */
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
