//! JavaScript is told the announcements of other processes.

use std::sync::Arc;

use crate::announcements::{Announcements, Heard};
use crate::bridge::{Job, Queue};
use crate::processes::Processes;
use crate::sessions::Sessions;
use crate::token::Keyring;

/// From here on JavaScript gets the announcements of other processes.
pub(super) fn hear_announcements(
    processes: &Arc<Processes>,
    keyring: &Arc<Keyring>,
    queue: &Arc<Queue>,
    sessions: &Arc<Sessions>,
) -> Announcements {
    let (queue, sessions) = (queue.clone(), Arc::downgrade(sessions));
    Announcements::new(processes, keyring, move |heard| match heard {
        Heard::Announced(text) => queue.push(Job::Announced(text)),
        Heard::TooMany => {
            if let Some(sessions) = sessions.upgrade() {
                sessions.doubt();
            }
        }
    })
}
