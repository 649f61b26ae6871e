//! Owners in Redis, of several processes.

use std::collections::HashMap;
use std::time::Duration;

use super::*;
use crate::ids::{EventNumber, Term};
use crate::limits::Limits;
use crate::redis::Address;
use crate::redis::testing::{Server, with_server};
use crate::shared::ownership::{Elsewhere, HandedOver, Owner};
use crate::topics::{Backplane, Spawn};

struct Process {
    processes: Arc<Processes>,
    owners: RedisOwnership,
}

fn process(server: &Server) -> Process {
    let spawn: Spawn = Arc::new(|task| drop(tokio::spawn(task)));
    let (address, link) = (Address::of(&server.url()).unwrap(), server.link().0);
    let limits = Limits::default();
    let opened = Backplane::open(address, &link, "loom:", &limits, &spawn, Box::new(|_| ()));
    let between = Arc::new(opened.unwrap().between);
    let processes = Processes::open(link, between, "loom:").unwrap();
    let owners = RedisOwnership::new(processes.clone(), Duration::from_secs(60));
    Process { processes, owners }
}

impl Process {
    async fn own(&self, gone: Option<Term>) -> Owner {
        self.owners.own(&"board".into(), gone).await.unwrap()
    }

    /// The term in which this process owns the component from now on.
    async fn owns(&self) -> (Term, Option<HandedOver>) {
        match self.own(None).await {
            Owner::Here(term, left) => (term, left),
            other => panic!("{other:?}"),
        }
    }

    async fn commits(&self, term: Term) -> bool {
        let committed = self.owners.commits(&"board".into(), term, false).await;
        assert!(matches!(committed, Ok(()) | Err(OwnershipError::Lost)));
        committed.is_ok()
    }

    async fn disown(&self, term: Term, left: Option<HandedOver>) {
        let disowned = self.owners.disown(&"board".into(), term, left);
        disowned.await.unwrap();
    }

    /// The process is found to be gone, and goes on.
    async fn stands_still(&self, server: &Server) {
        let key = format!("loom:process:{{{}}}", self.processes.name());
        let _: u64 = server.ask(&["DEL", &key]).unwrap();
    }
}

fn a_state() -> HandedOver {
    HandedOver {
        sealed: "a state".to_owned(),
        viewers: vec![("v".into(), EventNumber(7))],
    }
}

with_server! {
    async fn an_owner_that_was_replaced_commits_nothing(server) {
        let (ann, ben) = (process(&server), process(&server));
        let (first, _) = ann.owns().await;
        assert!(ann.commits(first).await);
        assert_eq!(ben.own(None).await, Owner::Elsewhere(Elsewhere {
            process: ann.processes.name().clone(),
            term: first,
        }));
        assert!(!ben.commits(first).await);
        ann.stands_still(&server).await;
        let (second, left) = ben.owns().await;
        assert!(second > first && left.is_none());
        assert!(!ann.commits(first).await && ben.commits(second).await);
        // Its end takes nothing from the next one.
        ann.disown(first, None).await;
        assert!(ben.commits(second).await);
        // The process is alive again, and follows.
        assert!(matches!(ann.own(None).await, Owner::Elsewhere(_)));
    }

    async fn an_owner_that_says_that_it_has_no_such_component_is_replaced(server) {
        let (ann, ben) = (process(&server), process(&server));
        let (first, _) = ann.owns().await;
        let Owner::Here(second, _) = ben.own(Some(first)).await else {
            panic!("not replaced");
        };
        assert!(second > first);
        // An answer about an earlier term does not count.
        assert!(matches!(ann.own(Some(first)).await, Owner::Elsewhere(_)));
    }

    async fn what_was_left_stays_until_something_newer_is_committed(server) {
        let (ann, ben, cal) = (process(&server), process(&server), process(&server));
        let (first, _) = ann.owns().await;
        let left = a_state();
        ann.disown(first, Some(left.clone())).await;
        let (lost, _) = ben.owns().await;
        // The answer was lost, and it was asked again.
        let (second, got) = ben.owns().await;
        assert!(second > lost && got.as_ref() == Some(&left));
        ben.stands_still(&server).await;
        // The owner was gone before it had committed anything.
        let (third, got) = cal.owns().await;
        assert_eq!(got, Some(left));
        assert!(cal.commits(third).await);
        cal.stands_still(&server).await;
        let (_, got) = ann.owns().await;
        assert!(got.is_none());
    }

    async fn the_next_owner_gets_what_was_left_once(server) {
        let (ann, ben) = (process(&server), process(&server));
        let (first, _) = ann.owns().await;
        let left = a_state();
        ann.disown(first, Some(left.clone())).await;
        let (second, got) = ben.owns().await;
        assert_eq!(got, Some(left));
        ben.disown(second, None).await;
        let (third, got) = ann.owns().await;
        assert!(third > second && got.is_none());
    }

    async fn an_owner_that_redis_has_forgotten_goes_on_unless_there_is_another(server) {
        let (ann, ben) = (process(&server), process(&server));
        let (first, _) = ann.owns().await;
        let _: String = server.ask(&["FLUSHALL"]).unwrap();
        assert!(ann.commits(first).await);
        assert!(matches!(ben.own(None).await, Owner::Elsewhere(_)) || !ann.commits(first).await);
        let _: String = server.ask(&["FLUSHALL"]).unwrap();
        let (second, _) = ben.owns().await;
        assert!(second > first, "terms go up, whatever was forgotten");
        assert!(!ann.commits(first).await && ben.commits(second).await);
    }

    /// Whatever the processes do, one owns the component, and terms go up.
    async fn owners_do_what_the_model_does(server) {
        let all = [process(&server), process(&server), process(&server)];
        // The owner, its term, and whether somebody found it to be gone.
        let mut owner: Option<(usize, Term)> = None;
        let mut last = Term(0);
        let mut terms: HashMap<usize, Term> = HashMap::new();
        let mut seed = 7_u64;
        for _ in 0..400 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let (at, what) = ((seed >> 33) as usize % 3, (seed >> 40) % 8);
            let term = terms.get(&at).copied().unwrap_or_default();
            match what {
                0..=2 => {
                    let gone = (what == 0).then_some(owner.map_or(Term(0), |(_, term)| term));
                    let takes = owner.is_none_or(|(one, _)| one == at) || what == 0;
                    match all[at].own(gone).await {
                        Owner::Here(term, _) => {
                            assert!(takes && term > last);
                            (owner, last) = (Some((at, term)), term);
                            terms.insert(at, term);
                        }
                        Owner::Elsewhere(other) => {
                            assert!(!takes);
                            let (process, term) = owner.unwrap();
                            assert_eq!((&other.process, other.term), (all[process].processes.name(), term));
                        }
                    }
                }
                // A process that has never owned the component does not commit.
                3..=6 if term > Term(0) => {
                    assert_eq!(all[at].commits(term).await, owner == Some((at, term)));
                }
                3..=6 => {}
                _ => {
                    all[at].disown(term, None).await;
                    if owner == Some((at, term)) {
                        owner = None;
                    }
                }
            }
        }
        assert!(last > Term(0));
    }
}
