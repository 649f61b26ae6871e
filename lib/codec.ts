// Made by scripts/edge.mjs from the table in src/codec.rs. Not to be edited.

export const enum Action {
  NONE = 0,
  RELOAD = 1,
  REDIRECT = 2,
}

export const enum Bound {
  CALL_SIZE = 7,
  PROPS_DEPTH = 32,
  TREE_DEPTH = 64,
  CALLS = 1024,
  MESSAGE = 4294967295,
}

export const enum From {
  TIMER = 0,
  TASK = 1,
  TOPIC = 2,
  COMPONENT = 3,
  PRESENCE = 4,
  VIEWERS = 5,
  SERVER = 6,
  PARENT = 7,
  AGAIN = 8,
}

export const enum JobKind {
  CALL = 0,
  ABORT = 1,
  REPLY = 2,
  SETTLE = 3,
  RELAY = 4,
  LOG = 5,
  FORGET = 6,
  CALLS = 7,
  NEXT_VALUE = 8,
  END_TASK = 9,
  STORE = 10,
  ANNOUNCED = 11,
  TIMED = 12,
}

export const enum Joins {
  MOUNT = 0,
  CHECKPOINT = 1,
  RESUME = 2,
  SHOWN = 3,
  SHARED = 4,
  SHARED_STATE = 5,
  VIEWER = 6,
  CHILD = 7,
}

export const enum LogLevel {
  ERROR = 0,
  WARN = 1,
}

export const enum Part {
  VALUE = 0,
  DONE = 1,
  ERROR = 2,
}

export const enum PropsOp {
  TEXT = 0,
  KEEP = 1,
  OBJECT = 2,
  ARRAY = 3,
  SHIFT = 3,
  DROP = 4,
  MOVE = 5,
  MORE = 6,
}

export const enum RowStep {
  KEEP = 0,
  DROP = 1,
  MOVE = 2,
  ROW = 3,
}

export const enum Status {
  DONE = 0,
  FAILED = 1,
  UNKNOWN_HANDLER = 2,
  PROPS_NEEDED = 3,
  DONE_ANEW = 4,
  REFUSED = 5,
  DONE_KEEPING_FORM = 6,
  WAITS = 7,
  TASK_VALUE = 8,
  TASK_DONE = 9,
  TASK_FAILED = 10,
  ALLOWED = 11,
  FAILED_FOR_NOW = 12,
  FROZEN = 64,
  BESIDE = 128,
}

export const enum TreeOp {
  TEXT = 0,
  HTML = 1,
  TREE = 2,
  LIST = 3,
  SHIFT = 3,
  JSON = 4,
  SAME = 5,
  EACH = 6,
  SANITIZED = 7,
}

export const AGAIN = 'loom.again' as const

export const EVENT_TYPES = ['click', 'input', 'change', 'submit', 'reset', 'keydown', 'keyup', 'focus', 'blur'] as const

export const MODEL = 'model' as const

export const SUBMIT = 'submit' as const
