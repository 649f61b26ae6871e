// The messages to a server in each dialect, and how an answer is recognised. The load generator has the same in Rust.

const CLASSIC = {
  join: (module, token) => ({
    text: JSON.stringify({ type: 'join', id: 'c0', module, token }),
    answer: '"type":"trees"',
  }),
  event: (handler, value) => ({
    text: JSON.stringify({ type: 'event', id: 'c0', handler, event: 'click', special_vars: { value } }),
    answer: '"type":"patch"',
  }),
}

const EXTENDED = {
  join: (module, token) => ({ text: JSON.stringify(['j', 0, module, token]), answer: '["j",0,' }),
  event: (handler, value) => ({ text: JSON.stringify(['e', 0, 1, 0, handler, 'click', { v: value }]), answer: '[0,' }),
}

/** The dialect of a WebSocket subprotocol; the classic dialect has none. */
export function dialectOf(protocol) {
  return protocol === undefined ? CLASSIC : EXTENDED
}
