declare module 'parse-prometheus-text-format' {
  /** Gives the families of metrics, as JSON has them. */
  export default function parse(text: string): unknown[]
}
