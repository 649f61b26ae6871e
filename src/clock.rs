//! The time of day, for texts that are sealed and outlive the process. To measure a span, use a monotonic
//! clock instead.

use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// Seconds since 1970.
pub fn unix_now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |since| since.as_secs())
}

/// Milliseconds since 1970.
pub fn unix_millis() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

/// A moment, by the monotonic clock and by the time of day in milliseconds since 1970. Timers run by the
/// first; in a checkpoint they stand by the second.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// By the monotonic clock.
    pub instant: Instant,
    /// By the time of day.
    pub unix: u64,
}

impl Now {
    /// This moment.
    pub fn here() -> Self {
        Self {
            instant: Instant::now(),
            unix: unix_millis(),
        }
    }
}
