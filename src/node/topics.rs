//! Topics, the people who are in them, and addresses of components.

use std::future::ready;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use napi::Result;
use napi_derive::napi;

use super::failed;
use super::loom::NativeLoom;
use super::runtime::runtime;
use crate::bridge::JsDispatcher;
use crate::effects::{OWN, own_topic};
use crate::ongoing::OngoingError;
use crate::topics::{Answer, Sink, Subscribed};

/// Nobody: for a subscription that only keeps a topic.
struct Nobody;

impl Sink for Nobody {
    fn wake(&self, _subscription: u32) {}
}

/// The answer, if there is one without waiting: topics in memory answer at once.
fn at_once<T>(answer: &mut Answer<T>) -> Poll<<Answer<T> as Future>::Output> {
    let mut nobody = Context::from_waker(Waker::noop());
    answer.as_mut().poll(&mut nobody)
}

/// Refuses the topics that belong to components.
fn check_name(topic: &str) -> Result<()> {
    if topic.starts_with(OWN) {
        return Err(failed("a topic's name does not begin with U+0000"));
    }
    Ok(())
}

/// The position of a topic, as JSON, for a call that keeps the topic from then on.
fn position(
    dispatcher: &JsDispatcher,
    call: u32,
    subscribed: Subscribed,
) -> std::result::Result<String, &'static str> {
    let Subscribed {
        subscription,
        now,
        oldest,
    } = subscribed;
    if !dispatcher.hold(call, subscription) {
        return Err("the step is over");
    }
    Ok(format!(
        "[\"{}\",{},{}]",
        now.epoch, now.number, oldest.number
    ))
}

#[napi]
impl NativeLoom {
    /// The position of a topic now, for a call in flight that subscribes to it: `[epoch, number, number of
    /// the oldest message that is kept less one]`, as JSON. The topic is kept until the call is over. Nothing
    /// if the position is not known here: then `request` is settled with it.
    #[napi(catch_unwind)]
    pub fn position(&self, call: u32, topic: String, request: u32) -> Result<Option<String>> {
        let context = self.context()?.clone();
        // An answer that has to wait sets a timer.
        let _runtime = runtime()?.enter();
        let mut answer = context.topics.subscribe(&topic, Arc::new(Nobody), 0);
        if let Poll::Ready(answer) = at_once(&mut answer) {
            return position(&context.dispatcher, call, answer.map_err(failed)?)
                .map(Some)
                .map_err(failed);
        }
        self.settle_with(request, async move {
            let subscribed = answer.await.map_err(|error| error.to_string())?;
            let found = position(&context.dispatcher, call, subscribed);
            found.map(Some).map_err(str::to_owned)
        })?;
        Ok(None)
    }

    /// The component of a call in flight asks for its address: its own topic is kept until the call is over.
    #[napi(catch_unwind)]
    pub fn keep_topic(&self, call: u32, topic: String) -> Result<()> {
        let context = self.context()?;
        let kept = context.topics.follow(&topic, Arc::new(Nobody), 0);
        if !context.dispatcher.hold(call, kept.map_err(failed)?) {
            return Err(failed("the step is over"));
        }
        Ok(())
    }

    /// The topics that the component of a call in flight has subscribed to; nothing if the call is over.
    #[napi(catch_unwind)]
    pub fn topics(&self, call: u32) -> Option<Vec<String>> {
        let topics = self.open.as_ref()?.context.dispatcher.topics(call)?;
        let names = topics.iter().flat_map(|names| names.iter());
        Some(names.map(|name| name.to_string()).collect())
    }

    /// Publishes JSON text. True if the topic has it; else the promise is settled when the topic has it.
    #[napi(catch_unwind)]
    pub fn publish(
        &self,
        topic: String,
        id: Option<String>,
        data: String,
        request: u32,
    ) -> Result<bool> {
        check_name(&topic)?;
        self.publish_to(&topic, id.as_deref(), data, request)
    }

    /// Sends JSON text to one component, by its address. True if its topic has it; else the promise is settled when
    /// its topic has it.
    #[napi(catch_unwind)]
    pub fn send_to(
        &self,
        address: String,
        id: Option<String>,
        data: String,
        request: u32,
    ) -> Result<bool> {
        let name = self.context()?.keyring.open_address(&address);
        let name = name.ok_or_else(|| failed(OngoingError::Address))?;
        self.publish_to(&own_topic(&name), id.as_deref(), data, request)
    }

    fn publish_to(
        &self,
        topic: &str,
        id: Option<&str>,
        data: String,
        request: u32,
    ) -> Result<bool> {
        let _runtime = runtime()?.enter();
        let mut published = self.context()?.topics.publish(topic, id, data.into());
        let nothing = |_| None::<&str>;
        // Topics in memory answer at once: then there is no task, and no message to JavaScript.
        match published
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            Poll::Ready(Ok(_)) => return Ok(true),
            Poll::Ready(Err(error)) => {
                self.settle_with(request, ready(Err::<Option<&str>, _>(error)))?
            }
            Poll::Pending => {
                self.settle_with(request, async move { published.await.map(nothing) })?
            }
        }
        Ok(false)
    }

    /// The people who are there; settles `request` with the first message of receivers.
    #[napi(catch_unwind)]
    pub fn presence(&self, topic: String, request: u32) -> Result<()> {
        check_name(&topic)?;
        let everybody = self.context()?.presence.everybody(&topic);
        self.settle_with(request, async move { everybody.await.map(Some) })
    }

    /// Seals what a page of this user may upload.
    #[napi(catch_unwind)]
    pub fn seal_permit(&self, permit: String, bind: String) -> Result<String> {
        let keyring = &self.context()?.keyring;
        keyring.seal_permit(&permit, &bind).map_err(failed)
    }

    /// The content of a permit; nothing if the text is not a permit of this user.
    #[napi(catch_unwind)]
    pub fn open_permit(&self, sealed: String, bind: String) -> Result<Option<String>> {
        Ok(self.context()?.keyring.open_permit(&sealed, &bind))
    }

    /// The address of the component of that public name.
    #[napi(catch_unwind)]
    pub fn address(&self, name: String) -> Result<String> {
        self.context()?.keyring.address(&name).map_err(failed)
    }
}
