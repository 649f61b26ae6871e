//! The tokens that a page joins with: its token, an anchor behind the token, a checkpoint, a ticket.

use std::time::Duration;

use super::{Claims, Keyring, Kind, TokenError};

/// How many characters at the start of a token contain its nonce.
const NONCE_TEXT: usize = 34;
/// How many characters at the end of a token contain its tag.
const TAG_TEXT: usize = 22;
/// Stands between a page's token and an anchor. The alphabet of tokens does not contain it.
pub const ANCHORED: char = '.';

impl Keyring {
    /// Opens the text that a page joins with: its token, its token followed by an anchor, or a checkpoint.
    /// With an anchor, the claims of the page's token get the anchor's component.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn open_join(
        &self,
        token: &str,
        bind: &str,
        now: u64,
        max_age: Duration,
    ) -> Result<Claims, TokenError> {
        let (token, anchor) = match token.split_once(ANCHORED) {
            Some((token, anchor)) => (token, Some(anchor)),
            None => (token, None),
        };
        let mut claims = self.open(token, bind, now, max_age)?;
        if let Some(anchor) = anchor {
            let anchor = self.open(anchor, &anchored(token, bind), now, max_age)?;
            let is_of_page = matches!(claims.kind, Kind::Mount | Kind::Child);
            let fits = is_of_page && anchor.module == claims.module;
            if !fits || anchor.kind != Kind::Anchor {
                return Err(TokenError::Malformed);
            }
            claims.instance = anchor.instance;
            claims.life = anchor.life;
        }
        match claims.kind {
            Kind::Mount | Kind::Checkpoint | Kind::Shared | Kind::Child => Ok(claims),
            Kind::Anchor | Kind::Address | Kind::Ticket | Kind::SharedState => {
                Err(TokenError::Malformed)
            }
        }
    }

    /// As [`open_join`](Self::open_join); but the token of a shared component may have expired if the page brings
    /// a `ticket` that has not: a page may be open for longer than its token is good.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn open_shared(
        &self,
        token: &str,
        ticket: Option<&str>,
        bind: &str,
        now: u64,
        max_age: Duration,
    ) -> Result<Claims, TokenError> {
        let opened = self.open_join(token, bind, now, max_age);
        let (Err(TokenError::Expired), Some(ticket)) = (&opened, ticket) else {
            return opened;
        };
        let claims = self.open_join(token, bind, now, Duration::MAX)?;
        let is_shared = claims.kind == Kind::Shared;
        let is_known = || {
            self.open_ticket(ticket, &claims, bind, now, max_age)
                .is_some()
        };
        if is_shared && is_known() {
            Ok(claims)
        } else {
            opened
        }
    }

    /// Opens the ticket of a viewer of the shared component that `claims` are about; `None` if the text is no
    /// such ticket, or has expired.
    pub fn open_ticket(
        &self,
        ticket: &str,
        claims: &Claims,
        bind: &str,
        now: u64,
        max_age: Duration,
    ) -> Option<Claims> {
        let opened = self.open(ticket, bind, now, max_age).ok()?;
        let fits = opened.kind == Kind::Ticket
            && opened.module == claims.module
            && opened.instance == claims.instance
            && !opened.viewer.is_empty();
        fits.then_some(opened)
    }
}

/// The text that an anchor is bound to: it names the page's token (an anchor behind the token is cut off)
/// and the user of the token.
///
/// The two ends of the token identify it: they contain its nonce and its tag.
pub fn anchored(token: &str, bind: &str) -> String {
    let token = token.split(ANCHORED).next().unwrap_or_default();
    let start = token.get(..NONCE_TEXT).unwrap_or_default();
    let end = token.len().checked_sub(TAG_TEXT);
    let end = end.and_then(|at| token.get(at..)).unwrap_or_default();
    format!("{start}{end}{ANCHORED}{bind}")
}
