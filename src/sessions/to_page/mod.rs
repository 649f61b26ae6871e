//! The reply end of a page's actor: sends its answers, and checkpoints of the states after them.

mod coming_home;

use std::sync::Arc;

use tokio::time::{Duration, Instant, sleep_until};

use super::Sessions;
use crate::clock::unix_now;
use crate::codes::Code;
use crate::context::{Level, Shared};
use crate::dispatch::{CallError, Dispatcher};
use crate::homes::Coming;
use crate::ids::{Life, Point};
use crate::live_socket::{Begun, Committed, Continuity, Keeper, Moment, Pace, ReplyTo, Viewers};
use crate::members::Leave;
use crate::ongoing::TopicNames;
use crate::protocol::{Beside, ServerMessage};
use crate::registry::Details;
use crate::session::Session;
use crate::session::checkpoints::{Cadence, Last, task_pause};
use crate::store::{Holder, StoreError, Stored};
use crate::token::{ANCHORED, Claims, Kind};
use crate::tree::{Child, LiveTree};

/// The memory of kept answers is counted again when it has changed by so many bytes.
const KEPT_STEP: usize = 4096;

/// The last checkpoint.
struct Sealed {
    point: Point,
    at: Instant,
    /// The size of the state then.
    bytes: usize,
    /// The epoch of the connection that the checkpoint was sent on. If that connection is gone, the
    /// checkpoint may be lost.
    epoch: u64,
}

/// The sealed state that the store has been given. A checkpoint of the same state that is due sends this
/// text, so that the state is sealed once.
struct Kept {
    point: Point,
    /// The size of the state.
    bytes: usize,
    sealed: String,
}

/// A committed state as it is sealed, in two texts of JSON.
struct StateTexts {
    props_json: String,
    /// The parts of the state beside the props: timers, subscriptions, presence, and messages that are still
    /// to be published. Empty if there are none.
    ongoing: String,
}

impl StateTexts {
    fn size(&self) -> usize {
        self.props_json.len() + self.ongoing.len()
    }
}

pub(crate) struct ToPage<D: Dispatcher> {
    context: Shared<D>,
    sessions: Arc<Sessions>,
    session: Arc<Session>,
    details: Arc<Details>,
    sealed: Option<Sealed>,
    /// The first state that was committed: until there is a checkpoint, steps count from there.
    first: Option<Point>,
    /// The life that the actor lives.
    life: Life,
    /// The least time between two changes that no event asked for; and while the page is hidden.
    pause: Duration,
    hidden_pause: Duration,
    /// The session knows that something goes on beside the props.
    is_ongoing: bool,
    /// A step changed timers, subscriptions or the like, so a checkpoint is due at once. Kept while no
    /// checkpoint can be sent to the page; cleared by the next checkpoint.
    is_due: bool,
    /// When the last such change was sent.
    last_change: Option<Instant>,
    /// The client knows that the state is too large for a checkpoint.
    is_told: bool,
    /// The token that an anchor is bound to. Set if a page's token started the component, cleared by the
    /// first checkpoint.
    anchored: Option<Box<str>>,
    /// The epoch of the connection that an anchor was sent on.
    anchor: Option<u64>,
    /// Whose state it is, as the store counts states. Made at the first save.
    holder: Option<Holder>,
    /// Set by `keep` if a checkpoint is due, taken by `committed`.
    kept: Option<Box<Kept>>,
    /// Set if the component may be in another process, until it is here.
    coming: Option<Box<Coming>>,
    /// The point of the page that has brought the state.
    shown: Point,
    /// Redis knows that the component is here, in this life.
    is_claimed: bool,
    /// The memory of props and tree, as it was last weighed.
    weight: usize,
    /// The memory of the answers that are kept, as it was last counted.
    answers: usize,
    /// The log has the warning that one nested component stands twice.
    says_twice: bool,
}

impl<D: Dispatcher> ToPage<D> {
    pub(crate) fn new(
        context: Shared<D>,
        sessions: Arc<Sessions>,
        session: Arc<Session>,
        details: Arc<Details>,
        anchored: Option<Box<str>>,
        coming: Option<Box<Coming>>,
        shown: Point,
    ) -> Self {
        let pause = context.patch_pause();
        Self {
            pause,
            hidden_pause: context.limits.hidden_patch_time.max(pause),
            context,
            sessions,
            session,
            details,
            sealed: None,
            first: None,
            life: Life::default(),
            is_ongoing: false,
            is_due: false,
            last_change: None,
            is_told: false,
            anchored,
            anchor: None,
            holder: None,
            kept: None,
            coming,
            shown,
            is_claimed: false,
            weight: 0,
            answers: 0,
            says_twice: false,
        }
    }

