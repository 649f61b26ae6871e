//! The messages between processes.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::Inner;
use crate::sync::lock;
use crate::topics::{Most, Position, Sink, Subscribed, TopicError};

/// The topic that all processes read.
pub(super) const ALL: &str = "all";

/// The subject of a message that answers a question.
const ANSWER: &str = "answer";
/// How much is read at a time.
const MOST: Most = Most {
    messages: 256,
    bytes: 1 << 20,
};
/// When a topic that could not be subscribed to is tried again.
const AGAIN: Duration = Duration::from_millis(500);

/// The topic that this process reads alone.
pub(super) fn to(process: &str) -> String {
    format!("to {process}")
}

/// One message.
#[derive(Serialize, Deserialize)]
struct Said<'a> {
    #[serde(borrow)]
    from: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    about: std::borrow::Cow<'a, str>,
    /// The number of the question that this is, or that this answers.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    number: Option<u64>,
    #[serde(borrow)]
    body: &'a RawValue,
}

impl Inner {
    /// Publishes to a topic between processes.
    pub(super) async fn say(
        &self,
        topic: &str,
        about: &str,
        number: Option<u64>,
        body: &str,
    ) -> Result<(), TopicError> {
        let no_json = |error: serde_json::Error| TopicError::Failed(error.to_string());
        let said = Said {
            from: (&*self.name).into(),
            about: about.into(),
            number,
            body: serde_json::from_str(body).map_err(no_json)?,
        };
        let said = serde_json::to_string(&said).map_err(no_json)?;
        self.between.publish(topic, None, said.into()).await?;
        Ok(())
    }

    /// Takes a message of another process.
    fn take(self: &Arc<Self>, text: &str) {
        // A message that cannot be read was sent by another program, and is dropped.
        let Ok(said) = serde_json::from_str::<Said>(text) else {
            return;
        };
        if *said.from == *self.name {
            return;
        }
        if said.about == ANSWER {
            let asked = said.number;
            let asked = asked.and_then(|number| lock(&self.state).asked.remove(&number));
            if let Some(asked) = asked {
                // Fails if nobody waits any more.
                let _ = asked.send(said.body.to_owned());
            }
            return;
        }
        let Some(hears) = lock(&self.state).hears.get(&*said.about).cloned() else {
            return;
        };
        let answering = hears.hears(&said.from, said.body);
        // If there is no room, the asking process gets no answer, and learns it when its time is over.
        let Ok(turn) = self.answering.clone().try_acquire_owned() else {
            return;
        };
        let (inner, from, number) = (self.clone(), said.from.into_owned(), said.number);
        tokio::spawn(async move {
            let answer = answering.await;
            drop(turn);
            if let (Some(number), Some(answer)) = (number, answer) {
                let _ = inner.say(&to(&from), ANSWER, Some(number), &answer).await;
            }
        });
    }

    fn missed(&self) {
        let hears: Vec<_> = lock(&self.state).hears.values().cloned().collect();
        for hears in hears {
            hears.missed();
        }
    }
}

#[derive(Default)]
struct Bell(Notify);

impl Sink for Bell {
    fn wake(&self, _subscription: u32) {
        self.0.notify_one();
    }
}

/// Reads the messages to this process and to all, until the task is dropped.
pub(super) async fn hear(inner: Arc<Inner>) {
    let bell = Arc::<Bell>::default();
    let own = subscribed(&inner, &to(&inner.name), &bell).await;
    let all = subscribed(&inner, ALL, &bell).await;
    // No process knows the name of this one before it sends something; from then on it hears. Messages to all
    // from just before this concern it, too: it may have had pages before it could hear.
    let (mut own_at, mut all_at) = (own.oldest, all.oldest);
    inner.here.send_if_modified(|here| {
        here.hears = true;
        true
    });
    loop {
        read(&inner, &own, &mut own_at).await;
        read(&inner, &all, &mut all_at).await;
        bell.0.notified().await;
    }
}

async fn subscribed(inner: &Arc<Inner>, topic: &str, bell: &Arc<Bell>) -> Subscribed {
    loop {
        match inner.between.subscribe(topic, bell.clone(), 0).await {
            Ok(subscribed) => return subscribed,
            Err(_) => sleep(AGAIN).await,
        }
    }
}

async fn read(inner: &Arc<Inner>, subscribed: &Subscribed, at: &mut Position) {
    loop {
        let read = inner.between.read(&subscribed.subscription, *at, MOST);
        // The bell is rung again.
        let Ok(batch) = read.await else { return };
        *at = batch.position;
        if batch.gap {
            inner.missed();
        }
        for message in &batch.messages {
            inner.take(&message.data);
        }
        if !batch.more {
            return;
        }
    }
}
