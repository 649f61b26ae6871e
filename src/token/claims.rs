//! The content of a token, and its bytes before they are sealed.

use crate::ids::{EventNumber, Life, Point, Revision};

/// The longest URL of a page that is sealed, in bytes; `lib/call/context.ts` shortens longer ones.
pub const MAX_PAGE: usize = 2048;

/// The uses of a token. One kind never opens as another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Starts a component of a rendered page.
    Mount = 1,
    /// Starts a component again, with the state that the checkpoint seals.
    Checkpoint = 2,
    /// Names the component that a page's token has started. It is sent instead of the first checkpoint
    /// if the state is too large to be sealed at once. Starts nothing by itself.
    Anchor = 3,
    /// Names a component to those who may send messages to it. Starts nothing.
    Address = 4,
    /// Shows a shared component in a rendered page, and starts the component if it does not live.
    Shared = 5,
    /// Names a viewer of a shared component, so that the numbers of its events go on. Starts nothing by itself.
    Ticket = 6,
    /// The state of a shared component, in a store. No page gets one.
    SharedState = 7,
    /// Starts a nested component of a rendered page, under its parent.
    Child = 10,
}

/// The contents of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// The use of the token.
    pub kind: Kind,
    /// The module that may start.
    pub module: String,
    /// The version that the module had when the token was made; the props have the form of this version.
    pub version: u32,
    /// The props to start with, as JSON.
    pub props_json: String,
    /// The parts of the state beside the props: subscriptions, timers, and effects that are not done, as
    /// JSON. Empty if there are none.
    pub ongoing: String,
    /// The component of a checkpoint or an anchor. Empty in a page's token, which can start many. In the token of
    /// a shared component and in a ticket: the component's key.
    pub instance: String,
    /// The viewer of a ticket; else empty.
    pub viewer: String,
    /// In a ticket: the life of the actor that the page was let in to. The page's revision is one of this
    /// life. Otherwise 0.
    pub owner: Life,
    /// The point that a checkpoint's state has reached.
    pub point: Point,
    /// The life that a checkpoint was made in. Of a shared component, in a ticket and in a state: the life that
    /// the state began in, which names the state whatever process goes on with it.
    pub life: Life,
    /// The URL of the page, at most [`MAX_PAGE`] bytes; empty if the application gave none.
    pub page: String,
    /// When the token was made, in seconds since 1970.
    pub issued_at: u64,
    /// In a state of a store: the answers that the page may not have and that no tree repeats, as JSON; for a
    /// shared component, the events of its viewers that have failed. Empty if there are none.
    pub unsaid: String,
}

/// The first byte of a state that has something unsaid, so that no other token is longer for it.
const UNSAID: u8 = 8;
/// The same for a shared component.
const SHARED_UNSAID: u8 = 9;

/// A token that could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the token could not be sealed: {0}")]
pub struct SealError(pub(super) String);

/// Why a token was refused. Only the log says the reason: the browser learns only that the token is not
/// valid.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
pub enum TokenError {
    /// Not a token of this format, or cut off.
    #[error("the token is malformed")]
    Malformed,
    /// Changed on the way, made with another secret, or bound to another user.
    #[error("the token was changed, or made with another secret, or for another user")]
    Forged,
    /// Older than the maximum age, or issued too far in the future.
    #[error("the token has expired")]
    Expired,
}

impl Claims {
    /// Claims of this kind that say nothing else.
    pub fn empty(kind: Kind) -> Self {
        Self {
            kind,
            module: String::new(),
            version: 0,
            props_json: String::new(),
            ongoing: String::new(),
            instance: String::new(),
            viewer: String::new(),
            owner: Life::default(),
            point: Point::default(),
            life: Life::default(),
            page: String::new(),
            issued_at: 0,
            unsaid: String::new(),
        }
    }

