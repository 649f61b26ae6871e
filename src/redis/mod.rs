//! The way to Redis: one connection that all commands share, which comes back by itself.
//!
//! * `address.rs`: where Redis is, as people write it. `facts.rs`: what a server says of itself. Both are pure.
//! * `link.rs`: the connection: how it is made, lost and made again, and who is told.
//! * `asking.rs`: a script or a command is sent, and sent again if its answer is lost.
//! * `channels.rs`: what is subscribed to.
//!
//! What is kept in Redis stands in the rooms that keep it: `src/store/redis/`, `src/topics/redis/`, `src/presence/redis/`.

mod address;
mod asking;
mod channels;
mod facts;
mod link;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use address::{Address, AddressError};
pub use asking::AskError;
pub(crate) use asking::{Ask, AskAgain, Together, refused};
pub use facts::{Facts, Needs};
pub(crate) use link::Connection;
pub use link::{Health, Link, OpenError, Tell};

/// A time as Redis counts it, which is in signed numbers.
pub(crate) fn milliseconds(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).map_or(1 << 52, |time| time.min(1 << 52))
}
