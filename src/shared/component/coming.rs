//! The viewers of a shared component, as they come and go: viewers whose pages are here, viewers whose pages
//! are away, and the numbers of viewers that have gone.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::time::Instant;

use super::{Component, Failure, Lives, State};
use crate::clock::unix_now;
use crate::dispatch::Caller;
use crate::ids::{EventNumber, Point};
use crate::live_socket::LiveSocket;
use crate::protocol::extended::JoinFlags;
use crate::protocol::{Beside, Refusal};
use crate::shared::BUSY;
use crate::shared::failures::{Failed, Failures};
use crate::shared::said::{Said, remembered};
use crate::shared::viewer::{From, Viewed, Viewer};

/// The list of viewers that are away may have so many entries before entries of pages that are back are
/// removed.
const LEAST_NOTED: usize = 16;

/// The content of a page's ticket.
#[derive(Clone, Copy, Debug)]
pub(in crate::shared) struct Ticketed {
    /// The lives of the component that had let the page in.
    pub(in crate::shared) lives: Lives,
    /// When the ticket was made, in seconds since 1970.
    pub(in crate::shared) issued_at: u64,
    /// The ticket is so new that a viewer whose number is not known has never had one, unless numbers had to make
    /// room since.
    pub(in crate::shared) is_new: bool,
}

/// The facts with which a page is let in.
pub(in crate::shared) struct Admission {
    /// The connection's epoch.
    pub(in crate::shared) epoch: u64,
    /// How often viewers of the component had been dismissed when `authorize` was asked about the page.
    pub(in crate::shared) dismissals: u64,
    /// The content of the page's ticket, if it has one.
    pub(in crate::shared) ticket: Option<Ticketed>,
    /// The point that the page shows, if it shows the component already.
    pub(in crate::shared) shown: Option<Point>,
    /// The last answer that the page has, and the revision that it shows.
    pub(in crate::shared) known: Point,
    /// The ticket for the next time that the page comes back.
    pub(in crate::shared) new_ticket: Box<str>,
    /// The owner's knowledge of the page, if the owner is another process.
    pub(in crate::shared) owner: Option<LetInElsewhere>,
}

/// A page that another process lets in.
pub(in crate::shared) struct Elsewhere {
    pub(in crate::shared) process: Arc<str>,
    pub(in crate::shared) caller: Arc<Caller>,
    pub(in crate::shared) address: Arc<str>,
    /// The last answer that the page has, and the revision that it shows.
    pub(in crate::shared) known: Point,
    /// The page has a ticket of this state.
    pub(in crate::shared) is_known: bool,
    /// An earlier owner has issued the ticket.
    pub(in crate::shared) is_of_earlier_owner: bool,
    pub(in crate::shared) dismissals: u64,
}

/// The owner's knowledge of a page that another process lets in.
pub(in crate::shared) struct LetInElsewhere {
    /// The connection's epoch, as the owner counts it.
    pub(in crate::shared) epoch: u64,
    /// The viewer, or how far its events have got, was known.
    pub(in crate::shared) was_known: bool,
    /// The results of events up to this one are not remembered, or the page knows them.
    pub(in crate::shared) base: EventNumber,
    pub(in crate::shared) said: Vec<Said>,
    /// When a number of the page's holder had to make room the last time, in seconds since 1970.
    pub(in crate::shared) made_room_at: u64,
}

/// A viewer that was listed, or not.
enum Entered {
    Now(EnteredNow),
    /// `authorize` is to be asked again.
    Again,
    /// The page has come with a later connection.
    Later,
}

struct EnteredNow {
    /// This very viewer was listed before.
    is_known: bool,
    /// How far the events of the page had got, with another viewer or before that.
    said: Option<(EventNumber, Vec<Said>)>,
    made_room_at: u64,
}

