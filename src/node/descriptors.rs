//! Notices when the process has no file descriptors left. Node does not say so: its event loop closes a
//! connection that cannot have a descriptor before the application sees it.

use std::fs::File;
use std::io;
use std::time::{Duration, Instant};

use crate::context::Level;
use crate::sync::{Mutex, lock};

/// The time between two looks. A look opens and closes one descriptor.
const LOOK: Duration = Duration::from_secs(2);

/// The shortest time between two lines that say that there are no descriptors.
const SAY: Duration = Duration::from_secs(60);

/// `EMFILE` and `ENFILE`, which have the same numbers on all Unix systems: the process, or the system, has
/// too many open files.
const EXHAUSTED: [i32; 2] = [24, 23];

const SHORT: &str = "there are no file descriptors left (EMFILE): new connections are refused until others \
    are closed; raise the limit (`ulimit -n`, LimitNOFILE of systemd)";
const ENOUGH: &str = "there are file descriptors again: new connections are taken";

#[derive(Default)]
struct State {
    /// When the line was last logged that no descriptors are left.
    said: Option<Instant>,
    /// Set with that line, cleared with the line that there are descriptors again.
    is_short: bool,
}

/// Says once a minute that there are no descriptors, and once that there are some again.
#[derive(Default)]
pub(super) struct Descriptors(Mutex<State>);

impl Descriptors {
    /// Whether an error says that there is no descriptor left.
    pub(super) fn is_exhausted(error: &io::Error) -> bool {
        let code = error.raw_os_error();
        cfg!(unix) && code.is_some_and(|code| EXHAUSTED.contains(&code))
    }

    /// The line to log after a look that found descriptors `exhausted` or not; `None` if there is nothing
    /// new.
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

    /// Looks every two seconds, until dropped.
    pub(super) async fn watch(&self, log: impl Fn(Level, &'static str)) {
        // The file that costs least to open.
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
        // If it changes every second, the line does not come more often.
        for second in 4..61 {
            assert_eq!(descriptors.found(second % 2 == 0, at(second)), None);
        }
        assert_eq!(descriptors.found(true, at(61)), Some((Level::Error, SHORT)));
    }
}
