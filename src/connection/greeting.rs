//! The greeting: tells a client of the limits when it connects, so that the client's own constants fit
//! them.

use std::time::Duration;

use crate::limits::Limits;
use crate::protocol::extended::{self, Options};

/// The most events of one component without an answer: more of them make nothing faster.
const MOST_UNANSWERED: usize = 32;
/// The least and the most time that a network is given beyond a handler's own.
const NETWORK: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(5)];
/// The longest time that a timer of a browser can take, in milliseconds.
const LONGEST_TIMER: u64 = i32::MAX as u64;

fn milliseconds(time: Duration) -> u64 {
    let number = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    number.min(LONGEST_TIMER)
}

/// The first message on a connection.
pub(super) fn greeting(limits: &Limits) -> String {
    extended::options(&told(limits))
}

/// The client's constants that follow from these limits.
///
/// * A client may have half of `queued_events` under way. The events that it sends again on a new
///   connection then have room beside those that still wait from the connection before.
/// * A client waits for an answer as long as a handler may take, `handler_time`, and as long as the server
///   waits for the answer to a ping: `dead_after` less `ping_after`, within [`NETWORK`].
fn told(limits: &Limits) -> Options {
    let [least, most] = NETWORK;
    let ping = limits.dead_after.saturating_sub(limits.ping_after);
    let silence = limits.handler_time.saturating_add(ping.clamp(least, most));
    let unanswered = limits.queued_events.div_ceil(2).clamp(1, MOST_UNANSWERED);
    Options {
        age: milliseconds(limits.event_age),
        message_bytes: limits.message_bytes as u64,
        unanswered: unanswered as u64,
        silence: milliseconds(silence),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_is_told_follows_from_the_limits() {
        let told = |change: fn(&mut Limits)| {
            let mut limits = Limits::default();
            change(&mut limits);
            let told = super::told(&limits);
            (told.age, told.message_bytes, told.unanswered, told.silence)
        };
        assert_eq!(told(|_| {}), (60_000, 1 << 20, 32, 35_000));
        assert_eq!(told(|limits| limits.queued_events = 1).2, 1);
        assert_eq!(told(|limits| limits.queued_events = 9).2, 5);
        assert_eq!(told(|limits| limits.queued_events = 10_000).2, 32);
        let minutes = |limits: &mut Limits| limits.handler_time = Duration::from_secs(120);
        assert_eq!(told(minutes).3, 125_000);
        let quick = |limits: &mut Limits| limits.dead_after = limits.ping_after;
        assert_eq!(told(quick).3, 31_000);
        // A browser's timer that is set to a longer time rings at once.
        let ever = |limits: &mut Limits| limits.handler_time = Duration::MAX;
        assert_eq!(told(ever).3, 2_147_483_647);
    }
}