impl Component {
    /// These viewers were here in an earlier life, and these of their events have failed.
    pub(in crate::shared) fn set_numbers(
        &self,
        numbers: Vec<(Arc<str>, EventNumber)>,
        failures: Failures,
    ) {
        let mut failed: HashMap<_, _> = failures.into_iter().collect();
        let until = Instant::now() + self.limits.event_age + self.limits.park_time;
        let mut state = self.lock();
        for (id, number) in numbers {
            // The store does not say whose they are.
            let failed = failed.remove(&id).unwrap_or_default();
            if !failed.is_empty() {
                state.have_failed.add(&id);
            }
            state.keep_number(&id, &Arc::default(), (number, failed), until);
        }
        // No event of these is in the state.
        for (id, failed) in failed {
            let number = failed
                .last()
                .map_or(EventNumber::default(), |(_, last)| *last);
            state.have_failed.add(&id);
            state.keep_number(&id, &Arc::default(), (number, failed), until);
        }
    }

    /// An event of the viewer has failed.
    pub(in crate::shared) fn has_failed(&self, viewer: &Arc<str>) {
        self.lock().have_failed.add(viewer);
    }

    /// The events that have failed, as far as their pages are not known to know of them.
    pub(in crate::shared) fn failures(&self) -> Failures {
        let state = self.lock();
        let known = |id: &Arc<str>| {
            let viewer = state.viewers.get(id).cloned();
            (id.clone(), viewer, state.numbers.failed(id))
        };
        let all: Vec<_> = state.have_failed.all().map(known).collect();
        drop(state);
        if all.is_empty() {
            return Vec::new();
        }
        let failed = all.into_iter().map(|(id, viewer, gone)| {
            let failed = viewer.map_or(gone, |viewer| viewer.failures());
            (id, failed)
        });
        let (failures, over): (Failures, Failures) =
            failed.partition(|(_, failed)| !failed.is_empty());
        let over: Vec<Arc<str>> = over.into_iter().map(|(id, _)| id).collect();
        self.lock().have_failed.remove(&over);
        failures
    }

    /// Takes the viewers whose numbers are to be forgotten.
    pub(in crate::shared) fn take_dropped(&self) -> Vec<Arc<str>> {
        self.lock().numbers.take_dropped()
    }

    /// These numbers were not dropped from the store.
    pub(in crate::shared) fn keep_dropped(&self, dropped: Vec<Arc<str>>) {
        self.lock().numbers.keep_dropped(dropped);
    }

    /// How often viewers were dismissed. If this has risen since `authorize` was asked about a page that joins, the
    /// answer does not count.
    pub(in crate::shared) fn dismissals(&self) -> u64 {
        self.lock().dismissals
    }

    /// Ends the viewers of this user and of this address; all if neither is given. Their pages join again. Gives
    /// whose pages they were.
    pub(in crate::shared) fn dismiss(
        self: &Arc<Self>,
        bind: Option<&str>,
        address: Option<&str>,
    ) -> Vec<Arc<Caller>> {
        let mut state = self.lock();
        state.dismissals += 1;
        let dismissals = state.dismissals;
        let all = state.list();
        drop(state);
        if let Some(host) = self.host() {
            host.dismissed(dismissals);
        }
        let meant = all.iter().filter(|viewer| viewer.is_of(bind, address));
        let ended = meant.filter(|viewer| {
            let ends = viewer.refuse(None, BUSY, &Refusal::Busy);
            if ends {
                self.is_left(viewer, None);
            }
            ends
        });
        ended.map(|viewer| viewer.caller()).collect()
    }

    /// The viewer of that name that is known here.
    pub(in crate::shared) fn viewer(&self, id: &str) -> Option<Arc<Viewer>> {
        self.lock().viewers.get(id).cloned()
    }