    /// The component has no anchor: a checkpoint is due at once.
    pub(crate) fn owing_checkpoint(mut self) -> Self {
        self.is_due = true;
        self
    }

    /// Resolves when the pause after a change that was sent at `last` is over. If the page is hidden
    /// meanwhile, the pause becomes longer; if the page is seen again, the pause ends. The pause also ends if
    /// much was pushed.
    async fn paused_since(&self, last: Instant) {
        if self.session.has_much_to_push() {
            return;
        }
        loop {
            let hidden = self.session.hidden();
            let pause = match hidden {
                Some(_) => self.hidden_pause,
                None => self.pause,
            };
            let due = last + pause;
            if due <= Instant::now() {
                return;
            }
            match hidden {
                None => sleep_until(due).await,
                Some(outbox) => tokio::select! {
                    () = sleep_until(due) => {}
                    () = outbox.seen() => {}
                },
            }
        }
    }

    /// Counts the memory of the answers that are kept. If a page has seen its answers, there is nothing to
    /// count.
    fn keeps_answers(&mut self, bytes: usize) {
        if bytes.abs_diff(self.answers) >= KEPT_STEP {
            self.answers = bytes;
            self.sessions.weighed(&self.session, self.weight + bytes);
        }
    }

    /// The time at which a checkpoint is due, `now` or later; `None` if no checkpoint is owed.
    fn due(
        &self,
        committed: &Committed<'_>,
        moment: Moment,
        epoch: u64,
        now: Instant,
    ) -> Option<Instant> {
        let last = match &self.sealed {
            Some(sealed) if sealed.epoch == epoch && sealed.point == committed.point => {
                return None;
            }
            Some(sealed) => Last {
                point: sealed.point,
                at: (sealed.epoch == epoch).then_some(sealed.at),
                bytes: sealed.bytes,
            },
            None => Last {
                point: self.first.unwrap_or(committed.point),
                at: None,
                bytes: committed.props.memory(),
            },
        };
        if committed.is_due || self.is_due {
            return Some(now);
        }
        let cadence = Cadence::of(&self.context.limits);
        let due = cadence.due(&last, committed.point, moment, now);
        let pause = last
            .at
            .filter(|_| committed.has_tasks && moment != Moment::End);
        Some(pause.map_or(due, |at| due.max(at + task_pause(last.bytes))))
    }

    /// The committed state as it is sealed.
    fn state_of(&self, committed: &Committed<'_>) -> StateTexts {
        StateTexts {
            props_json: committed.props.to_json_without(&self.details.private),
            ongoing: committed.ongoing.to_json(self.context.now()),
        }
    }

    /// A checkpoint of the state; `None` if it cannot be sealed, which is then logged.
    fn sealed(&self, point: Point, state: StateTexts) -> Option<String> {
        let bind = &self.session.about.bind;
        let StateTexts {
            props_json,
            ongoing,
        } = state;
        self.seal_as(
            Kind::Checkpoint,
            point,
            props_json,
            ongoing,
            bind,
            String::new(),
        )
    }

    /// The same for a store, with the answers that the page may not have, too: a process that goes on from
    /// there knows no answers.
    fn sealed_for_store(&self, point: Point, state: StateTexts) -> Option<String> {
        let bind = &self.session.about.bind;
        let StateTexts {
            props_json,
            ongoing,
        } = state;
        let unsaid = self.session.unsaid();
        self.seal_as(Kind::Checkpoint, point, props_json, ongoing, bind, unsaid)
    }

    fn seal_as(
        &self,
        kind: Kind,
        point: Point,
        props_json: String,
        ongoing: String,
        bind: &str,
        unsaid: String,
    ) -> Option<String> {
        let about = &self.session.about;
        let claims = Claims {
            module: about.module.to_string(),
            version: self.details.version,
            props_json,
            instance: about.instance.to_string(),
            point,
            life: self.life,
            ongoing,
            unsaid,
            // An anchor stands behind a page's token, and the token has the URL.
            page: match kind {
                Kind::Anchor => String::new(),
                _ => about.page.to_string(),
            },
            issued_at: unix_now(),
            ..Claims::empty(kind)
        };
        let sealed = self.context.keyring.seal(&claims, bind);
        sealed
            .inspect_err(|error| {
                let text = format!("{} ({}): {error}", about.module, about.instance);
                self.context.log(Level::Error, Code::Checkpoint, text);
            })
            .ok()
    }

