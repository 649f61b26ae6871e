//! Catches panics: a fault in one connection or component must not end anything else, and must be
//! logged.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

/// The output of the future, or the text of the panic that ended it.
///
/// After a panic, everything that the future owned has been dropped. Values that the future borrowed are as
/// the panic left them: the caller may use them only to end in order.
///
/// The future is boxed: an `async fn` that holds another future by value has room for it twice.
pub(crate) fn caught<T>(
    future: impl Future<Output = T>,
) -> impl Future<Output = Result<T, String>> {
    let mut future = Box::pin(future);
    poll_fn(move |context| {
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        match polled {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
            Err(panic) => Poll::Ready(Err(text_of(&*panic))),
        }
    })
}

/// The result of `work`, or the text of the panic that ended it. Values that `work` has borrowed are as the
/// panic left them.
pub(crate) fn caught_now<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| text_of(&*panic))
}

fn text_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a panic without a text".to_owned())
}