    /// Lists a viewer whose page is about to be let in on the connection of this epoch.
    fn enter(
        self: &Arc<Self>,
        viewer: &Arc<Viewer>,
        epoch: u64,
        dismissals: u64,
    ) -> Result<Entered, Failure> {
        let busy = || (BUSY.to_owned(), Refusal::Busy);
        let id = &viewer.id;
        let bind = viewer.caller().bind.clone();
        if viewer.is_classic() {
            self.has_classic.store(true, Ordering::Relaxed);
        }
        let tells_viewers = self.tells_viewers && self.following().is_none();
        let mut has_made_room = false;
        // All of this holds under the lock under which the viewer is listed.
        let (mut state, known, is_known) = loop {
            let mut state = self.lock();
            if let Some(failure) = &state.ended {
                return Err(failure.clone());
            }
            // Viewers are dismissed under this lock, too: so a viewer about whom `authorize` is not asked
            // again is found by the dismissal.
            if state.dismissals != dismissals {
                return Ok(Entered::Again);
            }
            let known = state.viewers.get(id).cloned();
            let is_known = known.as_ref().is_some_and(|one| Arc::ptr_eq(one, viewer));
            if is_known && state.here.get(id).is_some_and(|later| *later > epoch) {
                return Ok(Entered::Later);
            }
            if known.is_some() || state.viewers.len() < self.limits.viewers {
                break (state, known, is_known);
            }
            if std::mem::replace(&mut has_made_room, true) {
                return Err(busy());
            }
            let other = state.gives_way(&viewer.counted).ok_or_else(busy)?;
            drop(state);
            if !other.refuse(Some(other.epoch()), BUSY, &Refusal::Busy) {
                other.end(None);
            }
            self.is_left(&other, None);
        };
        let made_room_at = state.numbers.made_room_at(&viewer.holder);
        let number = match &known {
            Some(_) => None,
            None => state.numbers.take(id),
        };
        if known.is_none() && tells_viewers {
            state.joined_and_left.joined(id, &bind);
        }
        if let Some(other) = &known {
            state.crowd.remove(&other.counted, id);
        }
        state.crowd.add(&viewer.counted, id);
        state.viewers.insert(id.clone(), viewer.clone());
        let is_first = state.here.is_empty();
        state.here.insert(id.clone(), epoch);
        state.away.remove(id);
        state.list = None;
        drop(state);
        if is_first {
            self.is_there_or_not();
        }
        let said = match known.filter(|_| !is_known) {
            // Another connection of the same page was quicker, or the page was in another process.
            Some(other) => {
                other.end(None);
                Some(other.take_said())
            }
            None => number.map(|(number, failed)| remembered(number, &failed)),
        };
        Ok(Entered::Now(EnteredNow {
            is_known,
            said,
            made_room_at,
        }))
    }

    /// Lets a page in that another process has let in.
    pub(in crate::shared) fn let_in_elsewhere(
        self: &Arc<Self>,
        viewer: &Arc<Viewer>,
        page: Elsewhere,
    ) -> Result<Option<LetInElsewhere>, Failure> {
        let Elsewhere {
            process,
            caller,
            address,
            known,
            is_known: has_ticket,
            is_of_earlier_owner,
            dismissals,
        } = page;
        let viewed: Arc<dyn Viewed> = self.clone();
        viewer.show(Arc::downgrade(&viewed));
        let EnteredNow {
            is_known,
            said,
            made_room_at,
        } = match self.enter(viewer, viewer.epoch() + 1, dismissals)? {
            Entered::Now(entered) => entered,
            Entered::Again => return Ok(None),
            Entered::Later => return Err((BUSY.to_owned(), Refusal::Busy)),
        };
        let was_known = is_known || said.is_some();
        if let Some((base, said)) = said {
            viewer.goes_on(base, said);
        }
        let known = match has_ticket {
            true => known,
            false => Point::default(),
        };
        if is_of_earlier_owner {
            viewer.knows(known, self.shown().ring.newest());
        }
        let entered = viewer.let_in_elsewhere(&process, caller, address, known.event);
        let Some((epoch, base, said)) = entered else {
            self.is_left(viewer, None);
            return Err((BUSY.to_owned(), Refusal::Busy));
        };
        if self.tells_viewers && !is_known {
            self.changed.notify_one();
        }
        // The component may have ended meanwhile, and then this viewer was not told.
        let ended = self.lock().ended.clone();
        let entered = LetInElsewhere {
            epoch,
            was_known,
            base,
            said,
            made_room_at,
        };
        ended.map_or(Ok(Some(entered)), Err)
    }

