//! The messages that a component publishes and sends, until the topics have them.

use std::sync::Arc;

use serde_json::value::RawValue;

use super::{Checks, Ongoing, OngoingError, raw};
use crate::effects::Outgoing;

/// As it is sealed: id, topic, data.
pub(super) type SealedOutgoing = (Arc<str>, Arc<str>, Box<RawValue>);

pub(super) fn sealed(outgoing: &Outgoing) -> Option<SealedOutgoing> {
    let Outgoing { id, topic, data } = outgoing;
    Some((id.clone(), topic.clone(), raw(data)?))
}

pub(super) fn revived((id, topic, data): SealedOutgoing) -> Outgoing {
    let data = data.get().into();
    Outgoing { id, topic, data }
}

impl Ongoing {
    pub(super) fn send(
        &mut self,
        outgoing: Outgoing,
        checks: &Checks<'_>,
    ) -> Result<(), OngoingError> {
        let (bytes, most) = (outgoing.data.len(), checks.message_bytes);
        if bytes > most {
            let topic = format!("{:?}", outgoing.topic);
            return Err(OngoingError::Data { topic, bytes, most });
        }
        self.outgoing.push(outgoing);
        Ok(())
    }

    /// The committed messages that their topics may not have.
    pub fn outgoing(&self) -> &[Outgoing] {
        &self.outgoing
    }

    /// The topics have these messages, except the last `waiting` ones. Those stay in the committed state
    /// until the next step commits, so that a crash in between loses none. Their ids keep them from counting
    /// twice.
    pub fn forget_outgoing(&mut self, waiting: usize) {
        let taken = self.outgoing.len().saturating_sub(waiting);
        self.outgoing.drain(..taken);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::super::testing::{EPOCH, apply, now, ongoing};
    use super::*;
    use crate::topics::MAX_NAME;

    #[test]
    fn what_is_to_be_published_is_kept_until_it_is_taken() {
        let now = now();
        let json = r#"[{"publish":["i/1","a",[1]]},{"publish":["i/2","a",null]},{"send":["i/3","of me",["g",null]]}]"#;
        let ongoing = ongoing(json, now);
        let mut revived = Ongoing::from_json(&ongoing.to_json(now), now);
        let taken = revived.outgoing().to_vec().into_iter();
        revived.forget_outgoing(1);
        assert_eq!(&*revived.outgoing()[0].id, "i/3");
        revived.forget_outgoing(0);
        let taken: Vec<String> = taken
            .map(|one| format!("{} {} {}", one.id, one.topic, one.data))
            .collect();
        let expected = ["i/1 a [1]", "i/2 a null", "i/3 \0me [\"g\",null]"];
        assert_eq!(taken, expected);
        assert!(revived.is_empty());
    }

    #[test]
    fn what_cannot_be_published_or_subscribed_to_fails_the_step() {
        let long = "x".repeat(MAX_NAME + 1);
        for (json, error) in [
            (
                format!(r#"[{{"publish":["i","{long}",1]}}]"#),
                OngoingError::Topic(257),
            ),
            (r#"[{"publish":["i","",1]}]"#.into(), OngoingError::Topic(0)),
            (
                r#"[{"publish":["i","\u0000me",1]}]"#.into(),
                OngoingError::Topic(3),
            ),
            (
                r#"[{"send":["i","forged",["got",2]]}]"#.into(),
                OngoingError::Address,
            ),
            (
                format!(r#"[{{"subscribe":["","got","{EPOCH}",7,0]}}]"#),
                OngoingError::Topic(0),
            ),
        ] {
            let applied = apply(&mut Ongoing::default(), &json, Instant::now());
            assert_eq!(applied, Err(error), "{json}");
        }
        let json = r#"[{"publish":["i","a","much too large"]}]"#;
        let applied = apply(&mut Ongoing::default(), json, Instant::now());
        assert!(matches!(
            applied,
            Err(OngoingError::Data {
                bytes: 16,
                most: 10,
                ..
            })
        ));
    }
}
