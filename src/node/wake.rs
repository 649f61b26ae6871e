//! Wakes the JavaScript thread for what waits in the queue: once for all of it.

use std::sync::{Arc, Weak};

use napi::bindgen_prelude::{Buffer, Function};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Result, Status};
use tokio_util::sync::CancellationToken;

use crate::bridge::Queue;

/// How often the runtime is asked for more before JavaScript is woken.
const MAX_GATHERING: usize = 8;

/// Carries no data and keeps no event loop alive: the data waits in the queue.
type Wake = ThreadsafeFunction<(), (), (), Status, false, true>;

/// A queue of at most `waiting_calls` calls that has `wake` called when something is in it, and once
/// more when `ended`. The first byte of `given_up` is 1 while JavaScript has not been told of all calls
/// that were given up. Must be called inside a tokio runtime.
///
/// # Errors
/// If Node makes no thread-safe function of `wake`.
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
    // A full channel has a wake on its way.
    let signal = move || {
        let _ = signal.try_send(());
    };
    // JavaScript only reads this byte, and as it stands between two calls: a number that would have to be
    // read and written as a whole is not in it. The queue lets go of it before the environment ends.
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
            // After the environment has closed Node refuses, which is no error here.
            wake.call((), ThreadsafeFunctionCallMode::NonBlocking);
        }
    });
    Ok(queue)
}

/// Lets what is ready by now gather: a wake costs more than a job. Ends when nothing more comes, or
/// soon; one call alone waits for no other.
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
