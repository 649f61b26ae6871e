//! Messages of a topic, and their positions.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::TopicError;

/// The name of one run of a topic's numbers: 128 random bits, made when the topic begins. Written as 22
/// letters, digits, `-` and `_`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Epoch([u8; 16]);

impl Epoch {
    /// A new name.
    ///
    /// # Errors
    /// [`TopicError::Failed`] if the system gives no random numbers.
    pub fn random() -> Result<Self, TopicError> {
        let mut bytes = [0; 16];
        let filled = getrandom::fill(&mut bytes);
        filled.map_err(|error| TopicError::Failed(format!("no random numbers: {error}")))?;
        Ok(Self(bytes))
    }

    /// The name of no epoch.
    const NONE: Self = Self([0; 16]);

    #[cfg(test)]
    pub(super) fn of(number: u128) -> Self {
        Self(number.to_be_bytes())
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl From<Epoch> for String {
    fn from(epoch: Epoch) -> Self {
        epoch.to_string()
    }
}

/// The text is not the name of an epoch.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("this is not the name of an epoch")]
pub struct NoEpoch;

impl FromStr for Epoch {
    type Err = NoEpoch;

    fn from_str(text: &str) -> Result<Self, NoEpoch> {
        let mut bytes = [0; 16];
        match URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
            Ok(16) => Ok(Self(bytes)),
            _ => Err(NoEpoch),
        }
    }
}

impl TryFrom<String> for Epoch {
    type Error = NoEpoch;

    fn try_from(text: String) -> Result<Self, NoEpoch> {
        text.parse()
    }
}

/// A place in a topic. As the position of a message, the message's own place; as the position of a
/// subscriber, the place of the last message that its state includes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Position {
    /// In which run of numbers the position is.
    pub epoch: Epoch,
    /// The number of the message within the epoch, counted from 1. 0 is before the first message.
    pub number: u64,
}

impl Position {
    /// Before everything that was published to a topic, in whatever epoch.
    pub const BEGINNING: Self = Self {
        epoch: Epoch::NONE,
        number: 0,
    };
}

/// Written as `epoch:number`, which no other position of any topic is written as.
impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.epoch, self.number)
    }
}

/// A message of a topic. All subscribers share it.
#[derive(Debug)]
pub struct Message {
    /// The id that the publisher gave, or, if it gave none, the position as text.
    pub id: Arc<str>,
    /// The published data: JSON text, as the publisher gave it.
    pub data: Arc<str>,
    /// The message's position in its topic. The position is also a cause: the ids of effects of a step that
    /// this message causes begin with the position as text.
    pub position: Position,
    /// A number that no other message in this process has. JavaScript keeps the parsed data under it,
    /// so that the data is parsed once for all receivers of a thread.
    pub key: u64,
    /// Set when the data has been written for JavaScript, which then has it under its key, or asks again.
    pub has_crossed: AtomicBool,
}

impl Message {
    /// The bytes that a message counts in a history beside its data and its id: about those of its parts.
    pub const OVERHEAD: usize = 192;

    /// A message with a new key.
    pub fn new(id: Option<&str>, data: Arc<str>, position: Position) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self {
            id: id.map_or_else(|| position.to_string().into(), Arc::from),
            data,
            position,
            key: NEXT.fetch_add(1, Ordering::Relaxed),
            has_crossed: AtomicBool::new(false),
        }
    }

    /// The bytes that the message counts in a history.
    pub fn weight(&self) -> usize {
        self.data.len() + self.id.len() + Self::OVERHEAD
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_is_read_as_it_was_written() {
        let epoch = Epoch::random().unwrap();
        assert_ne!(epoch, Epoch::random().unwrap());
        let text = epoch.to_string();
        assert_eq!((text.len(), text.parse()), (22, Ok(epoch)));
        for wrong in [
            "",
            "a",
            &text[1..],
            &format!("{text}A"),
            "!!!!!!!!!!!!!!!!!!!!!!",
        ] {
            assert_eq!(wrong.parse::<Epoch>(), Err(NoEpoch), "{wrong}");
        }
        let position = Position { epoch, number: 7 };
        let json = serde_json::to_string(&position).unwrap();
        assert_eq!(json, format!(r#"{{"epoch":"{text}","number":7}}"#));
        assert_eq!(serde_json::from_str::<Position>(&json).unwrap(), position);
        assert!(serde_json::from_str::<Position>(r#"{"epoch":"a","number":7}"#).is_err());
    }

    #[test]
    fn a_message_without_an_id_is_named_by_its_position() {
        let epoch = Epoch::of(0);
        let position = Position { epoch, number: 7 };
        let named = Message::new(Some("a"), "1".into(), position);
        let unnamed = Message::new(None, "1".into(), position);
        assert_eq!(&*named.id, "a");
        assert_eq!(&*unnamed.id, "AAAAAAAAAAAAAAAAAAAAAA:7");
        assert_ne!(named.key, unnamed.key);
    }
}
