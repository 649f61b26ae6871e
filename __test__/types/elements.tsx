// An application names the attributes of its own custom elements.

import type { Tree } from 'loom-live'

declare module 'loom-live/jsx-runtime' {
  namespace JSX {
    interface IntrinsicElements {
      'x-labelled': Attributes & { label: string }
    }
  }
}

export const tabs: Tree[] = [
  <x-labelled label="First" class="tab" />,
  // Others take any attributes, as before.
  <x-unknown anything={7} class="other" />,
  // @ts-expect-error a label is a text
  <x-labelled label={7} />,
  // @ts-expect-error it has to have one
  <x-labelled />,
  // @ts-expect-error a handler is a name
  <x-unknown onClick={() => undefined} />,
]