    /// Sends the component's own name, sealed, for the client to keep until there is a checkpoint. Without
    /// it the component would have another name after a crash, and the events that are handled again would
    /// have other ids.
    fn send_anchor(&mut self, epoch: u64) {
        let Some(anchored) = self
            .anchored
            .as_ref()
            .filter(|_| self.anchor != Some(epoch))
        else {
            return;
        };
        let Some(anchor) = self.seal_as(
            Kind::Anchor,
            Point::default(),
            String::new(),
            String::new(),
            anchored,
            String::new(),
        ) else {
            return;
        };
        if self
            .session
            .checkpoint(Point::default(), Some(&format!("{ANCHORED}{anchor}")))
        {
            self.anchor = Some(epoch);
        }
    }

    /// The size of the committed state, and a checkpoint of it. If the state is too large, there is no
    /// checkpoint, and the client is told so once.
    fn checkpoint_of(&mut self, committed: &Committed<'_>) -> (usize, Option<String>) {
        let state = self.state_of(committed);
        let bytes = state.size();
        let point = committed.point;
        if bytes <= self.context.limits.checkpoint_bytes {
            return (bytes, self.sealed(point, state));
        }
        if !std::mem::replace(&mut self.is_told, true) {
            let about = &self.session.about;
            let text = format!(
                "{} ({}): the state has {bytes} bytes, more than limits.checkpointBytes, so the \
                 component does not survive a crash of the server; keep large data outside of the props",
                about.module, about.instance
            );
            self.context.log(Level::Warn, Code::Checkpoint, text);
            self.session.checkpoint(point, None);
        }
        (bytes, None)
    }

    /// Sends a checkpoint, and notes it.
    fn seal(
        &mut self,
        committed: &Committed<'_>,
        epoch: u64,
        at: Instant,
        kept: Option<Box<Kept>>,
    ) {
        let point = committed.point;
        let (bytes, sealed) = match kept.filter(|kept| kept.point == point) {
            Some(kept) => (kept.bytes, Some(kept.sealed)),
            None => self.checkpoint_of(committed),
        };
        if let Some(sealed) = sealed {
            self.is_told = false;
            if !self.session.checkpoint(point, Some(&sealed)) {
                return;
            }
        }
        self.sealed = Some(Sealed {
            point,
            at,
            bytes,
            epoch,
        });
    }
}

impl<D: Dispatcher> ReplyTo for ToPage<D> {
    fn started(&mut self, result: Result<(), &CallError>) {
        if let Err(error) = result {
            self.ended(error);
        }
    }

    fn show(&mut self, point: Point, tree: &LiveTree, continuity: Continuity) {
        self.session.show(point, tree, continuity);
    }

    fn answer(&mut self, point: Point, message: ServerMessage<'_>, beside: Beside<'_>) {
        let kept = self.session.answer(point, &message, beside);
        self.keeps_answers(kept);
    }

    fn changed(&mut self, point: Point, message: Option<ServerMessage<'_>>, beside: Beside<'_>) {
        // A change that is held back does not reach the page: the pause goes on from the last change that
        // did.
        if message.is_some() && !self.session.is_held() {
            self.last_change = Some(Instant::now());
        }
        let kept = self.session.changed(point, message.as_ref(), beside);
        self.keeps_answers(kept);
    }

    fn unhandled(&mut self, point: Point, count: u64, text: &str, is_expired: bool) {
        let kept = self.session.unhandled(point, count, text, is_expired);
        self.keeps_answers(kept);
    }

    fn resumed(&mut self, epoch: u64, has_changed: bool) -> bool {
        self.session.resumed(epoch, has_changed)
    }

    fn nests(&mut self, children: &[Child<'_>]) {
        let is_twice = self.session.nests(children);
        if is_twice && !std::mem::replace(&mut self.says_twice, true) {
            let about = &self.session.about;
            let text = format!(
                "{} ({}): the same live() stands twice in one render: give each one a key of its own, \
                 live(module, props, {{ key }})",
                about.module, about.instance
            );
            self.context.log(Level::Warn, Code::Nested, text);
        }
    }

    fn ended(&mut self, error: &CallError) {
        let text = error.public(self.context.development);
        self.session.refuse(&text, error.refusal());
    }
}

impl<D: Dispatcher> Pace for ToPage<D> {
    async fn ready(&mut self) {
        // Actors of the extended dialect do not wait: their answers are merged.
        if self.session.is_classic() {
            self.session.ready().await;
        }
    }

    fn lags(&mut self) -> bool {
        self.session.lags()
    }

