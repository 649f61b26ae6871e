//! Homes of components, of processes that have one Redis.

use super::*;
use crate::ids::Point;
use crate::limits::Limits;
use crate::redis::Address;
use crate::redis::testing::{Server, until, with_server};
use crate::topics::{Backplane, Spawn};

fn homes_of(server: &Server, secrets: &[&str]) -> Arc<Homes> {
    let spawn: Spawn = Arc::new(|task| drop(tokio::spawn(task)));
    let (address, link) = (Address::of(&server.url()).unwrap(), server.link().0);
    let limits = Limits::default();
    let opened = Backplane::open(address, &link, "loom:", &limits, &spawn, Box::new(drop));
    let processes = Processes::open(link, Arc::new(opened.unwrap().between), "loom:").unwrap();
    let secrets: Vec<String> = secrets.iter().map(|secret| secret.repeat(32)).collect();
    Homes::new(processes, Arc::new(Keyring::new(&secrets).unwrap()))
}

fn homes(server: &Server) -> Arc<Homes> {
    homes_of(server, &["s"])
}

fn coming(instance: &str, life: u64) -> Coming {
    Coming {
        instance: instance.into(),
        home: None,
        point: Point::default(),
        life: Life(life),
        shown: Point::default(),
        patience: Duration::ZERO,
    }
}

async fn take_over(homes: &Homes, life: u64) -> (Life, Option<HandedOver>) {
    let moved = homes.take_over(&coming("a", life)).await.unwrap();
    (moved.life.unwrap(), moved.handed_over)
}

fn left(sealed: &str) -> HandedOver {
    HandedOver {
        sealed: sealed.to_owned(),
        unsaid: "[]".to_owned(),
    }
}

with_server! {
    async fn each_life_is_later_than_all_before_also_than_those_that_are_forgotten(server) {
        let [ann, ben] = [homes(&server), homes(&server)];
        let mut last = FIRST;
        for round in 0..4 {
            let homes = if round % 2 == 0 { &ann } else { &ben };
            let (life, _) = take_over(homes, 1).await;
            assert!(life > last, "{life} {last}");
            last = life;
            let _: String = server.ask(&["FLUSHALL"]).unwrap();
            // Nothing is forgotten within a millisecond of its claim.
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        // Also if the clock of Redis has been set back by years.
        let far = 1 << 50;
        assert_eq!(take_over(&ann, far).await.0, Life(far + 1));
        assert_eq!(take_over(&ben, 1).await.0, Life(far + 2));
        let expires: i64 = server.ask(&["PTTL", "loom:home:{a}"]).unwrap();
        assert!(expires > 23 * 3600 * 1000, "{expires}");
    }

    async fn who_was_slower_claims_nothing(server) {
        let [ann, ben] = [homes(&server), homes(&server)];
        let found = coming("a", 1);
        let first = ann.try_claim(&found, None).await.unwrap().unwrap().0;
        assert_eq!(ben.try_claim(&found, None).await.unwrap(), None);
        let second = ben.try_claim(&found, Some(first.0)).await.unwrap().unwrap().0;
        assert!(second > first);
        assert_eq!(ann.try_claim(&found, Some(first.0)).await.unwrap(), None);
        let lost = ann.lost(&[("a".into(), first), ("b".into(), FIRST)]).await.unwrap();
        assert_eq!(lost, [("a".into(), second)]);
        assert!(ben.lost(&[("a".into(), second)]).await.unwrap().is_empty());
    }

    async fn what_is_left_goes_to_the_next_and_a_life_that_is_over_leaves_nothing(server) {
        let [ann, ben] = [homes(&server), homes(&server)];
        // Also of a component that Redis knew nothing of.
        ann.leave("a", FIRST, Some(&left("first"))).await.unwrap();
        let (life, handed_over) = take_over(&ben, 1).await;
        assert_eq!(handed_over, Some(left("first")));
        ann.leave("a", FIRST, Some(&left("late"))).await.unwrap();
        let (later, handed_over) = take_over(&ann, 1).await;
        assert_ne!(handed_over, Some(left("late")));
        assert!(later > life);
        // The component has ended, and nothing is left: no process is asked.
        ann.forget(&"a".into(), later);
        let has_process = || server.ask::<bool>(&["HEXISTS", "loom:home:{a}", "process"]).unwrap();
        until("the home to be forgotten", || !has_process()).await;
        let (last, handed_over) = take_over(&ben, 1).await;
        assert!(last > later && handed_over.is_none());
        // A forger who writes to Redis leaves nothing.
        let forged = serde_json::to_string(&left("forged")).unwrap();
        let _: u64 = server.ask(&["HSET", "loom:home:{a}", "left", &forged]).unwrap();
        assert_eq!(take_over(&ann, 1).await.1, None);
    }

    /// So a client has nobody asked but the process that gave it its secret.
    async fn a_secret_names_its_process_and_nobody_else_makes_one(server) {
        let [ann, ben] = [homes(&server), homes(&server)];
        let mark = ann.mark("user", "module", "instance");
        let secret = format!("instance.random{}", mark.as_str());
        let home = ben.open_secret(&secret, "user", "module").unwrap();
        assert_eq!(home.process, *ann.processes.name());
        assert_eq!((&*home.instance, &*home.secret), ("instance", &*secret));
        assert_eq!(ben.open_secret(&secret, "other", "module"), None);
        assert_eq!(ben.open_secret(&secret, "user", "other"), None);
        let parts: Vec<&str> = secret.split('.').collect();
        let other = ben.processes.name();
        for wrong in [
            format!("other.{}.{}.{}", parts[1], parts[2], parts[3]),
            format!("{}.{}.{other}.{}", parts[0], parts[1], parts[3]),
            format!("{}.{}.{}.{}", parts[0], parts[1], parts[2], &parts[3][1..]),
            format!("{}.{}.{}.", parts[0], parts[1], parts[2]),
            format!("{secret}.more"),
            "instance.random".to_owned(),
            String::new(),
        ] {
            assert_eq!(ben.open_secret(&wrong, "user", "module"), None, "{wrong}");
        }
        // With another secret of the application, unless that one has replaced it.
        assert_eq!(homes_of(&server, &["t"]).open_secret(&secret, "user", "module"), None);
        assert!(homes_of(&server, &["t", "s"]).open_secret(&secret, "user", "module").is_some());
    }

    async fn a_process_that_is_gone_is_asked_once(server) {
        let [ann, ben] = [homes(&server), homes(&server)];
        let gone = ann.processes.name().clone();
        take_over(&ann, 1).await;
        ann.processes.close().await;
        assert!(!ben.is_gone(&gone));
        take_over(&ben, 1).await;
        assert!(ben.is_gone(&gone));
    }
}
