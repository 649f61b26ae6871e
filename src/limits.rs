//! Every limit, with its default, its unit, what it costs and what happens at it.

use std::time::Duration;

/// Bounds on what clients and handlers can make the server hold.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The largest message a client may send, in bytes. A larger one closes the connection with
    /// 1009. Default 1 MiB. A connection can make the server hold this much while a message is
    /// incomplete.
    pub message_bytes: usize,
    /// Components on one connection. A join beyond it is answered with an error; the others go on.
    /// Default 100. A small component costs about 2 KB.
    pub components: usize,
    /// Events of one component that wait while a handler runs; together they may hold
    /// `message_bytes`. Each event beyond it is answered with an error, in its turn. Default 64.
    pub queued_events: usize,
    /// Bytes that wait for a client that reads slowly. While more wait, the connection's components
    /// take no further event; a client that takes nothing for `dead_after` is disconnected. Default
    /// 1 MiB; each component can exceed it by one message.
    pub outgoing_bytes: usize,
    /// Bytes of events and messages that wait, in the whole process. Beyond it whoever holds most of
    /// them (a user, or an address) is disconnected with 1013 or loses what is parked. Default
    /// 256 MiB.
    pub waiting_bytes: usize,
    /// Messages that cannot be understood, counted over a connection's life. One more closes it
    /// with 1008. Default 16.
    pub invalid_messages: u32,
    /// Calls that wait for the JavaScript thread, in the whole process. While it is full, no
    /// connection is read from, so that clients feel it as a slow network. Default 4,096; a call
    /// costs its event and, where JavaScript does not have them, its props.
    pub waiting_calls: usize,
    /// How long `handle` and `render` may take together before the event fails. Default 30 s.
    pub handler_time: Duration,
    /// A connection on which nothing was received for this long is sent a ping. Default 25 s:
    /// proxies cut idle connections after 30 s to 60 s. Costs one timer.
    pub ping_after: Duration,
    /// A connection on which nothing was received for this long is dead and is closed. Default
    /// 60 s.
    pub dead_after: Duration,
    /// How long a component waits for its page to come back when the connection is gone. Default
    /// 60 s; zero ends it at once. Its state lives on in the client's checkpoint.
    pub park_time: Duration,
    /// Components that wait so, in the whole process. Beyond it whoever has most of them (a user, or
    /// an address) loses the oldest. Default 20,000.
    pub parked: usize,
    /// Bytes that they may hold, estimated from their props and trees. As for `parked`. Default
    /// 256 MiB.
    pub parked_bytes: usize,
    /// A component's state is sealed into a checkpoint at the latest after so many events; one of
    /// more than 1 KiB more seldom, in proportion, up to 1,000. Default 16. Replaying an event costs what it cost
    /// the first time.
    pub checkpoint_events: u32,
    /// And when nothing has happened for so long; in proportion again, but 30 s at most. Default
    /// 250 ms.
    pub checkpoint_quiet: Duration,
    /// The largest state that is sealed, in bytes of JSON. The page is told that a larger one does
    /// not survive a crash. Default 256 KiB.
    pub checkpoint_bytes: usize,
    /// How old an event may be that could not be delivered before. An older one is not applied, and
    /// the page is told. Default 60 s.
    pub event_age: Duration,
    /// Events that one connection may send each second, after a burst. Each one beyond it is
    /// answered with an error. Default 100.
    pub event_rate: u32,
    /// The burst. Default 500.
    pub event_burst: u32,
    /// Connections from one address; one more is closed with 1013. Default 1,000; an unknown address
    /// is not counted.
    pub connections_per_address: usize,
    /// Events that all connections of one address may send each second together, after a burst. As
    /// for `event_rate`. Default 5,000: a thousand people behind one address, none of whom is in a
    /// hurry. An unknown address is not counted. Costs each address that has connections 250 bytes.
    pub event_rate_per_address: u32,
    /// The burst. Default 20,000: what a thousand pages send again after a crash.
    pub event_burst_per_address: u32,
    /// Joins that render at the same time, in the whole process, and pages coming back that `authorize`
    /// is asked about; others wait behind them, so that events of pages that work come first.
    /// Default 32.
    pub joins: usize,
    /// Joins, and pages coming back, that wait for that or for `join_rate`. One more is refused, and its
    /// client tries again later. Default 10,000; each join that waits holds its props.
    pub waiting_joins: usize,
    /// Joins and pages coming back, each second in the whole process, after a burst. Those beyond it
    /// wait. Default 5,000, about a third of a core; 10,000 pages are back after a second.
    pub join_rate: u32,
    /// The burst. Default 5,000.
    pub join_burst: u32,
    /// The same for one address. One beyond it is refused, and its client tries again later. Default
    /// 1,000; an unknown address is not counted.
    pub join_rate_per_address: u32,
    /// The burst. Default 5,000: what `connections_per_address` can bring at once, with five
    /// components each.
    pub join_burst_per_address: u32,
    /// How old a token may be when its page joins. Default 14 days.
    pub token_age: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes: 1 << 20,
            components: 100,
            queued_events: 64,
            outgoing_bytes: 1 << 20,
            waiting_bytes: 256 << 20,
            invalid_messages: 16,
            waiting_calls: 4096,
            handler_time: Duration::from_secs(30),
            ping_after: Duration::from_secs(25),
            dead_after: Duration::from_secs(60),
            park_time: Duration::from_secs(60),
            parked: 20_000,
            parked_bytes: 256 << 20,
            checkpoint_events: 16,
            checkpoint_quiet: Duration::from_millis(250),
            checkpoint_bytes: 256 << 10,
            event_age: Duration::from_secs(60),
            event_rate: 100,
            event_burst: 500,
            connections_per_address: 1000,
            event_rate_per_address: 5000,
            event_burst_per_address: 20_000,
            joins: 32,
            waiting_joins: 10_000,
            join_rate: 5000,
            join_burst: 5000,
            join_rate_per_address: 1000,
            join_burst_per_address: 5000,
            token_age: Duration::from_secs(14 * 86_400),
        }
    }
}
