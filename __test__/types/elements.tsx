// An application names the attributes of its own custom elements.

import type { Tree } from 'loom-live'
import type { Attributes } from 'loom-live/jsx-runtime'

declare module 'loom-live/jsx-runtime' {
  namespace JSX {
    interface IntrinsicElements {
      'x-tab': Attributes & { label: string }
    }
  }
}

export const tabs: Tree[] = [
  <x-tab label="First" class="tab" />,
  // Others take any attributes, as before.
  <x-other anything={7} class="other" />,
  // @ts-expect-error a label is a text
  <x-tab label={7} />,
  // @ts-expect-error it has to have one
  <x-tab />,
  // @ts-expect-error a handler is a name
  <x-other onClick={() => undefined} />,
]
