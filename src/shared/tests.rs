//! Viewers come to a shared component and go, without an actor.

use std::time::Duration;

use super::component::{Admission, Lives, PANIC};
use super::ring::Change;
use super::shown::Encodings;
use super::*;
use crate::budget::Budget;
use crate::effects::Push;
use crate::ids::{EventNumber, Point, Revision};
use crate::live_socket::{Events, Taken, Unhandled};
use crate::outbox::{Dialect, Outbox};
use crate::protocol::{Numbered, ServerMessage, extended};
use crate::session::Link;
use crate::stats::Stats;
use crate::tree::testing::text_tree;
use viewer::Whose;

struct House {
    registry: Arc<SharedComponents>,
    component: Arc<Component>,
    limits: Limits,
}

fn named(key: &str) -> Name {
    Name {
        module: ModuleId::default(),
        key: key.into(),
    }
}

fn link() -> Link {
    Link {
        outbox: Outbox::new(1 << 20, Arc::new(Budget::new(1 << 20)), Dialect::Extended),
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

impl House {
    fn new(limits: Limits) -> Self {
        let registry = SharedComponents::new(&limits, None);
        let component = Component::new(named("key"), "".into(), &registry, &limits, false, false);
        component.set_lives(Lives {
            since: Life(1),
            owner: Life(1),
        });
        Self {
            registry,
            component,
            limits,
        }
    }

    fn viewer(&self, id: &str) -> Arc<Viewer> {
        self.viewer_of(id, Arc::new(Budget::new(1 << 20)))
    }

    fn viewer_of(&self, id: &str, budget: Arc<Budget>) -> Arc<Viewer> {
        let stats = Arc::<Stats>::default();
        let events = Events::new(&self.limits, EventNumber::default(), &stats, &budget);
        let (none, all): (Arc<str>, Arc<str>) = ("".into(), "all".into());
        let whose = Whose {
            caller: caller(),
            address: none.clone(),
            holder: none,
            counted: all,
        };
        Viewer::new(id.into(), whose, link(), events)
    }

    fn let_in(&self, viewer: &Arc<Viewer>, epoch: u64) {
        let viewed: Arc<dyn Viewed> = self.component.clone();
        viewer.show(Arc::downgrade(&viewed));
        let admission = Admission {
            epoch,
            dismissals: 0,
            ticket: None,
            shown: None,
            known: Point::default(),
            new_ticket: "".into(),
            owner: None,
        };
        assert_eq!(self.component.let_in(viewer, admission).ok(), Some(true));
    }

    /// A page that shows the component.
    fn page(&self, id: &str) -> Arc<Viewer> {
        let viewer = self.viewer(id);
        self.let_in(&viewer, 0);
        viewer
    }
}

fn comes_back(viewer: &Arc<Viewer>) -> u64 {
    viewer.attach(link(), caller(), "".into(), false).unwrap()
}

fn cut(viewer: &Arc<Viewer>, epoch: u64) {
    let viewer = viewer.clone();
    Viewing { viewer, epoch }.park();
}

/// The join of the second connection waits for its turn, and ends with the connection.
#[tokio::test(start_paused = true)]
async fn a_page_whose_next_connection_ends_before_it_is_let_in_there_is_away() {
    let house = House::new(Limits::default());
    let viewer = house.page("v");
    let epoch = comes_back(&viewer);
    cut(&viewer, epoch);
    // Late: this one has lost the page already.
    cut(&viewer, 0);
    assert!(!house.component.is_there());
    let component = &house.component;
    tokio::time::advance(house.limits.park_time + Duration::from_secs(1)).await;
    component.sweep();
    assert!(component.viewer("v").is_none() && viewer.is_over());
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_ends_late_takes_nothing_from_the_page_on_its_next_one() {
    let house = House::new(Limits::default());
    let viewer = house.page("v");
    let epoch = comes_back(&viewer);
    house.let_in(&viewer, epoch);
    cut(&viewer, 0);
    assert!(house.component.is_there() && viewer.outbox().is_some());
}

/// One page is away, so entries behind it in the list are not looked at.
#[tokio::test(start_paused = true)]
async fn a_page_that_comes_and_goes_leaves_no_list_of_its_visits() {
    let house = House::new(Limits::default());
    cut(&house.page("first"), 0);
    let viewer = house.page("second");
    let mut epoch = 0;
    for _ in 0..10_000 {
        tokio::time::advance(Duration::from_millis(1)).await;
        cut(&viewer, epoch);
        epoch = comes_back(&viewer);
        house.let_in(&viewer, epoch);
    }
    assert!(house.component.noted_away() < 100);
    // The viewer that has been away for longest still ends first.
    tokio::time::advance(house.limits.park_time + Duration::from_secs(1)).await;
    house.component.sweep();
    let component = &house.component;
    assert!(component.viewer("first").is_none() && component.viewer("second").is_some());
}

#[tokio::test]
async fn the_heaviest_ends_if_all_are_too_heavy_and_one_that_has_ended_weighs_nothing() {
    let limits = Limits {
        component_bytes: 1000,
        ..Limits::default()
    };
    let house = House::new(limits);
    let registry = &house.registry;
    let [a, b, c] = ["a", "b", "c"].map(|key| {
        let name = named(key);
        let component = Component::new(
            name.clone(),
            "".into(),
            registry,
            &house.limits,
            false,
            false,
        );
        registry.lock().components.insert(name, component.clone());
        component
    });
    a.weighed(300);
    b.weighed(500);
    b.weighed(400);
    c.weighed(300);
    assert!(![&a, &b, &c].iter().any(|one| one.has_ended()));
    a.weighed(301);
    assert!(b.has_ended() && !a.has_ended() && !c.has_ended());
    // A component may be weighed once more while its actor ends.
    b.weighed(400);
    c.weighed(600);
    assert!(!a.has_ended() && !c.has_ended());
    assert_eq!(registry.weight(), 901);
    a.end(BUSY, &Refusal::Busy);
    c.end(BUSY, &Refusal::Busy);
    assert_eq!(registry.weight(), 0);
}

/// A page that is hidden has changes held back, but not so long that pushes are forgotten meanwhile.
#[tokio::test(start_paused = true)]
async fn what_is_pushed_to_all_is_not_lost_to_a_page_that_is_hidden() {
    let house = House::new(Limits::default());
    let viewer = house.page("v");
    let outbox = viewer.outbox().unwrap();
    let mut pushed = 0;
    let mut got = 0;
    let read = || {
        let mut texts = String::new();
        let bytes = outbox.take(|text| texts.push_str(&text));
        outbox.written(bytes);
        texts.matches("\"saved\"").count()
    };
    let tree = text_tree(&["<b>", "</b>"], &["a"]);
    let wanted = house.component.shown().wanted();
    let made = Encodings::of(&tree, Revision::default(), wanted, false);
    house.component.shown().take_tree(made);
    viewer.deliver(&*house.component);
    read();
    outbox.set_hidden(true);
    for revision in 1..=2000 {
        let push = Push {
            name: "saved".into(),
            data: format!("{:?}", "x".repeat(1000)).into(),
        };
        let mut shown = house.component.shown();
        shown.ring.push_to_all(Revision(revision), &[push]);
        let change = Change {
            extended: extended::encode_for_many(&ServerMessage::Replace(&tree), false),
            classic: None,
            replaces: true,
        };
        shown.ring.push(Revision(revision), Some(Arc::new(change)));
        shown.take_tree(Encodings::of(&tree, Revision(revision), wanted, false));
        drop(shown);
        pushed += 1;
        viewer.deliver(&*house.component);
        got += read();
    }
    outbox.set_hidden(false);
    viewer.deliver(&*house.component);
    got += read();
    assert_eq!(got, pushed);
}

/// A change for many pages is sent by a task of its own.
#[tokio::test]
async fn a_fault_of_the_task_that_sends_changes_ends_the_component_and_tells_its_pages() {
    let house = House::new(Limits::default());
    let pages: Vec<_> = (0..100).map(|page| house.page(&page.to_string())).collect();
    house.page(PANIC);
    house.component.fan_out();
    while !house.component.has_ended() {
        tokio::task::yield_now().await;
    }
    assert!(pages.iter().all(|page| page.is_over()));
}

/// A page shows with its next event which results of earlier events it knows. If a page sends no event, or
/// does not say so, the server has to remember the results.
#[tokio::test]
async fn what_became_of_events_counts_as_waiting_until_the_page_has_shown_that_it_knows() {
    let house = House::new(Limits::default());
    let budget = Arc::new(Budget::new(1 << 30));
    let viewer = house.viewer_of("v", budget.clone());
    house.let_in(&viewer, 0);
    let at = |event| Point {
        event: EventNumber(event),
        revision: Revision::default(),
    };
    let text = "x".repeat(100);
    let before = budget.waiting();
    for event in 1..=100 {
        viewer.failed(at(event), 1, &text, false, None);
    }
    let waiting = budget.waiting() - before;
    assert!(waiting > 100 * 2 * text.len(), "{waiting}");
    assert_eq!(viewer.events.bytes(), waiting);
    for event in 101..=1000 {
        viewer.failed(at(event), 1, &text, false, None);
    }
    assert!(budget.waiting() - before < 256 * 1024);
    let numbered = Numbered {
        number: EventNumber(1001),
        seen: EventNumber(1000),
        age: None,
    };
    viewer.event(0, Some(numbered), Err(Unhandled::Flood));
    viewer.next_taken();
    assert_eq!(budget.waiting(), before);
    viewer.failed(at(1001), 1, &text, false, None);
    house.component.end(BUSY, &Refusal::Busy);
    drop(viewer);
    assert_eq!(budget.waiting(), 0);
}

/// The owner of another process takes nothing of a connection that the page has left, not even what is on its way.
#[tokio::test(start_paused = true)]
async fn what_an_owner_elsewhere_may_not_have_taken_is_taken_again_from_the_next_connection() {
    let house = House::new(Limits::default());
    let sends = |viewer: &Arc<Viewer>, epoch, number| {
        let numbered = Numbered {
            number: EventNumber(number),
            seen: EventNumber::default(),
            age: None,
        };
        viewer.event(epoch, Some(numbered), Err(Unhandled::Flood));
    };
    let takes = |viewer: &Arc<Viewer>| {
        let (taken, _) = viewer.next_taken();
        taken.map(|(taken, epoch)| match taken {
            Taken::Event { number, .. } => (number.0, epoch),
            Taken::Unhandled { first, .. } => (first.0, epoch),
        })
    };
    for is_followed in [true, false] {
        let viewer = house.viewer(if is_followed { "elsewhere" } else { "here" });
        house.let_in(&viewer, 0);
        sends(&viewer, 0, 1);
        assert_eq!(takes(&viewer), Some((1, 0)), "on its way");
        sends(&viewer, 0, 2);
        let epoch = viewer.attach(link(), caller(), "".into(), is_followed);
        house.let_in(&viewer, epoch.unwrap());
        sends(&viewer, 1, 1);
        match is_followed {
            true => assert_eq!(takes(&viewer), Some((1, 1)), "before the second one"),
            false => assert_eq!(takes(&viewer), Some((2, 1))),
        }
        assert_eq!(takes(&viewer), None);
    }
}