    /// The bytes that are sealed.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, SealError> {
        let texts = [
            &self.module,
            &self.instance,
            &self.page,
            &self.ongoing,
            &self.props_json,
        ];
        let size = texts.iter().map(|text| text.len()).sum::<usize>() + self.unsaid.len() + 64;
        let mut plain = Vec::with_capacity(size);
        plain.push(match (self.unsaid.is_empty(), self.kind) {
            (true, kind) => kind as u8,
            (false, Kind::SharedState) => SHARED_UNSAID,
            (false, _) => UNSAID,
        });
        let Point { event, revision } = self.point;
        let numbers = [
            self.issued_at,
            event.0,
            revision.0,
            self.life.0,
            self.version.into(),
        ];
        numbers
            .into_iter()
            .for_each(|number| push_number(&mut plain, number));
        if self.page.len() > MAX_PAGE {
            return Err(SealError("the page's URL is too long".to_owned()));
        }
        let [module, instance, page, ongoing, props_json] = texts;
        // Only a ticket has a viewer, so that no other token is longer for it.
        let viewer = (self.kind == Kind::Ticket).then_some(&self.viewer);
        for text in [page, module, instance, ongoing].into_iter().chain(viewer) {
            push_number(&mut plain, text.len() as u64);
            plain.extend_from_slice(text.as_bytes());
        }
        if self.kind == Kind::Ticket {
            push_number(&mut plain, self.owner.0);
        }
        if !self.unsaid.is_empty() {
            push_number(&mut plain, self.unsaid.len() as u64);
            plain.extend_from_slice(self.unsaid.as_bytes());
        }
        plain.extend_from_slice(props_json.as_bytes());
        Ok(plain)
    }

    /// From bytes that were sealed.
    pub(super) fn from_bytes(plain: &[u8]) -> Result<Self, TokenError> {
        fn text(bytes: &[u8]) -> Result<String, TokenError> {
            String::from_utf8(bytes.to_vec()).map_err(|_| TokenError::Malformed)
        }
        fn sized(rest: &mut &[u8]) -> Result<String, TokenError> {
            let len = usize::try_from(take_number(rest)?).map_err(|_| TokenError::Malformed)?;
            let (head, tail) = rest.split_at_checked(len).ok_or(TokenError::Malformed)?;
            *rest = tail;
            text(head)
        }
        let (kind, mut rest) = plain.split_first().ok_or(TokenError::Malformed)?;
        let has_unsaid = matches!(*kind, UNSAID | SHARED_UNSAID);
        let kind = match *kind {
            1 => Kind::Mount,
            2 | UNSAID => Kind::Checkpoint,
            3 => Kind::Anchor,
            4 => Kind::Address,
            5 => Kind::Shared,
            6 => Kind::Ticket,
            7 | SHARED_UNSAID => Kind::SharedState,
            10 => Kind::Child,
            _ => return Err(TokenError::Malformed),
        };
        let rest = &mut rest;
        let issued_at = take_number(rest)?;
        let event = EventNumber(take_number(rest)?);
        let revision = Revision(take_number(rest)?);
        let life = Life(take_number(rest)?);
        let version = u32::try_from(take_number(rest)?).map_err(|_| TokenError::Malformed)?;
        let page = sized(rest)?;
        let module = sized(rest)?;
        let instance = sized(rest)?;
        let ongoing = sized(rest)?;
        let (viewer, owner) = match kind {
            Kind::Ticket => (sized(rest)?, Life(take_number(rest)?)),
            _ => Default::default(),
        };
        let unsaid = match has_unsaid {
            true => sized(rest)?,
            false => String::new(),
        };
        Ok(Self {
            kind,
            module,
            version,
            props_json: text(rest)?,
            ongoing,
            instance,
            viewer,
            owner,
            point: Point { event, revision },
            life,
            page,
            issued_at,
            unsaid,
        })
    }
}

/// Appends a number in as few bytes as it needs, seven bits in each, the lowest first (LEB128).
fn push_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Takes a number that [`push_number`] wrote.
fn take_number(rest: &mut &[u8]) -> Result<u64, TokenError> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, tail) = rest.split_first().ok_or(TokenError::Malformed)?;
        *rest = tail;
        let bits = u64::from(byte & 0x7f);
        if bits << shift >> shift != bits {
            break;
        }
        number |= bits << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(TokenError::Malformed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_unknown_kind_is_refused() {
        let mut plain = vec![2];
        plain.extend_from_slice(&[0; 9]);
        assert_eq!(
            Claims::from_bytes(&plain).map(|claims| claims.kind),
            Ok(Kind::Checkpoint)
        );
        plain[0] = 9;
        assert_eq!(Claims::from_bytes(&plain), Err(TokenError::Malformed));
    }

    proptest! {
        #[test]
        fn a_number_is_read_as_it_was_written(number in any::<u64>(), shift in 0..64) {
            let number = number >> shift;
            let mut bytes = Vec::new();
            push_number(&mut bytes, number);
            prop_assert!(bytes.len() <= 10);
            let mut rest = bytes.as_slice();
            prop_assert_eq!(take_number(&mut rest), Ok(number));
            prop_assert!(rest.is_empty());
        }
    }

    #[test]
    fn a_number_that_is_too_large_or_has_no_end_is_none() {
        for bytes in [
            &[0xff; 11][..],
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2],
            &[0x80],
            &[],
        ] {
            assert_eq!(take_number(&mut &*bytes), Err(TokenError::Malformed));
        }
    }
}
