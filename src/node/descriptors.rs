//! Notices when the process has no file descriptors left, which Node says to nobody: a connection that
//! cannot have one is closed by the system's event loop before Node sees it.

use std::fs::File;
use std::io;
use std::time::{Duration, Instant};

use crate::context::Level;
use crate::sync::{Mutex, lock};

/// How often it is looked whether there is one left. Costs opening and closing one.
const LOOK: Duration = Duration::from_secs(2);

/// How often it is said that there is none.
const SAY: Duration = Duration::from_secs(60);

/// `EMFILE` and `ENFILE`, which are the same on all Unix systems: the process has too many, or the
/// system.
const EXHAUSTED: [i32; 2] = [24, 23];

const SHORT: &str = "there are no file descriptors left (EMFILE): new connections are refused until others \
    are closed; raise the limit (`ulimit -n`, LimitNOFILE of systemd)";
const ENOUGH: &str = "there are file descriptors again: new connections are taken";

#[derive(Default)]
struct State {
    said: Option<Instant>,
    /// It has been said that there is none, and not yet that there are some again.
    is_short: bool,
}

/// Says it, once a minute, and when it is over.
#[derive(Default)]
pub(super) struct Descriptors(Mutex<State>);

impl Descriptors {
    /// Whether an error says that there is no descriptor left.
    pub(super) fn is_exhausted(error: &io::Error) -> bool {
        let code = error.raw_os_error();
        cfg!(unix) && code.is_some_and(|code| EXHAUSTED.contains(&code))
    }

    /// What to log now that there is none, or that there are some.
    pub(super) fn found(&self, exhausted: bool, now: Instant) -> Option<(Level, &'static str)> {
        let mut state = lock(&self.0);
        if !exhausted {
            let was_short = std::mem::take(&mut state.is_short);
            return was_short.then_some((Level::Warn, ENOUGH));
        }
        if state.said.is_some_and(|said| now - said < SAY) {
            return None;
        }
        state.said = Some(now);
        state.is_short = true;
        Some((Level::Error, SHORT))
    }

    /// Looks again and again.
    pub(super) async fn watch(&self, log: impl Fn(Level, &'static str)) {
        // As little as can be opened.
        let null = if cfg!(windows) { "NUL" } else { "/dev/null" };
        loop {
            tokio::time::sleep(LOOK).await;
            let opened = File::open(null);
            let exhausted = opened.as_ref().is_err_and(Self::is_exhausted);
            drop(opened);
            if let Some((level, text)) = self.found(exhausted, Instant::now()) {
                log(level, text);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_once_a_minute_and_once_that_it_is_over() {
        let descriptors = Descriptors::default();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(descriptors.found(false, at(0)), None);
        assert_eq!(descriptors.found(true, at(1)), Some((Level::Error, SHORT)));
        assert_eq!(descriptors.found(true, at(2)), None);
        assert_eq!(descriptors.found(false, at(3)), Some((Level::Warn, ENOUGH)));
        // To and fro is no reason to say it more often.
        for second in 4..61 {
            assert_eq!(descriptors.found(second % 2 == 0, at(second)), None);
        }
        assert_eq!(descriptors.found(true, at(61)), Some((Level::Error, SHORT)));
    }
}
