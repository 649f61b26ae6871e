//! The way to Redis: one connection that all commands share, which comes back by itself.
//!
//! * `address.rs`: where Redis is, as people write it. `facts.rs`: what a server says of itself. Both are pure.
//! * `link.rs`: what the other rooms hold: the way to whatever connection there is now. `keeper.rs`: the task that makes
//!   connections, one after the other, and who is told. `connection.rs`: one connection, and what its servers say.
//!   `current.rs`: the one that there is now.
//! * `asking.rs`: a script or a command is sent, and sent again if its answer is lost.
//! * `channels.rs`: what is subscribed to.
//!
//! What is kept in Redis stands in the rooms that keep it: `src/store/redis/`, `src/topics/redis/`, `src/presence/redis/`.

mod address;
mod asking;
mod channels;
mod connection;
mod current;
mod facts;
mod keeper;
mod link;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use address::{Address, AddressError};
pub use asking::AskError;
pub(crate) use asking::{Ask, AskAgain, Together, refused};
pub(crate) use connection::Connection;
pub use current::{Health, Tell};
pub use facts::{Facts, Needs};
pub use link::{Link, OpenError};

/// A time as Redis counts it, which is in signed numbers.
pub(crate) fn milliseconds(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).map_or(1 << 52, |time| time.min(1 << 52))
}
