//! A component begins its life, which may come from another process; and leaves for another one.

use std::sync::Arc;

use super::ToPage;
use crate::clock::unix_millis;
use crate::codes::Code;
use crate::context::Level;
use crate::dispatch::{Dispatcher, Joins, Origin};
use crate::homes::{Elsewhere, FIRST, HandedOver};
use crate::ids::{Life, Point};
use crate::live_socket::{Begun, Committed, Newest};
use crate::ongoing::{Now, Ongoing};
use crate::props::Props;
use crate::random::random_number;
use crate::store::StoreError;
use crate::token::{Claims, Kind};

/// The past of a component that begins a life here.
#[derive(Default)]
struct Came {
    /// The life that the component was claimed in; [`FIRST`] if the component was made here. `None` without a
    /// backplane, or if Redis is away.
    life: Option<Life>,
    /// The component may have been in another process.
    has_come: bool,
    handed_over: Option<HandedOver>,
}

fn newest_of(claims: Claims, now: Now) -> Newest {
    Newest {
        point: claims.point,
        props: Arc::new(Props::from_json(&claims.props_json)),
        ongoing: Ongoing::from_json(&claims.ongoing, now),
        origin: Origin {
            joins: Joins::Checkpoint,
            version: claims.version,
            is_behind: false,
        },
    }
}

impl<D: Dispatcher> ToPage<D> {
    /// Takes the component over from the process that has it, if there is one.
    async fn come_home(&mut self) -> Result<Came, StoreError> {
        let Some(homes) = &self.context.homes else {
            return Ok(Came::default());
        };
        let Some(coming) = self.coming.take() else {
            let life = Some(FIRST);
            return Ok(Came {
                life,
                ..Came::default()
            });
        };
        let moved = homes.take_over(&coming).await;
        let moved = moved.map_err(|Elsewhere(revision)| StoreError::Elsewhere(revision))?;
        self.is_claimed = moved.life.is_some();
        Ok(Came {
            life: moved.life,
            has_come: true,
            handed_over: moved.handed_over,
        })
    }

    /// The state that another process has handed over; `None` if it is not of this component and this user.
    fn opened(&self, handed_over: &HandedOver) -> Option<Newest> {
        let about = &self.session.about;
        let claims = self
            .context
            .keyring
            .open_kept(&handed_over.sealed, &about.bind);
        let claims = claims.ok()?;
        let fits = claims.kind == Kind::Checkpoint
            && claims.module == *about.module
            && claims.instance == *about.instance;
        fits.then(|| newest_of(claims, self.context.now()))
    }

    /// Begins a life: from the state that the page has brought, that another process hands over, or that the
    /// store has.
    pub(super) async fn begins(&mut self, point: Point, before: Life) -> Result<Begun, StoreError> {
        let moved = Box::pin(self.come_home()).await?;
        let (claimed, handed_over) = (moved.life, moved.handed_over);
        let stored = match &self.context.store {
            Some(store) if before != Life::default() || moved.has_come => {
                store.claim(&self.session.about.instance, before).await?
            }
            _ => None,
        };
        self.life = match (&self.context.store, &stored, claimed) {
            (Some(_), Some(stored), _) => stored.life,
            (Some(_), None, Some(life)) if moved.has_come => life.max(before.next()),
            (Some(_), None, _) => before.next(),
            (None, _, Some(life)) => life,
            // Redis is away. This life is later than those that Redis has given so far, because it follows
            // the clock, and not later than those that Redis will give.
            (None, ..) if self.context.homes.is_some() => Life(unix_millis()).max(before.next()),
            // Nobody counts the lives of this component, so that their names must not meet by chance.
            (None, ..) => random_number().map_or_else(|| before.next(), Life),
        };
        self.session.set_life(claimed.unwrap_or(self.life));
        let mut newest = None;
        let mut revision = point.revision;
        if let Some(handed_over) = handed_over
            && let Some(state) = self.opened(&handed_over)
            && state.point.revision >= revision
        {
            self.session.inherit(&handed_over.unsaid, self.shown);
            revision = state.point.revision;
            newest = Some(state);
        }
        if let Some(stored) = stored.filter(|stored| stored.revision > revision) {
            let bind = &self.session.about.bind;
            let claims = self.context.keyring.open_kept(&stored.sealed, bind);
            let claims = claims.map_err(StoreError::Unreadable)?;
            self.session.inherit(&claims.unsaid, self.shown);
            newest = Some(newest_of(claims, self.context.now()));
        }
        Ok(Begun {
            life: self.life,
            newest,
        })
    }

    /// Hands the component over to the process that waits for it.
    pub(super) fn yields(&mut self, committed: &Committed<'_>) {
        let state = self.state_of(committed);
        let sealed = self.sealed(committed.point, state);
        self.session.hand_over(sealed);
        // The process that goes on with the component claims it.
        self.is_claimed = false;
    }

    /// The application closes, and the page is away: leaves the newer state and answers to the process that
    /// the page comes to.
    pub(super) async fn leaves_what_is_newer(&mut self, committed: &Committed<'_>) {
        let Some(homes) = self.context.homes.clone() else {
            return;
        };
        let has_store = self.context.store.is_some();
        let is_kept = has_store || self.session.has_delivered(committed.point.revision);
        if is_kept && !self.session.has_unsaid() {
            return;
        }
        let state = self.state_of(committed);
        let sealed = self.sealed(committed.point, state);
        let Some(left) = sealed.and_then(|sealed| self.session.left(sealed)) else {
            return;
        };
        self.is_claimed = false;
        let (about, life) = (&self.session.about, self.session.life());
        if let Err(error) = homes.leave(&about.instance, life, Some(&left)).await {
            let text = format!(
                "{} ({}): changes that are newer than the page's checkpoint are lost: {error}",
                about.module, about.instance
            );
            self.context.log(Level::Warn, Code::Checkpoint, text);
        }
    }

    /// The component has ended here: Redis knows no process of it any more.
    pub(super) fn forget_home(&self) {
        if self.is_claimed
            && let Some(homes) = &self.context.homes
        {
            homes.forget(&self.session.about.instance, self.session.life());
        }
    }
}
