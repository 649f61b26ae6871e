//! Whom other processes of the application have removed: JavaScript is told.

use std::sync::Arc;

use crate::bridge::{Job, Queue};
use crate::processes::Processes;
use crate::removals::{Heard, Removals};
use crate::sessions::Sessions;
use crate::token::Keyring;

/// From here on JavaScript gets what other processes have removed.
pub(super) fn hear_removals(
    processes: &Arc<Processes>,
    keyring: &Arc<Keyring>,
    queue: &Arc<Queue>,
    sessions: &Arc<Sessions>,
) -> Removals {
    let (queue, sessions) = (queue.clone(), Arc::downgrade(sessions));
    Removals::new(processes, keyring, move |heard| match heard {
        Heard::Removal(removal) => queue.push(Job::Removal(removal)),
        Heard::TooMany => {
            if let Some(sessions) = sessions.upgrade() {
                sessions.doubt();
            }
        }
    })
}
