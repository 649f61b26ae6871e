//! A form of a shared component that a page has sent without the client's script: a page that comes, does one thing, and
//! goes. The actor handles it as any other event.

use std::future::poll_fn;
use std::sync::Arc;

use serde_json::Value;
use tokio::time::{Duration, Instant, sleep, timeout, timeout_at};

use super::joining::{Joining, join};
use super::said::Outcome;
use super::{BUSY, Known, SharedComponents, Viewing};
use crate::context::Shared;
use crate::dispatch::Dispatcher;
use crate::effects::Push;
use crate::ids::EventNumber;
use crate::outbox::{Dialect, Outbox, Todo};
use crate::protocol::{ClientEvent, Numbered, Refusal};
use crate::session::{Link, Peer};
use crate::token::Claims;

/// How long a try may take beside the time that a handler has.
const PATIENCE: Duration = Duration::from_secs(5);
/// If the component cannot take the page now, it is tried again so often, and so much later.
const MOST_TRIES: u32 = 50;
const AGAIN: Duration = Duration::from_millis(100);

/// A form, and the page that has sent it.
pub(crate) struct Posting {
    /// The module.
    pub(crate) known: Known,
    /// The content of the page's token.
    pub(crate) claims: Claims,
    /// Names the form, and so the viewer: however often it is sent, it is handled once.
    pub(crate) id: Arc<str>,
    /// Whose page it is.
    pub(crate) peer: Peer,
    /// The address, as addresses are counted.
    pub(crate) counted: Arc<str>,
    /// The holder under which waiting messages count.
    pub(crate) holder: Arc<str>,
    /// The event.
    pub(crate) event: ClientEvent,
}

/// The result of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Posted {
    /// The form was handled and committed.
    Applied {
        /// The address that the page is sent to.
        redirect: Option<Box<str>>,
        /// The handler did not take the texts of the form.
        keeps_form: bool,
        /// The pushes to the page, beside its change.
        pushes: Box<[Push]>,
    },
    /// The form was handled before.
    Known,
    /// The form has failed, and nothing was committed. The page is told the text.
    Failed(Box<str>),
    /// The page may not see the component, or it cannot be had now.
    Refused(String, Refusal),
}

/// Has the component's actor handle a form, in whatever process the actor is.
pub(crate) async fn post<D: Dispatcher>(
    context: &Shared<D>,
    shared: &Arc<SharedComponents>,
    posting: Posting,
) -> Posted {
    let mut posted = Posted::Refused(BUSY.to_owned(), Refusal::Busy);
    // The next viewer of this name knows the result of the event.
    for _ in 0..MOST_TRIES {
        let late = Instant::now() + context.limits.handler_time + PATIENCE;
        let Ok(answer) = timeout_at(late, once(context, shared, &posting)).await else {
            break;
        };
        posted = answer;
        if !matches!(posted, Posted::Refused(_, Refusal::Busy | Refusal::Moved)) {
            break;
        }
        sleep(AGAIN).await;
    }
    posted
}

/// Ends the viewer, whatever becomes of the form.
struct Leaves(Viewing);

impl Drop for Leaves {
    fn drop(&mut self) {
        self.0.end();
    }
}

