//! The events that a handler can be bound to.

/// The events that a handler can be bound to.
pub const EVENTS: [&str; 9] = [
    "click", "input", "change", "submit", "reset", "keydown", "keyup", "focus", "blur",
];
