//! Every limit, in one table: its name, unit, default and bounds, what it costs, and what happens if it
//! is exceeded.
//!
//! This table is the only one. `lib/options.ts` gets it as JSON; the table of `docs/limits.md` and `index.d.ts` are
//! compared with it by `__test__/package/limits.test.ts`.

use std::collections::HashMap;
use std::time::Duration;

use serde::Serialize;

/// The unit of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Unit {
    /// Bytes: a whole number.
    Bytes,
    /// How many there may be: a whole number.
    Count,
    /// How many may come each second, or at once after a pause: a whole number.
    Rate,
    /// Milliseconds, with fractions.
    Time,
}

/// A limit as an application sees it.
#[derive(Clone, Debug, Serialize)]
pub struct Limit {
    /// The limit's name in JavaScript.
    pub name: String,
    /// The unit of the limit.
    pub unit: Unit,
    /// The value if the application gives no value.
    pub default: f64,
    /// The smallest value.
    pub least: f64,
    /// The largest value.
    pub most: f64,
}

/// Why a limit cannot be set to a value.
#[derive(Clone, Debug, thiserror::Error, PartialEq)]
pub enum LimitError {
    /// No limit has this name.
    #[error("There is no limit {0:?}")]
    Unknown(String),
    /// The value is out of bounds, or a fraction although the limit takes whole numbers.
    #[error("Expected {expected} from {least} to {most} for limits.{name} but received {value}")]
    Value {
        /// The limit's name in JavaScript.
        name: String,
        /// The kind of number that the limit takes.
        expected: &'static str,
        /// The smallest value.
        least: f64,
        /// The largest value.
        most: f64,
        /// The value that the application gave.
        value: f64,
    },
}

/// The longest time, in milliseconds: ten years. Longer than anything here lasts, short enough for every
/// timer.
const LONGEST: f64 = 10.0 * 365.25 * 86_400_000.0;

impl Unit {
    const fn most(self) -> f64 {
        match self {
            // A tebibyte.
            Self::Bytes => (1_u64 << 40) as f64,
            Self::Count | Self::Rate => (1_u64 << 31) as f64,
            Self::Time => LONGEST,
        }
    }

    const fn expected(self) -> &'static str {
        match self {
            Self::Bytes => "a whole number of bytes",
            Self::Count | Self::Rate => "a whole number",
            Self::Time => "a number of milliseconds",
        }
    }
}

/// The name of a field in JavaScript.
fn camel_case(field: &str) -> String {
    let mut name = String::with_capacity(field.len());
    for (position, word) in field.split('_').enumerate() {
        let mut letters = word.chars();
        match letters.next() {
            Some(first) if position > 0 => name.extend(first.to_uppercase()),
            Some(first) => name.push(first),
            None => {}
        }
        name.push_str(letters.as_str());
    }
    name
}

macro_rules! unit {
    (bytes) => {
        Unit::Bytes
    };
    (count) => {
        Unit::Count
    };
    (rate) => {
        Unit::Rate
    };
    (time) => {
        Unit::Time
    };
}

macro_rules! field {
    (bytes) => {
        usize
    };
    (count) => {
        usize
    };
    (rate) => {
        u32
    };
    (time) => {
        Duration
    };
}

/// A number that is within a limit's bounds, in its field's type.
macro_rules! value {
    (bytes, $number:expr) => {
        $number as usize
    };
    (count, $number:expr) => {
        $number as usize
    };
    (rate, $number:expr) => {
        $number as u32
    };
    (time, $number:expr) => {
        Duration::try_from_secs_f64($number / 1000.0).unwrap_or(Duration::MAX)
    };
}

macro_rules! bound {
    ($default:expr) => {
        $default
    };
    ($default:expr, $given:expr) => {
        $given as f64
    };
}