    /// Lets a page in. False if it has to be asked about again.
    pub(in crate::shared) fn let_in(
        self: &Arc<Self>,
        viewer: &Arc<Viewer>,
        admission: Admission,
    ) -> Result<bool, Failure> {
        let Admission {
            epoch,
            dismissals,
            ticket,
            shown,
            known,
            new_ticket,
            owner,
        } = admission;
        let EnteredNow {
            is_known,
            said,
            mut made_room_at,
        } = match self.enter(viewer, epoch, dismissals)? {
            Entered::Now(entered) => entered,
            Entered::Again => return Ok(false),
            // The page has come with another connection meanwhile, on which it was let in.
            Entered::Later => return Ok(true),
        };
        let mut was_known = is_known || said.is_some();
        if let Some(owner) = owner {
            // The owner has the numbers of the page's earlier viewers.
            was_known = owner.was_known;
            made_room_at = owner.made_room_at;
            viewer.goes_on(owner.base, owner.said);
        }
        let lives = self.lives();
        let is_same = ticket.is_some_and(|ticket| ticket.lives.since == lives.since);
        // Revisions count within a life: at the same one, the next process may have rendered something else.
        let shown = shown.filter(|_| ticket.is_some_and(|ticket| ticket.lives == lives));
        let is_new_ticket =
            ticket.is_some_and(|ticket| ticket.is_new && ticket.issued_at > made_room_at);
        let flags = JoinFlags {
            anew: ticket.is_some() && !is_same,
            shared: true,
            lost: is_same && !was_known && !is_new_ticket,
            ..JoinFlags::default()
        };
        if let Some((base, said)) = said {
            viewer.goes_on(base, said);
        }
        let (reaches, newest) = {
            let ring = &self.shown().ring;
            let reaches = |point: Point| ring.reaches(point.revision);
            (shown.is_some_and(reaches), ring.newest())
        };
        let goes_on = is_same && !flags.lost;
        let from = match shown {
            Some(point) if goes_on && reaches => From::Shown(point),
            _ => From::Tree(flags),
        };
        let seen = match goes_on {
            true => known.event,
            false => EventNumber::default(),
        };
        let is_of_earlier_owner = ticket.is_some_and(|ticket| ticket.lives != lives);
        if goes_on && is_of_earlier_owner {
            viewer.knows(known, newest);
        }
        let pushed = shown.filter(|_| goes_on && reaches);
        viewer.was_pushed(pushed.map_or(newest, |point| point.revision));
        if !viewer.let_in(&**self, epoch, from, seen, new_ticket) {
            self.is_left(viewer, (!viewer.is_over()).then_some(epoch));
            return Ok(true);
        }
        if self.tells_viewers && !is_known {
            self.changed.notify_one();
        }
        // The component may have ended meanwhile, and then this viewer was not told.
        let ended = self.lock().ended.clone();
        ended.map_or(Ok(true), Err)
    }

    /// The first page shows the component, or no page does any more: the actor looks, because of presence.
    fn is_there_or_not(&self) {
        self.tell(LiveSocket::viewers_ask);
    }

    /// Whether a page shows the component.
    pub(in crate::shared) fn is_there(&self) -> bool {
        !self.lock().here.is_empty()
    }

    /// How many entries the list of viewers that are away has.
    #[cfg(all(test, not(shuttle)))]
    pub(in crate::shared) fn noted_away(&self) -> usize {
        self.lock().away_order.len()
    }

    /// A viewer is gone. Its number is kept for as long as its events may still come.
    fn forget(
        &self,
        state: &mut State,
        viewer: &Viewer,
        bind: &Arc<str>,
        handled: (EventNumber, Vec<Failed>),
        now: Instant,
    ) {
        let id = &viewer.id;
        state.viewers.remove(id);
        state.crowd.remove(&viewer.counted, id);
        state.here.remove(id);
        state.away.remove(id);
        state.list = None;
        if self.tells_viewers && self.following().is_none() {
            state.joined_and_left.left(id, bind);
        }
        if handled.0 > EventNumber::default() {
            let until = now + self.limits.event_age + self.limits.park_time;
            state.keep_number(id, &viewer.holder, handled, until);
        }
    }