    fn holds(&mut self, events_wait: bool) -> bool {
        if self.session.is_classic() {
            // The client would take the change for the answer.
            return events_wait;
        }
        let is_early = self.last_change.is_some_and(|last| {
            let since = Instant::now() - last;
            since < self.pause || (since < self.hidden_pause && self.session.hidden().is_some())
        });
        is_early && self.session.hold()
    }

    fn has_room(&self) -> bool {
        self.session.has_room()
    }

    fn tells_changes(&self) -> bool {
        !self.session.is_classic()
    }

    fn is_shown(&self) -> bool {
        self.session.is_shown()
    }

    fn merged(&mut self, point: Point, message: ServerMessage<'_>) {
        self.session.merged(point, &message);
    }

    async fn caught_up(&mut self) {
        self.session.ready().await;
        if let Some(last) = self.last_change {
            // On the heap: the future of every actor would carry it otherwise.
            Box::pin(self.paused_since(last)).await;
        }
        self.last_change = Some(Instant::now());
    }
}

impl<D: Dispatcher> Viewers for ToPage<D> {}

impl<D: Dispatcher> Keeper for ToPage<D> {
    async fn keep(&mut self, committed: Committed<'_>) -> Result<(), StoreError> {
        let Some(store) = &self.context.store else {
            return Ok(());
        };
        let point = committed.point;
        let state = self.state_of(&committed);
        let bytes = state.size();
        let sealed = self.sealed_for_store(point, state);
        let sealed =
            sealed.ok_or_else(|| StoreError::Failed("the state cannot be sealed".to_owned()))?;
        let epoch = self.session.keeps_checkpoints();
        let now = Instant::now();
        let due = epoch.and_then(|epoch| self.due(&committed, Moment::Answer, epoch, now));
        let is_due = due.is_some_and(|due| due <= now);
        let fits = bytes <= self.context.limits.checkpoint_bytes;
        let kept = (is_due && fits).then(|| {
            let sealed = sealed.clone();
            Box::new(Kept {
                point,
                bytes,
                sealed,
            })
        });
        let about = &self.session.about;
        let keyring = &self.context.keyring;
        let holder = self
            .holder
            .get_or_insert_with(|| keyring.holder(&about.bind, &about.counted));
        let stored = Stored {
            life: self.life,
            revision: point.revision,
            sealed,
        };
        store.save(&about.instance, *holder, stored).await?;
        // Only after the save: if the save fails, the state is not committed and needs no checkpoint.
        self.kept = kept;
        Ok(())
    }

    async fn begin(&mut self, point: Point, before: Life) -> Result<Begun, StoreError> {
        self.begins(point, before).await
    }

    fn waits_to_begin(&self) -> bool {
        self.coming.is_some()
    }

    fn hands_over(&mut self, committed: Committed<'_>) {
        self.yields(&committed);
    }

    async fn leaves(&mut self, committed: Committed<'_>) {
        self.leaves_what_is_newer(&committed).await;
    }

    fn weighed(&mut self, bytes: usize) {
        self.weight = bytes;
        self.sessions.weighed(&self.session, bytes + self.answers);
    }

    fn subscribed(&mut self, topics: Option<&TopicNames>, since: u64) -> Vec<Leave> {
        let topics = topics.cloned();
        self.sessions.set_topics(&self.session, topics, since)
    }

    fn committed(&mut self, committed: Committed<'_>, moment: Moment) -> Option<Instant> {
        let kept = self.kept.take();
        self.is_due |= committed.is_due;
        // Also while the page is away: it waits, when it is back, until the component has caught up.
        let is_ongoing = !committed.ongoing.is_empty() || committed.has_tasks;
        if is_ongoing != self.is_ongoing {
            self.is_ongoing = is_ongoing;
            self.session.set_ongoing(is_ongoing);
        }
        let epoch = self.session.keeps_checkpoints()?;
        self.first.get_or_insert(committed.point);
        let now = Instant::now();
        let due = self.due(&committed, moment, epoch, now)?;
        if due > now {
            self.send_anchor(epoch);
            return Some(due);
        }
        self.is_due = false;
        self.seal(&committed, epoch, now, kept);
        if self.sealed.is_some() {
            self.anchored = None;
        }
        None
    }
}

impl<D: Dispatcher> Drop for ToPage<D> {
    fn drop(&mut self) {
        // The actor has stopped already; this takes its session off every list. `end` comes first, because
        // `remove` notes the event that the session has ended with.
        self.sessions.end(&self.session);
        self.sessions.remove(&self.session);
        self.forget_home();
    }
}