macro_rules! limits {
    ($($(#[doc = $doc:literal])* $field:ident: $unit:ident = $default:expr $(, least $least:expr)? $(, most $most:expr)?;)*) => {
        /// Bounds on what clients and handlers can make the server hold.
        #[derive(Clone, Debug, PartialEq)]
        pub struct Limits {
            $($(#[doc = $doc])* pub $field: field!($unit),)*
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($field: value!($unit, $default as f64),)* }
            }
        }

        impl Limits {
            /// All limits, in the order in which they are documented.
            pub fn table() -> Vec<Limit> {
                vec![$(Limit {
                    name: camel_case(stringify!($field)),
                    unit: unit!($unit),
                    default: $default as f64,
                    least: bound!(1.0 $(, $least)?),
                    most: bound!(unit!($unit).most() $(, $most)?),
                },)*]
            }

            /// Sets a limit to a value that is within its bounds.
            fn set(&mut self, name: &str, value: f64) {
                $(if camel_case(stringify!($field)) == name {
                    self.$field = value!($unit, value);
                })*
            }
        }
    };
}

limits! {
    /// The largest message that a client may send, in bytes. A larger message closes the connection with
    /// 1009. Default 1 MiB: each connection can make the server hold this much while a message is
    /// incomplete.
    message_bytes: bytes = 1 << 20, most 1 << 29;
    /// How long a message may take to arrive after its first byte. A slower message closes the
    /// connection with 1008. Default 60 s: 1 MiB at 140 kbit/s.
    message_time: time = 60_000;
    /// Components on one connection. One more join is answered with an error; the other components go
    /// on. Default 100. A small component costs about 2 KB.
    components: count = 100;
    /// Events of one component that wait while a handler runs; together they may hold
    /// `message_bytes`. Each further event is answered with an error, in its turn. Default 64.
    queued_events: count = 64;
    /// Different names in the form of an event; each may have many values. An event with more is
    /// answered with an error, and its handler is not called. Default 1,000.
    form_fields: count = 1000;
    /// Bytes that wait for a client that reads slowly. While more wait, the connection's components
    /// take no further event; a client that takes nothing for `dead_after` is disconnected. Default
    /// 1 MiB; each component can exceed the limit by one message.
    outgoing_bytes: bytes = 1 << 20;
    /// Bytes of events and messages that wait, in the whole process; also of what became of the events of a page
    /// of a shared component, at most 64 KiB of text for each, until the page shows that it knows. If more wait,
    /// the user (or the address) that holds most is disconnected with 1013, or loses its parked components.
    /// Default 256 MiB.
    waiting_bytes: bytes = 256 << 20;
    /// Messages that cannot be understood, counted over a connection's life. One more closes the
    /// connection with 1008. Default 16.
    invalid_messages: count = 16;
    /// Calls that wait for the JavaScript thread, in the whole process. While so many wait, no
    /// connection is read from: to clients that looks like a slow network. Default 4,096; a call costs
    /// its event, and its props if JavaScript has no copy of them.
    waiting_calls: count = 4096;
    /// How long `handle` and `render` may take together before the event fails. Default 30 s.
    handler_time: time = 30_000;
    /// A connection on which nothing was received for this long is sent a ping. Default 25 s:
    /// proxies cut idle connections after 30 s to 60 s. Costs one timer.
    ping_after: time = 25_000;
    /// A connection on which nothing was received for this long is dead and is closed. Default
    /// 60 s.
    dead_after: time = 60_000;
    /// How long a component waits for its page to come back when the connection is gone. Default
    /// 60 s; zero ends the component at once. Its state lives on in the client's checkpoint.
    park_time: time = 60_000, least 0;
    /// Parked components: those that wait for their page to come back, in the whole process. For each
    /// one more, the user (or the address) that has most loses the oldest. Default 20,000.
    parked: count = 20_000;
    /// Bytes that parked components may hold, estimated from their props and trees. If they hold more,
    /// the same happens as for `parked`. Default 256 MiB.
    parked_bytes: bytes = 256 << 20;
    /// After how many events, at the latest, a component's state is sealed into a checkpoint. A state of
    /// more than 1 KiB is sealed less often, in proportion to its size, but at least every 1,000 events.
    /// Default 16. After a crash, events since the checkpoint are handled again, at the same cost.
    checkpoint_events: count = 16;
    /// A checkpoint is also made when a component has had no event for this long; for a large state the
    /// time is longer, in proportion, but 30 s at most. Default 250 ms.
    checkpoint_quiet: time = 250;
    /// The largest state that is sealed, in bytes of JSON. The page is told that a larger one does
    /// not survive a crash. Default 256 KiB.
    checkpoint_bytes: bytes = 256 << 10;
    /// Bytes that components may hold, estimated from their props and trees, whether their page is
    /// connected or not. If they hold more, the address that holds most loses its newest component,
    /// which comes back later. Default 1 GiB.
    component_bytes: bytes = 1 << 30;
    /// Bytes that the components of one address may hold, estimated in the same way. If the address is
    /// not known, those of one `bind`. Default 256 MiB.
    component_bytes_per_address: bytes = 256 << 20;
    /// How old an event may be when it is delivered. An older event is not applied, and the page is
    /// told. Default 60 s.
    event_age: time = 60_000;
    /// Events that one connection may send each second, after a burst. Each further event is answered
    /// with an error. Default 100.
    event_rate: rate = 100;
    /// The burst of `event_rate`. Default 500.
    event_burst: rate = 500;
    /// Bytes of messages that one connection may send each second, after a burst. A connection that
    /// sends more is read from more slowly: to its client that looks like a slow network. Default
    /// 256 KiB.
    message_bytes_rate: bytes = 256 << 10;
    /// The burst of `message_bytes_rate`. Default 1 MiB.
    message_bytes_burst: bytes = 1 << 20;
    /// Bytes of messages that all connections of one address together may send each second, after a
    /// burst. A connection that has sent no more than 64 KiB lately does not wait for the others.
    /// Default 8 MiB.
    message_bytes_rate_per_address: bytes = 8 << 20;
    /// The burst of `message_bytes_rate_per_address`. Default 32 MiB.
    message_bytes_burst_per_address: bytes = 32 << 20;
    /// How many bits of an IPv6 address count: addresses that begin with the same bits count as one,
    /// because they usually belong to one customer. Default 64; with 128 each address counts by itself.
    /// IPv4 addresses count by themselves, also those that are written as `::ffff:a.b.c.d`.
    address_prefix: count = 64, most 128;
    /// Connections from one address; one more is closed with 1013. Default 1,000; an unknown address
    /// is not counted.
    connections_per_address: count = 1000;
    /// Upgrades that wait for the application's middleware, hooks or `bind`, in the whole process;
    /// those of one address count as its connections, too. One more is answered with 503. Default
    /// 10,000.
    pending_upgrades: count = 10_000;
    /// How long middleware, hooks and `bind` may take together. An upgrade that takes longer is answered
    /// with 503 and logged. Default 10 s.
    upgrade_time: time = 10_000;
    /// Events that all connections of one address together may send each second, after a burst. Each
    /// further event is answered with an error. Default 5,000: a thousand people behind one address,
    /// none of whom is in a hurry. An unknown address is not counted. Each address that has connections
    /// costs 250 bytes.
    event_rate_per_address: rate = 5000;
    /// The burst of `event_rate_per_address`. Default 20,000: what a thousand pages send again after a
    /// crash.
    event_burst_per_address: rate = 20_000;
    /// Joins that render at the same time, in the whole process, together with pages coming back about
    /// which `authorize` is asked. Others wait, so that events of live pages come first. Default 32.
    joins: count = 32;
    /// Joins, and pages coming back, whose `authorize` or `mount` waits for a promise. While they wait
    /// they do not count as `joins`, so that others may render. One address may have an eighth of them.
    /// Default 1,024.
    async_joins: count = 1024;
    /// Joins, and pages coming back, that wait because of `joins`, `async_joins` or `join_rate`.
    /// Addresses take turns, and so do the modules of an address. If more wait, the newest join of the
    /// address with most is refused, and its client tries again later. Default 10,000; each join that
    /// waits holds its props.
    waiting_joins: count = 10_000;
    /// Joins and pages coming back each second, in the whole process, after a burst. Further ones wait.
    /// Default 5,000, about a third of a core; 10,000 pages are back after a second.
    join_rate: rate = 5000;
    /// The burst of `join_rate`. Default 5,000.
    join_burst: rate = 5000;
    /// Joins and pages coming back from one address each second, after a burst. A further one is
    /// refused, and its client tries again later. Default 1,000; an unknown address is not counted.
    join_rate_per_address: rate = 1000;
    /// The burst of `join_rate_per_address`. Default 5,000: what `connections_per_address` can bring at
    /// once, with five components each.
    join_burst_per_address: rate = 5000;
    /// How old a token may be when its page joins. Default 14 days.
    token_age: time = 14 * 86_400_000;
    /// States in the `store`, in all. For each one more, the user (or the address) that has most loses
    /// the state that has not changed for longest; an old checkpoint of that component is then valid
    /// again, as without a store. Default 1,000,000; a state costs its size and 200 bytes.
    stored: count = 1_000_000;
    /// States in the `store` of one user (`bind`), or of one address if there is no user. Default
    /// 10,000.
    stored_per_holder: count = 10_000;
    /// Tasks that a component runs at a time; a step that begins one more fails. Default 16.
    tasks_per_component: count = 16;
    /// Tasks of all components; a step that begins one more fails. One holder may have a part of them: see
    /// [`quotas`](crate::quotas). Default 10,000.
    tasks: count = 10_000;
    /// Changes of a component in a second that no event asked for; further ones merge. Of a shared component
    /// all changes count, answers among them. Default 30.
    patch_rate: rate = 30;
    /// The least time between two changes of a component that no event asked for, while the tab of its
    /// page is hidden; further ones merge. All are sent when the page is seen again. Default 5 s; less
    /// than `patch_rate` allows has no effect.
    hidden_patch_time: time = 5000, least 0;
    /// The longest time after which `authorize` is asked again about a page that is shown a component with
    /// subscriptions, timers, tasks or a part in presence, or a shared one. Each component, and each page of a shared one, has a time of
    /// its own, of half of this at least. Default 5 min; costs one call of each such page, and one timer of each such
    /// component.
    authorize_time: time = 300_000;
    /// Shared components, in the whole process: those that pages show, that have been shown within
    /// `park_time`, or that were mounted within `mount_time`. One more cannot be mounted, and its pages come
    /// back later. Default 10,000.
    shared: count = 10_000;
    /// Shared components that one address has started. One more cannot be mounted, and its pages come back
    /// later. Default 1,000.
    shared_per_address: count = 1000;
    /// Pages that show one shared component. For one more, a page that is away gives way, or one of the
    /// address that has most; or else the new one comes back later. Default 20,000; each costs about 1.6 KiB
    /// beside its connection.
    viewers: count = 20_000;
    /// How long a shared component that was mounted waits for its first page. Default 10 s.
    mount_time: time = 10_000;
    /// Parsed copies of props that JavaScript keeps, in bytes of their JSON text. Props without a copy
    /// are parsed again; a copy is dropped after 10 to 20 s without use. Default 64 MiB.
    props_cache_bytes: bytes = 64 << 20;
    /// Messages that a topic keeps for subscribers that are behind or away. For each one more the oldest
    /// goes; a subscriber that had not read it is told of a gap. Default 256.
    topic_messages: count = 256;
    /// Bytes of the messages that a topic keeps; each counts its data, its id and 192 bytes. If they are
    /// more, the same happens as for `topic_messages`, but the newest message stays. Default 1 MiB.
    topic_bytes: bytes = 1 << 20;
    /// How long a topic keeps a message. Default 60 s.
    topic_time: time = 60_000;
    /// Bytes of the messages that all topics keep together. If they are more, old messages go, of topics
    /// in turn; subscribers that had not read them are told of a gap. Default 256 MiB.
    topics_bytes: bytes = 256 << 20;
    /// How long the id of a message is remembered, so that the message is not published again under
    /// this id. As long a topic without messages and subscribers is remembered. Default 1 day.
    topic_id_time: time = 86_400_000;
    /// Ids of messages that are remembered, of all topics together. For each one more the oldest is
    /// forgotten. Default 1,000,000; an id costs about 100 bytes.
    topic_ids: count = 1_000_000;
    /// Topics in the whole process. For each one more, a topic gives way that has no subscribers, if
    /// possible one without messages; if there is none, subscribing and publishing fail. Default 100,000; a topic without
    /// messages costs about 500 bytes.
    topics: count = 100_000;
    /// People in a topic whom those who watch its presence are told by their keys and metas. If there are
    /// more, or if keys and metas are more than `message_bytes`, those who watch are told how many there are.
    /// Default 1,000.
    presence: count = 1000;
    /// The largest meta of a component that tracks itself, in bytes of JSON. A step that tracks a larger one
    /// fails. Default 1 KiB.
    presence_meta: bytes = 1 << 10;
    /// How long someone is there whose last component is gone: a page that is loaded again within this time
    /// has not left. Default 5 s.
    presence_grace: time = 5000, least 0;
    /// Components of this process that are tracked, in all topics together; each counts once for each topic. A step that
    /// tracks one more fails. Default 100,000; each costs about 500 bytes, key and meta.
    presence_entries: count = 100_000;
    /// Components that are tracked in one topic, of all processes as far as this one knows. A step that tracks one more
    /// fails. Default 10,000.
    presence_entries_per_topic: count = 10_000;
}

impl Limits {
    /// The defaults, except for the limits in `given`, which are named as in JavaScript.
    ///
    /// # Errors
    /// [`LimitError`] names the limit, the values that it takes, and the value that was given.
    pub fn with(given: &HashMap<String, f64>) -> Result<Self, LimitError> {
        let mut limits = Self::default();
        let table = Self::table();
        for (name, value) in given {
            let found = table.iter().find(|limit| limit.name == *name);
            let limit = found.ok_or_else(|| LimitError::Unknown(name.clone()))?;
            let is_whole = limit.unit == Unit::Time || value.fract() == 0.0;
            if !is_whole || !(limit.least..=limit.most).contains(value) {
                return Err(LimitError::Value {
                    name: name.clone(),
                    expected: limit.unit.expected(),
                    least: limit.least,
                    most: limit.most,
                    value: *value,
                });
            }
            limits.set(name, *value);
        }
        Ok(limits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &str, value: f64) -> Result<Limits, LimitError> {
        Limits::with(&HashMap::from([(name.to_owned(), value)]))
    }

    #[test]
    fn every_limit_can_be_set_to_its_default_and_its_bounds() {
        let table = Limits::table();
        for limit in &table {
            assert_eq!(
                with(&limit.name, limit.default),
                Ok(Limits::default()),
                "{}",
                limit.name
            );
            for bound in [limit.least, limit.most] {
                let limits = with(&limit.name, bound);
                assert_ne!(limits, Ok(Limits::default()), "{} {bound}", limit.name);
                assert!(limits.is_ok(), "{} {bound}", limit.name);
            }
        }
        let names: std::collections::HashSet<_> = table.iter().map(|limit| &limit.name).collect();
        assert_eq!(names.len(), table.len());
    }

    #[test]
    fn what_a_limit_cannot_be_is_an_error_that_says_so() {
        for limit in Limits::table() {
            let wrong = [
                limit.least - 1.0,
                limit.most * 2.0,
                f64::NAN,
                f64::INFINITY,
                -0.5,
            ];
            for value in wrong {
                assert!(with(&limit.name, value).is_err(), "{} {value}", limit.name);
            }
            assert_eq!(
                with(&limit.name, 1.5).is_ok(),
                limit.unit == Unit::Time,
                "{}",
                limit.name
            );
        }
        assert_eq!(
            with("joins", 0.5).unwrap_err().to_string(),
            "Expected a whole number from 1 to 2147483648 for limits.joins but received 0.5"
        );
        assert_eq!(with("join", 1.0), Err(LimitError::Unknown("join".into())));
    }
}
