//! The codes of log lines and of failures that are counted. `docs/telemetry.md` has a row for each.

/// The subject of a log line, or of a failure that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// A panic, which is a fault of this library.
    Fault,
    /// A callback of a module has thrown, or its result cannot be used.
    Failed,
    /// The module has no handler of the name that a page sent.
    UnknownHandler,
    /// A callback took longer than `limits.handlerTime`.
    Deadline,
    /// `authorize` refused.
    Refused,
    /// A form has too many fields, or could not be taken.
    Form,
    /// An event was not handled: too many wait, too many came, or the names in it are too long.
    Flood,
    /// An event came too late.
    Expired,
    /// More pages join than may wait.
    Busy,
    /// The application is closing.
    Stopped,
    /// A page could not join.
    Join,
    /// A connection was closed by the server, or could not be taken over.
    Connection,
    /// There are no file descriptors left, or some again.
    Descriptors,
    /// Redis is away, back, or not as it has to be.
    Redis,
    /// The store fails, or works again.
    Store,
    /// A topic fails, or messages are lost.
    Topic,
    /// Presence does not work.
    Presence,
    /// A shared component cannot be reached or handed over.
    Shared,
    /// A message of another process cannot be opened with this secret.
    Secret,
    /// A state cannot be in a checkpoint, or a checkpoint cannot be made.
    Checkpoint,
    /// A component goes on in another process.
    Moved,
    /// A state has something for receivers that the module lacks.
    Receivers,
    /// The same nested component stands twice in a render.
    Nested,
    /// A template's value was not safe in its place and was left out.
    Value,
}

impl Code {
    /// All codes, each at the place of its number.
    pub const ALL: [Self; 24] = [
        Self::Fault,
        Self::Failed,
        Self::UnknownHandler,
        Self::Deadline,
        Self::Refused,
        Self::Form,
        Self::Flood,
        Self::Expired,
        Self::Busy,
        Self::Stopped,
        Self::Join,
        Self::Connection,
        Self::Descriptors,
        Self::Redis,
        Self::Store,
        Self::Topic,
        Self::Presence,
        Self::Shared,
        Self::Secret,
        Self::Checkpoint,
        Self::Moved,
        Self::Receivers,
        Self::Nested,
        Self::Value,
    ];

    /// The code as an operator sees it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fault => "LOOM_FAULT",
            Self::Failed => "LOOM_FAILED",
            Self::UnknownHandler => "LOOM_UNKNOWN_HANDLER",
            Self::Deadline => "LOOM_DEADLINE",
            Self::Refused => "LOOM_REFUSED",
            Self::Form => "LOOM_FORM",
            Self::Flood => "LOOM_FLOOD",
            Self::Expired => "LOOM_EXPIRED",
            Self::Busy => "LOOM_BUSY",
            Self::Stopped => "LOOM_STOPPED",
            Self::Join => "LOOM_JOIN",
            Self::Connection => "LOOM_CONNECTION",
            Self::Descriptors => "LOOM_DESCRIPTORS",
            Self::Redis => "LOOM_REDIS",
            Self::Store => "LOOM_STORE",
            Self::Topic => "LOOM_TOPIC",
            Self::Presence => "LOOM_PRESENCE",
            Self::Shared => "LOOM_SHARED",
            Self::Secret => "LOOM_SECRET",
            Self::Checkpoint => "LOOM_CHECKPOINT",
            Self::Moved => "LOOM_MOVED",
            Self::Receivers => "LOOM_RECEIVERS",
            Self::Nested => "LOOM_NESTED",
            Self::Value => "LOOM_VALUE",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_stands_at_its_number_and_has_a_name_of_its_own() {
        let mut names = std::collections::HashSet::new();
        for (number, code) in Code::ALL.into_iter().enumerate() {
            assert_eq!(code as usize, number);
            assert!(code.name().starts_with("LOOM_"));
            assert!(names.insert(code.name()));
        }
    }
}
