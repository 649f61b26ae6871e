//! What the tests of this room share.

use std::time::Duration;

use tokio::time::Instant;

use super::{Checks, Now, Ongoing, OngoingError};
use crate::effects;

pub(super) const UNIX: u64 = 1_800_000_000_000;

pub(super) const EPOCH: &str = "AAAAAAAAAAAAAAAAAAAAAA";

pub(super) fn now() -> Now {
    Now {
        instant: Instant::now(),
        unix: UNIX,
    }
}

pub(super) fn checks(now: Instant) -> Checks<'static> {
    Checks {
        now,
        message_bytes: 10,
        open: &|address| address.strip_prefix("of ").map(str::to_owned),
        presence_meta: 10,
        key: &|| Some("bound".into()),
    }
}

pub(super) fn ongoing(json: &str, now: Now) -> Ongoing {
    let mut ongoing = Ongoing::default();
    apply(&mut ongoing, json, now.instant).unwrap();
    ongoing
}

pub(super) fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// Applies effects, given as JSON.
pub(super) fn apply(ongoing: &mut Ongoing, json: &str, now: Instant) -> Result<(), OngoingError> {
    ongoing.apply(&effects::parse(json).unwrap(), &checks(now))
}
