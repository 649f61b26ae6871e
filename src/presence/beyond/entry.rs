//! One entry: as its process knows it, and as others are told, in Redis and in messages. Pure: time is an argument.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;
use tokio::time::Instant;

/// About the bytes of an entry in a message, beside key and meta.
pub(in crate::presence) const ENTRY: usize = 32;

/// An entry that counts.
#[derive(Clone, Debug)]
pub(in crate::presence) struct Shown {
    pub(in crate::presence) key: Arc<str>,
    pub(in crate::presence) meta: Arc<str>,
    pub(in crate::presence) came: Instant,
    /// The entry is gone, and the grace begins then; which may be later than now, if the process closes.
    pub(in crate::presence) gone: Option<Instant>,
}

/// An entry, as others are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::presence) struct Told {
    pub(in crate::presence) entry: u64,
    /// For how many milliseconds the entry has been there.
    pub(in crate::presence) came: i64,
    /// For how many milliseconds the grace runs. Below 0: the grace begins later.
    pub(in crate::presence) gone: Option<i64>,
    pub(in crate::presence) key: Arc<str>,
    pub(in crate::presence) meta: Arc<str>,
}

/// How many milliseconds ago that was. Below 0 if it is still to come.
fn age(since: Instant, now: Instant) -> i64 {
    let whole = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    match now.checked_duration_since(since) {
        Some(time) => whole(time),
        None => -whole(since.saturating_duration_since(now)),
    }
}

/// When that was: so many milliseconds before `now`. A machine that has not run for so long counts from its start.
pub(in crate::presence) fn instant(age: i64, now: Instant) -> Instant {
    // A time that is further away than a day cannot belong to an entry that counts.
    let time = Duration::from_millis(age.unsigned_abs().min(86_400_000));
    match age {
        0.. => now.checked_sub(time).unwrap_or(now),
        _ => now + time,
    }
}

impl Told {
    pub(in crate::presence) fn of(entry: u64, shown: &Shown, now: Instant) -> Self {
        Self {
            entry,
            came: age(shown.came, now),
            gone: shown.gone.map(|gone| age(gone, now)),
            key: shown.key.clone(),
            meta: shown.meta.clone(),
        }
    }

    /// Key and meta, as they stand in Redis: JSON.
    pub(in crate::presence) fn body(&self) -> String {
        // A text can always be written.
        let key = serde_json::to_string(&*self.key).unwrap_or_default();
        format!("[{key},{}]", self.meta)
    }

    /// An entry as it stands in Redis at `now` of Redis: `came gone body`, times of Redis in milliseconds.
    pub(in crate::presence) fn read(entry: &str, value: &str, now: i64) -> Option<Self> {
        let (came, rest) = value.split_once(' ')?;
        let (gone, body) = rest.split_once(' ')?;
        let gone = match gone {
            "-" => None,
            gone => Some(now.checked_sub(gone.parse().ok()?)?),
        };
        let (key, meta): (Cow<str>, &RawValue) = serde_json::from_str(body).ok()?;
        Some(Self {
            entry: entry.parse().ok()?,
            came: now.checked_sub(came.parse().ok()?)?,
            gone,
            key: key.into(),
            meta: meta.get().into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_redis_is_read() {
        for gone in [None, Some(20), Some(-20)] {
            let written = Told {
                entry: 7,
                came: 50,
                gone,
                key: "an \"n\"".into(),
                meta: r#"{"a":"é \" x"}"#.into(),
            };
            let gone = gone.map_or("-".to_owned(), |gone| (1000 - gone).to_string());
            let value = format!("950 {gone} {}", written.body());
            assert_eq!(Told::read("7", &value, 1000), Some(written));
        }
        for wrong in [
            "",
            "1",
            "1 -",
            "1 - x",
            "1 - [\"a\"]",
            "x - [\"a\",1]",
            "1 x [\"a\",1]",
            "-9223372036854775808 - [\"a\",1]",
        ] {
            assert_eq!(Told::read("7", wrong, 1000), None, "{wrong}");
        }
        assert_eq!(Told::read("x", "1 - [\"a\",1]", 1000), None);
    }

    #[test]
    fn times_are_told_by_how_long_ago_they_were() {
        let now = Instant::now();
        let time = Duration::from_secs(7);
        for (since, expected) in [(now, 0), (now + time, -7_000)] {
            assert_eq!((age(since, now), instant(expected, now)), (expected, since));
        }
        // Whatever comes from elsewhere is a time.
        for wild in [i64::MIN, i64::MAX] {
            let _ = instant(wild, now);
        }
    }
}
