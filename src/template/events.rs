//! The events that a handler can be bound to, and the modifiers that may stand behind their names: see
//! `modifiers.rs`.

/// The events that have a short name, `data-l-click`. The client listens to them in each page. All other
/// events, and the modifiers, are in a file that the client loads if a page needs it.
pub const EVENTS: [&str; 9] = [
    "click", "input", "change", "submit", "reset", "keydown", "keyup", "focus", "blur",
];

/// The attribute of any other binding begins so; the event's name and the modifiers follow.
pub(super) const LONG: &str = "data-l-on-";

/// The modifiers that may stand behind the name of any event.
pub(super) const MODIFIERS: [&str; 13] = [
    "prevent", "stop", "once", "self", "outside", "window", "document", "debounce", "throttle",
    "ctrl", "shift", "alt", "meta",
];
