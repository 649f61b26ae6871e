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
            invalid_messages: 16,
            waiting_calls: 4096,
            handler_time: Duration::from_secs(30),
            ping_after: Duration::from_secs(25),
            dead_after: Duration::from_secs(60),
            token_age: Duration::from_secs(14 * 86_400),
        }
    }
}
