//! Wakes the JavaScript thread once for all jobs that wait in the queue.

use std::sync::{Arc, Weak};

use napi::bindgen_prelude::{Buffer, Function};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Result, Status};
use tokio_util::sync::CancellationToken;

use crate::bridge::Queue;

/// How often other tasks have their turn, to add jobs, before JavaScript is woken.
const MAX_GATHERING: usize = 8;

/// The thread-safe function that wakes JavaScript. It keeps no event loop alive.
///
/// Architecture invariant: a thread-safe function carries no data and is never awaited. The data waits in
/// the queue, and one wake stands for all of it. `src/models.rs` watches that no job needs a second wake
/// (`a_queue_loses_no_job_and_no_wake`).
type Wake = ThreadsafeFunction<(), (), (), Status, false, true>;

/// A queue of at most `waiting_calls` calls. `wake` is called when jobs are in the queue, and once more
/// when `ended` is cancelled. The first byte of `given_up` is 1 while there are given-up calls that
/// JavaScript has not been told of. Must be called inside a tokio runtime.
///
/// Architecture invariant: JavaScript reads this byte before each call, so that a call that was given up is
/// not started. `__test__/server/given_up_calls.test.ts` watches it.
///
/// # Errors If Node cannot make a thread-safe function of `wake`.
pub(super) fn waking_queue(
    waiting_calls: usize,
    wake: Function<'_, (), ()>,
    ended: CancellationToken,
    mut given_up: Buffer,
) -> Result<Arc<Queue>> {
    let wake: Wake = wake
        .build_threadsafe_function()
        .callee_handled::<false>()
        .weak::<true>()
        .build()?;
    let (signal, mut signals) = tokio::sync::mpsc::channel(1);
    // If the channel is full, a wake is on its way.
    let signal = move || {
        let _ = signal.try_send(());
    };
    // JavaScript may read this byte while another thread writes it. A single byte is always read and
    // written whole. The queue lets go of the buffer before the environment ends.
    let set = move |is_set: bool| {
        if let Some(byte) = given_up.first_mut() {
            *byte = u8::from(is_set);
        }
    };
    let queue = Arc::new(Queue::new(waiting_calls, Box::new(signal), Box::new(set)));
    let gathering = Arc::downgrade(&queue);
    tokio::spawn(async move {
        let mut open = true;
        while open {
            open = tokio::select! {
                biased;
                signal = signals.recv() => signal.is_some(),
                () = ended.cancelled() => false,
            };
            gather(&gathering).await;
            // After the environment has closed, Node refuses the call. Nobody is left to wake then.
            wake.call((), ThreadsafeFunctionCallMode::NonBlocking);
        }
    });
    Ok(queue)
}

/// Lets other tasks add their jobs first, because a wake costs more than a job. Ends when no more jobs
/// come, or after [`MAX_GATHERING`] turns. If there is only one call, JavaScript is woken at once.
async fn gather(queue: &Weak<Queue>) {
    let mut before = 0;
    for _ in 0..MAX_GATHERING {
        tokio::task::yield_now().await;
        let now = queue.upgrade().map_or(0, |queue| queue.waiting());
        if now <= 1 || now == before {
            return;
        }
        before = now;
    }
}
