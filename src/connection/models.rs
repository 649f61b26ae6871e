//! Sessions and outboxes as `src/models.rs` tries them.

use super::*;
use crate::budget::Budget;
use crate::ids::{Point, Revision};
use crate::limits::Limits;
use crate::protocol::{Beside, ServerMessage};
use crate::session::{About, Back, Link, Session};
use crate::tree::testing::text_tree;
use crate::turns::Turns;

/// A session, the connection on which it was made, and two on which a client may come back.
pub(crate) struct Model {
    sessions: Arc<Sessions>,
    session: Arc<Session>,
    secret: String,
    old: Arc<Outbox>,
    new: [Arc<Outbox>; 2],
}

/// The revisions that the frames in the outbox show to a page, in their order.
fn revisions(outbox: &Outbox) -> Vec<u64> {
    let mut frames = Vec::new();
    let bytes = outbox.take(|text| frames.push(text));
    outbox.written(bytes);
    let texts = frames
        .iter()
        .flat_map(|frame| frame.split("revision ").skip(1));
    let numbers = texts.filter_map(|text| text.split('<').next());
    numbers.map(|number| number.parse().unwrap()).collect()
}

fn at(revision: u64) -> Point {
    Point {
        revision: Revision(revision),
        ..Point::default()
    }
}

fn outbox() -> Arc<Outbox> {
    Outbox::new(1000, Arc::new(Budget::new(1000)), Dialect::Extended)
}

impl Model {
    pub(crate) fn new() -> Self {
        let limits = Limits {
            park_time: std::time::Duration::from_nanos(1),
            ..Limits::default()
        };
        let sessions = Sessions::without_tasks(&limits, Default::default(), None);
        let old = outbox();
        let about = About {
            instance: "a".into(),
            module: "m".into(),
            bind: "".into(),
            address: "".into(),
            request: None,
            page: "".into(),
            depth: 0,
            counted: "".into(),
            holder: "".into(),
            mark: Default::default(),
        };
        let session = Session::new(about, 1, &old, "0".into(), Default::default());
        sessions.add(&session);
        Self {
            secret: session.secret(),
            sessions,
            session,
            old,
            new: [outbox(), outbox()],
        }
    }

    pub(crate) fn connection_ends(&self) {
        let session = self.session.clone();
        self.sessions.park(&Attached { session, epoch: 0 }, 1);
    }

    pub(crate) fn closes(&self) {
        self.sessions.drain();
    }

    pub(crate) fn time_is_over(&self) {
        while matches!(self.sessions.end_oldest(), crate::sessions::Oldest::Ended) {}
    }

    pub(crate) fn resumes(&self) -> bool {
        self.resumes_on(0)
    }

    pub(crate) fn resumes_on(&self, connection: usize) -> bool {
        self.resumes_at(connection, 0)
    }

    /// The actor has committed a revision that changes the page.
    pub(crate) fn commits(&self, revision: u64) {
        let tree = text_tree(&["<b>", "</b>"], &[&format!("revision {revision}")]);
        let message = ServerMessage::Replace(&tree);
        let beside = Beside::default();
        self.session.changed(at(revision), Some(&message), beside);
    }

    /// The actor lets a page in that has come back. False if the page has to be shown the whole tree.
    pub(crate) fn lets_in(&self) -> bool {
        !self.session.resumed(1, false)
    }

    pub(crate) fn reads_old_connection(&self) -> Vec<u64> {
        revisions(&self.old)
    }

    pub(crate) fn reads_new_connection(&self) -> Vec<u64> {
        revisions(&self.new[0])
    }

    pub(crate) fn resumes_at(&self, connection: usize, revision: u64) -> bool {
        let outbox = &self.new[connection];
        let link = Link {
            outbox: outbox.clone(),
            id: "1".into(),
        };
        let back = Back {
            secret: &self.secret,
            shown: at(revision),
            needs_tree: false,
            request: None,
            address: "".into(),
            asks: false,
        };
        let turns = Turns::new(&Limits::default());
        let Some(place) = turns.queue(&"".into(), &"".into()) else {
            return false;
        };
        let attached = self.session.attach(link, back, place);
        if let Ok((_, Some(ticket))) = attached {
            self.sessions.unpark(ticket);
        }
        attached.is_ok()
    }

    pub(crate) fn is_over(&self) -> bool {
        self.session.is_over()
    }

    pub(crate) fn actors_on_new_connection(&self) -> usize {
        self.new[0].actors()
    }

    pub(crate) fn actors_on_old_connection(&self) -> usize {
        self.old.actors()
    }

    pub(crate) fn actors_everywhere(&self) -> usize {
        self.old.actors() + self.new.iter().map(|outbox| outbox.actors()).sum::<usize>()
    }

    pub(crate) fn parked(&self) -> usize {
        self.sessions.parked().len()
    }
}

/// A connection's messages.
#[derive(Clone)]
pub(crate) struct Messages(Arc<Outbox>);

impl Messages {
    pub(crate) fn new(budget: Arc<Budget>) -> Self {
        Self(Outbox::new(1000, budget, Dialect::Classic))
    }

    pub(crate) fn push(&self, actor: u64) {
        self.0.push(actor, "message".into());
    }

    /// Waits for messages and writes them; returns how many there were.
    pub(crate) async fn write(&self) -> usize {
        let todo = poll_fn(|context| self.0.poll(context, false)).await;
        assert!(matches!(todo, Todo::Write));
        let mut count = 0;
        let bytes = self.0.take(|_| count += 1);
        self.0.written(bytes);
        count
    }
}