    /// An event is committed whose viewer has ended meanwhile. The next viewer of the same page reports the
    /// event, and does not take it again; if the page has no next viewer so far, it finds the number later.
    /// Gives the viewer that has to report the event.
    pub(in crate::shared) fn is_late(
        &self,
        viewer: &Arc<Viewer>,
        point: Point,
        beside: Beside<'_>,
    ) -> Option<Arc<Viewer>> {
        let mut last = viewer.clone();
        loop {
            let mut state = self.lock();
            let next = state.viewers.get(&viewer.id).cloned();
            let Some(next) = next.filter(|next| !Arc::ptr_eq(next, &last)) else {
                let until = Instant::now() + self.limits.event_age + self.limits.park_time;
                let number = (point.event, Vec::new());
                state.keep_number(&viewer.id, &viewer.holder, number, until);
                drop(state);
                self.changed.notify_one();
                return None;
            };
            drop(state);
            if next.applied(point, beside) {
                return Some(next);
            }
            last = next;
        }
    }

    /// The people who have joined and left, for the receiver.
    pub(in crate::shared) fn joined_and_left(&self) -> Option<Arc<str>> {
        if !self.tells_viewers {
            return None;
        }
        let told = self.lock().joined_and_left.take(Instant::now());
        // Others may wait for the next time.
        self.changed.notify_one();
        told
    }

    /// See [`Viewed::is_left`].
    pub(super) fn leaves(&self, viewer: &Arc<Viewer>, gone: Option<u64>) {
        let now = Instant::now();
        let id = &viewer.id;
        let bind = viewer.caller().bind.clone();
        let handled = (viewer.handled(), viewer.failures());
        let mut state = self.lock();
        let was_there = !state.here.is_empty();
        let is_listed = state
            .viewers
            .get(id)
            .is_some_and(|one| Arc::ptr_eq(one, viewer));
        let shown = state.here.get(id).copied();
        // The page may have been let in on a later connection than the one that is gone, but if only on an earlier one,
        // that has lost the page already.
        let is_meant = shown.is_none_or(|shown| gone.is_none_or(|gone| gone >= shown));
        if is_listed && is_meant {
            let was_here = state.here.remove(id).is_some();
            if let Some(following) = self.following() {
                let epoch = match gone {
                    Some(here) => following.gone(id, here),
                    None => following.forget(id),
                };
                let gone = epoch.map(|epoch| (id.clone(), epoch, gone.is_some()));
                state.gone.extend(gone);
            }
            if gone.is_some() {
                state.goes_away(id, now + self.limits.park_time);
            } else {
                self.forget(&mut state, viewer, &bind, handled, now);
            }
            if was_here && state.here.is_empty() {
                state.until = state.until.max(now + self.limits.park_time);
            }
        }
        let ends = state.closing && state.here.is_empty() && state.ended.is_none();
        let is_last = was_there && state.here.is_empty();
        drop(state);
        self.changed.notify_one();
        if is_last || self.following().is_some() {
            self.is_there_or_not();
        }
        if ends {
            self.finish();
        }
    }
}

impl State {
    /// The viewer's page has gone, and may come back until then.
    fn goes_away(&mut self, id: &Arc<str>, until: Instant) {
        self.away.insert(id.clone(), until);
        self.away_order.push_back((until, id.clone()));
        // A page that comes and goes all the time stands in it once for each time. Each entry is looked at a constant
        // number of times.
        if self.away_order.len() > 2 * self.away.len() + LEAST_NOTED {
            let away = &self.away;
            self.away_order
                .retain(|(until, id)| away.get(id) == Some(until));
        }
    }

    /// The viewer that gives way to one more page of this address, if there are too many: the viewer that has
    /// been away for longest; or one of the address that has most, if that address has more than this one.
    fn gives_way(&mut self, address: &str) -> Option<Arc<Viewer>> {
        while let Some((until, id)) = self.away_order.front() {
            if self.away.get(id) == Some(until) {
                return self.viewers.get(id).cloned();
            }
            // The viewer is back, or has gone again since.
            self.away_order.pop_front();
        }
        let id = self.crowd.gives_way(address)?;
        self.viewers.get(id).cloned()
    }

    /// Keeps the number of a viewer that is gone.
    fn keep_number(
        &mut self,
        id: &Arc<str>,
        holder: &Arc<str>,
        number: (EventNumber, Vec<Failed>),
        until: Instant,
    ) {
        self.numbers.add(id, holder, number, until, unix_now());
    }
}