async fn once<D: Dispatcher>(
    context: &Shared<D>,
    shared: &Arc<SharedComponents>,
    posting: &Posting,
) -> Posted {
    let busy = || Posted::Refused(BUSY.to_owned(), Refusal::Busy);
    let Posting {
        known,
        claims,
        id,
        peer,
        counted,
        holder,
        event,
    } = posting;
    let Some(place) = context.turns.queue(counted, &known.name) else {
        return busy();
    };
    let limit = context.limits.outgoing_bytes;
    let outbox = Outbox::new(limit, context.budget.clone(), Dialect::Extended);
    let mut reader = Reader {
        outbox: outbox.clone(),
        refusal: None,
    };
    let joining = Joining {
        known: known.clone(),
        claims: claims.clone(),
        viewer: Some(id.clone()),
        resume: None,
        link: Link {
            outbox,
            id: "1".into(),
        },
        peer: peer.clone(),
        counted: counted.clone(),
        holder: holder.clone(),
        place,
    };
    let Some(viewing) = join(context, shared, joining) else {
        return busy();
    };
    let leaves = Leaves(viewing);
    let Viewing { viewer, epoch } = &leaves.0;
    // The number of the form's event.
    let mut sent: Option<EventNumber> = None;
    loop {
        if sent.is_none() && viewer.is_in() {
            // If the form has failed before, it can be sent again.
            let handled = viewer.handled();
            let failed = viewer.failures();
            let has_failed = failed.last().is_some_and(|(_, last)| *last == handled);
            if handled > EventNumber::default() && !has_failed {
                return Posted::Known;
            }
            let number = EventNumber(handled.0 + 1);
            sent = Some(number);
            let numbered = Numbered {
                number,
                seen: EventNumber::default(),
                age: None,
            };
            viewer.event(*epoch, Some(numbered), Ok(event.clone()));
        }
        // When the page gets the answer, the component's HTML has changed.
        let is_over = viewer.is_over();
        if let Some(number) = sent
            && (viewer.told() >= number || (is_over && viewer.handled() >= number))
        {
            let (_, said) = viewer.take_said();
            let said = said.into_iter().find(|said| said.event == number);
            return match said.map(|said| said.outcome) {
                Some(Outcome::Applied {
                    redirect,
                    keeps_form,
                    pushes,
                }) => Posted::Applied {
                    redirect,
                    keeps_form,
                    pushes,
                },
                Some(Outcome::Failed { text, redirect, .. }) => match redirect {
                    Some(url) => Posted::Refused(text.into(), Refusal::Redirect(url.into())),
                    None => Posted::Failed(text),
                },
                None => Posted::Known,
            };
        }
        if is_over {
            reader.take();
            let refusal = reader.refusal.take();
            return refusal.map_or_else(busy, |(text, refusal)| Posted::Refused(text, refusal));
        }
        // If the viewer ends, nothing is sent that would wake this.
        if timeout(AGAIN, reader.read()).await == Ok(false) {
            return busy();
        }
    }
}

/// Reads the messages to the page. The reader shows nothing of them, but learns why it is not let in.
struct Reader {
    outbox: Arc<Outbox>,
    refusal: Option<(String, Refusal)>,
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.outbox.close();
    }
}

impl Reader {
    /// Waits until there is something. False if nothing more comes.
    async fn read(&mut self) -> bool {
        let todo = poll_fn(|context| self.outbox.poll(context, false)).await;
        let goes_on = matches!(todo, Todo::Write | Todo::Drain);
        self.take();
        goes_on
    }

    fn take(&mut self) {
        let mut refusal = None;
        let bytes = self.outbox.take(|frame| refusal = refused(&frame));
        self.outbox.written(bytes);
        self.refusal = refusal.or(self.refusal.take());
    }
}

/// The refusal in a frame of the extended dialect, which is a message, or an array of several: `["f", id, text, what,
/// more]`.
fn refused(frame: &str) -> Option<(String, Refusal)> {
    // Frames with a render are long, and are not looked through.
    if !frame.contains("[\"f\",") {
        return None;
    }
    let frame: Vec<Value> = serde_json::from_str(frame).ok()?;
    let is_refusal = |message: &&[Value]| message.first().is_some_and(|kind| kind == "f");
    let several = frame.iter().filter_map(Value::as_array).map(Vec::as_slice);
    let message = several.chain([&*frame]).find(is_refusal)?;
    let text = |at: usize| message.get(at).and_then(Value::as_str);
    let refusal = match text(3) {
        Some("reload") => Refusal::Reload,
        Some("busy") => Refusal::Busy,
        Some("redirect") => Refusal::Redirect(text(4)?.to_owned()),
        _ => Refusal::Fault,
    };
    Some((text(2)?.to_owned(), refusal))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::extended;

    #[test]
    fn a_refusal_is_read_as_it_is_written() {
        for refusal in [
            Refusal::Fault,
            Refusal::Reload,
            Refusal::Busy,
            Refusal::Redirect("/login".to_owned()),
        ] {
            let written = extended::refused("1", "\"no\"", &refusal);
            let expected = Some(("\"no\"".to_owned(), refusal));
            assert_eq!(refused(&written), expected);
            assert_eq!(refused(&format!("[[\"c\",1],{written}]")), expected);
        }
        assert_eq!(refused("[[\"c\",\"1\",\"[\\\"f\\\",\"]]"), None);
        assert_eq!(refused("[[\"c\",\"1\"]]"), None);
    }
}
