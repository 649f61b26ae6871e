//! A viewer and its component as `src/models.rs` tries them.

use std::sync::atomic::AtomicU64;

use super::component::{Admission, Lives, Ticketed};
use super::*;
use crate::budget::Budget;
use crate::ids::{EventNumber, Point, Revision};
use crate::live_socket::{Asked, Events, Taken};
use crate::outbox::{Dialect, Outbox};
use crate::protocol::{Beside, Numbered};
use crate::session::Link;
use crate::stats::Stats;
use viewer::Whose;

const LIVES: Lives = Lives {
    since: Life(1),
    owner: Life(1),
};

/// A component that one page shows, whose connection is about to end, and which has sent one event.
pub(crate) struct Model {
    component: Arc<Component>,
    _registry: Arc<SharedComponents>,
    limits: Limits,
    first: Arc<Viewer>,
    handled: AtomicU64,
}

fn link() -> Link {
    Link {
        outbox: Outbox::new(1000, Arc::new(Budget::new(1000)), Dialect::Extended),
        id: "1".into(),
    }
}

fn caller() -> Arc<Caller> {
    Arc::new(Caller {
        request: "".into(),
        bind: "".into(),
        page: "".into(),
        sharing: None,
        parent: None,
    })
}

impl Model {
    pub(crate) fn new() -> Self {
        let limits = Limits {
            park_time: std::time::Duration::from_nanos(1),
            ..Limits::default()
        };
        let registry = SharedComponents::new(&limits, None);
        let name = Name {
            module: ModuleId::default(),
            key: "key".into(),
        };
        let component = Component::new(name, "".into(), &registry, &limits, true, false);
        component.set_lives(LIVES);
        let model = Self {
            first: Self::viewer(&limits),
            component,
            _registry: registry,
            limits,
            handled: AtomicU64::new(0),
        };
        model.let_in(&model.first, 0);
        model.click(&model.first, 0);
        model
    }

    fn viewer(limits: &Limits) -> Arc<Viewer> {
        let budget = Arc::new(Budget::new(1000));
        let stats = Arc::<Stats>::default();
        let events = Events::new(limits, EventNumber::default(), &stats, &budget);
        let whose = Whose {
            caller: caller(),
            address: "".into(),
            holder: "".into(),
            counted: "".into(),
        };
        Viewer::new("v".into(), whose, link(), events)
    }

    fn let_in(&self, viewer: &Arc<Viewer>, epoch: u64) {
        let viewed: Arc<dyn Viewed> = self.component.clone();
        viewer.show(Arc::downgrade(&viewed));
        let admission = Admission {
            epoch,
            dismissals: 0,
            ticket: Some(Ticketed {
                lives: LIVES,
                issued_at: u64::MAX,
                is_new: true,
            }),
            shown: None,
            known: Point::default(),
            new_ticket: "".into(),
            owner: None,
        };
        assert_eq!(self.component.let_in(viewer, admission).ok(), Some(true));
    }

    /// The page's only event, which it sends again on each connection.
    fn click(&self, viewer: &Arc<Viewer>, epoch: u64) {
        let numbered = Numbered {
            number: EventNumber(1),
            seen: EventNumber::default(),
            age: None,
        };
        viewer.event(epoch, Some(numbered), Ok(crate::testing::event("x")));
    }

    pub(crate) fn connection_ends(&self) {
        let viewer = self.first.clone();
        Viewing { viewer, epoch: 0 }.park();
    }

    pub(crate) fn time_is_over(&self) {
        self.component.sweep();
    }

    pub(crate) fn comes_back(&self) {
        let known = self.component.viewer("v");
        let attached = known.and_then(|viewer| {
            let epoch = viewer.attach(link(), caller(), "".into(), false)?;
            Some((viewer, epoch))
        });
        let (viewer, epoch) = attached.unwrap_or_else(|| (Self::viewer(&self.limits), 0));
        self.let_in(&viewer, epoch);
        self.click(&viewer, epoch);
    }

    /// The page comes back on a connection that ends before it is let in there.
    pub(crate) fn comes_back_in_vain(&self) {
        let known = self.component.viewer("v");
        let attached = known.and_then(|viewer| {
            let epoch = viewer.attach(link(), caller(), "".into(), false)?;
            Some(Viewing { viewer, epoch })
        });
        if let Some(viewing) = attached {
            viewing.park();
        }
    }

    /// The actor takes the events that wait, and commits them.
    pub(crate) fn handles(&self) {
        while let Some((viewer, Asked { taken, .. })) = self.component.next_asked() {
            let Taken::Event { number, .. } = taken else {
                continue;
            };
            let handled = self.handled.fetch_add(1, Ordering::SeqCst) + 1;
            let point = Point {
                event: number,
                revision: Revision(handled),
            };
            let mut shown = self.component.shown();
            shown.ring.push(point.revision, None);
            drop(shown);
            if !viewer.applied(point, Beside::default()) {
                self.component.is_late(&viewer, point, Beside::default());
            }
        }
    }

    /// How often the event was handled.
    pub(crate) fn handled(&self) -> u64 {
        self.handled.load(Ordering::SeqCst)
    }

    /// Whether a page shows the component, by a viewer that has not ended; and how many viewers there are.
    pub(crate) fn viewers(&self) -> (bool, usize) {
        let viewers = self.component.all_viewers();
        let shows = |viewer: &Arc<Viewer>| !viewer.is_over() && viewer.outbox().is_some();
        let is_there = self.component.is_there() && viewers.iter().all(shows);
        (is_there, viewers.len())
    }
}
