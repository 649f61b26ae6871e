/**
 * What the rest of the client knows of the wire: these shapes, and nothing of how they are written.
 * A dialect (`classic.ts`) turns them into frames and back.
 */

/** What a component shows. It is made from the server's messages, and never changes: a patch gives a new one. */
export interface View {
  html(): string
  /** The view after `change`; the same object where nothing changed. Throws where the change is malformed. */
  patched(change: unknown): View
}

export type Message =
  /** `view` is undefined where the tree was malformed. */
  | { type: 'trees'; id: string; view: View | undefined }
  | { type: 'patch'; id: string; change: unknown }
  | { type: 'error'; id: string; error: string }
  | { type: 'redirect'; url: string }

export interface SpecialVars {
  value?: string
  checked?: boolean
  key?: string
}

export interface LiveEvent {
  handler: string
  type: string
  vars: SpecialVars
}

export interface Dialect {
  /** WebSocket subprotocols to ask for. */
  protocols: string[]
  join(id: string, module: string, token: string): string
  event(id: string, event: LiveEvent): string
  leave(id: string): string
  /** Undefined where the frame says nothing that this dialect understands. */
  read(frame: unknown): Message | undefined
}
