//! A page comes to another process. That process asks the one that has the page's component to yield it. The
//! processes share a Redis.

use serde_json::json;
use serde_json::value::RawValue;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::page::{Page, html};
use super::*;
use crate::homes::Coming;
use crate::homes::{ABOUT, Answer as Said, Homes};
use crate::processes::{Answering, Hears, Processes};
use crate::redis::Address;
use crate::redis::testing::{Server as Redis, until, with_server};
use crate::topics::{Backplane, Spawn};

/// A process with a counter, and its homes.
async fn process(redis: &Redis) -> Arc<Server> {
    process_of(redis, Closures::counter(), Limits::default()).await
}

async fn process_of(redis: &Redis, dispatcher: Closures, limits: Limits) -> Arc<Server> {
    let (mut context, log) = application(dispatcher, limits);
    let spawn: Spawn = Arc::new(|task| drop(tokio::spawn(task)));
    let (address, link) = (Address::of(&redis.url()).unwrap(), redis.link().0);
    let opened = Backplane::open(
        address,
        &link,
        "loom:",
        &context.limits,
        &spawn,
        Box::new(drop),
    );
    let processes = Processes::open(link, Arc::new(opened.unwrap().between), "loom:").unwrap();
    let mut here = processes.here();
    here.wait_for(|here| here.is_here()).await.unwrap();
    let homes = Homes::new(processes.clone(), context.keyring.clone());
    let shared = Arc::get_mut(&mut context).unwrap();
    shared.processes = Some(processes);
    shared.homes = Some(homes.clone());
    let server = Server::of(context, log);
    server.sessions.share(&homes, &server.context.log);
    server
}

fn homes(server: &Server) -> &Arc<Homes> {
    server.context.homes.as_ref().unwrap()
}

/// What the page joins with, if its connection breaks now.
fn token_of(page: &Page) -> String {
    match &page.checkpoint {
        Some((_, anchor)) if anchor.starts_with('.') => page.anchored(),
        Some((_, checkpoint)) => checkpoint.clone(),
        None => page.token.clone(),
    }
}

/// The page comes to this process, and shows the answer to event `seen`.
async fn comes(page: &mut Page, server: &Arc<Server>, seen: u64) {
    page.reconnect(server).await;
    let (token, secret) = (token_of(page), page.secret.clone());
    page.join(token, Some((&secret, seen))).await;
}

async fn clicks(page: &mut Page, numbers: std::ops::RangeInclusive<u64>) {
    for number in numbers {
        page.event(number, number - 1, "increment").await;
        assert_eq!(page.answer().await, (number, html(number as i64)));
    }
}

async fn has_components(server: &Server, count: usize) {
    let has = || server.context.stats.components.get() == count;
    until("the number of components", has).await;
}

/// Hears messages only when it is told so.
struct Late {
    goes_on: Arc<Notify>,
    ear: Arc<dyn Hears>,
}

impl Hears for Late {
    fn hears(&self, from: &str, body: &RawValue) -> Answering {
        let (goes_on, ear) = (self.goes_on.clone(), self.ear.clone());
        let (from, body) = (from.to_owned(), body.to_owned());
        Box::pin(async move {
            goes_on.notified().await;
            ear.hears(&from, &body).await
        })
    }
}

/// The process hears nothing that others say about homes, until the value is notified.
fn stands_still(server: &Server) -> Arc<Notify> {
    let goes_on = Arc::<Notify>::default();
    let ear = server.sessions.ear(homes(server), &server.context.log);
    let late = Late {
        goes_on: goes_on.clone(),
        ear,
    };
    homes(server).processes().hear(ABOUT, Arc::new(late));
    goes_on
}

with_server! {
    async fn a_page_goes_to_and_fro_and_its_component_is_where_the_page_is(redis) {
        let servers = [process(&redis).await, process(&redis).await, process(&redis).await];
        let mut page = Page::load(&servers[0]).await;
        clicks(&mut page, 1..=3).await;
        // More than the page's checkpoint has.
        let (at, _) = page.checkpoint.clone().unwrap();
        assert!(at < 3);
        for round in 1..=6_u64 {
            let server = &servers[round as usize % 3];
            let seen = 2 + round;
            comes(&mut page, server, seen).await;
            assert_eq!(page.shown().await, (seen, html(seen as i64), false));
            // What the page is not sure of is sent again, and not applied again.
            page.event(seen, seen, "increment").await;
            clicks(&mut page, seen + 1..=seen + 1).await;
            for one in &servers {
                has_components(one, usize::from(Arc::ptr_eq(one, server))).await;
                assert_eq!(one.context.stats.parked.get(), 0);
            }
        }
    }

    /// The first page of a component costs Redis nothing.
    async fn a_component_that_was_made_here_has_no_home_in_redis(redis) {
        let server = process(&redis).await;
        let mut page = Page::load(&server).await;
        clicks(&mut page, 1..=3).await;
        let keys: Vec<String> = redis.ask(&["KEYS", "loom:home:*"]).unwrap();
        assert!(keys.is_empty(), "{keys:?}");
        // A component that its page resumes here has no home in Redis either.
        page.resume(&server, 3).await;
        assert_eq!(page.resumed().await, 3);
        let keys: Vec<String> = redis.ask(&["KEYS", "loom:home:*"]).unwrap();
        assert!(keys.is_empty(), "{keys:?}");
    }

    async fn what_failed_unseen_is_told_in_the_next_process(redis) {
        let [first, second] = [process(&redis).await, process(&redis).await];
        let mut page = Page::load(&first).await;
        clicks(&mut page, 1..=1).await;
        page.event(2, 1, "unknown").await;
        page.event(3, 1, "elsewhere").await;
        page.event(4, 1, "keep").await;
        until("the events", || first.context.stats.events.get() == 3).await;
        comes(&mut page, &second, 1).await;
        let failed = page.next().await;
        assert_eq!((&failed[0], &failed[2]), (&json!("e"), &json!(2)));
        assert_eq!(page.next().await, json!(["r", "/next"]));
        assert_eq!(page.next().await, json!(["k", page.joins, 4]));
        assert_eq!(page.shown().await, (4, html(3), false));
        page.event(5, 4, "increment").await;
        assert_eq!(page.answer().await, (5, html(4)));
    }

    /// The handler that runs has its effect once, however long it takes.
    async fn a_busy_component_is_waited_for(redis) {
        let [first, second] = [process(&redis).await, process(&redis).await];
        let mut page = Page::load(&first).await;
        clicks(&mut page, 1..=1).await;
        page.event(2, 1, "slow").await;
        page.event(3, 1, "increment").await;
        until("the event to wait", || first.context.stats.queued_events.get() == 1).await;
        comes(&mut page, &second, 1).await;
        assert_eq!(page.shown().await, (2, html(101), false));
        has_components(&first, 0).await;
        // The component had not begun there.
        page.event(3, 2, "increment").await;
        assert_eq!(page.answer().await, (3, html(102)));
        assert_eq!(first.context.dispatcher.abandoned.load(std::sync::atomic::Ordering::SeqCst), 0);
    }

    async fn a_component_with_a_page_yields_to_the_page_with_its_secret_only(redis) {
        let [first, second] = [process(&redis).await, process(&redis).await];
        let mut page = Page::load(&first).await;
        clicks(&mut page, 1..=3).await;
        let (at, checkpoint) = page.checkpoint.clone().unwrap();
        assert!(at < 3);
        let parts: Vec<&str> = page.secret.split('.').collect();
        let [instance, _, process, mark] = parts[..] else { panic!("{parts:?}") };
        let forged = format!("{instance}.{}.{process}.{mark}", "A".repeat(22));
        // An older checkpoint does not roll the component back.
        for secret in [forged.as_str(), "", "a.b", "a.b.c.d"] {
            let mut thief = Page::new(Client::extended(&second, user7()).await);
            thief.join(checkpoint.clone(), Some((secret, 3))).await;
            match secret {
                // The secret names no process, so none is asked: the thief has a copy of the own page's state
                // anyway.
                "" | "a.b" | "a.b.c.d" => drop(thief),
                _ => assert_eq!(thief.refused().await, "reload"),
            }
        }
        clicks(&mut page, 4..=4).await;
        has_components(&first, 1).await;
    }

    /// An attacker writes to Redis, and knows all names, and even the application's secret, but not the
    /// page's.
    async fn a_forged_proof_is_refused(redis) {
        let [first, second] = [process(&redis).await, process(&redis).await];
        let mut page = Page::load(&first).await;
        clicks(&mut page, 1..=1).await;
        let (instance, _) = page.secret.split_once('.').unwrap();
        let processes = homes(&second).processes();
        let own = homes(&first).processes().name();
        let topic = format!("home {own}");
        let wait = Duration::from_secs(30);
        for secret in ["", "guessed", instance] {
            let proof = crate::token::proof_of(secret, [processes.name(), own]);
            let proof = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, proof);
            let said = json!({"Yield": {"instance": instance, "proof": proof, "revision": 0, "life": 0, "shown": [0, 0], "patience": 100}});
            let sealed = second.context.keyring.seal_between(&said.to_string(), &topic).unwrap();
            let answer = processes.ask(own, ABOUT, &format!("\"{sealed}\""), wait).await.unwrap();
            let answer = answer.get().trim_matches('"');
            let answer = second.context.keyring.open_between(answer, &format!("home {}", processes.name())).unwrap();
            let answer: Said = serde_json::from_str(&answer).unwrap();
            assert_eq!(answer, Said::Refused(Some(Revision(1))));
        }
        // Without the application's secret there is no answer at all.
        let said = json!({"Lost": [instance, 1_u64 << 52]}).to_string();
        assert!(processes.ask(own, ABOUT, &said, Duration::from_millis(300)).await.is_none());
        let sealed = second.context.keyring.seal_between(&said, "home elsewhere").unwrap();
        let said = format!("\"{sealed}\"");
        assert!(processes.ask(own, ABOUT, &said, Duration::from_millis(300)).await.is_none());
        clicks(&mut page, 2..=2).await;
        // The proof is good for one asking process: another one that has read the proof cannot ask with it.
        let proof = crate::token::proof_of(&page.secret, [processes.name(), own]);
        let other = crate::token::proof_of(&page.secret, [own, processes.name()]);
        assert_ne!(proof, other);
    }

    async fn a_process_that_gives_no_answer_is_not_waited_for_and_ends_its_component_when_it_hears(redis) {
        let [first, second] = [process(&redis).await, process(&redis).await];
        let mut page = Page::load(&first).await;
        clicks(&mut page, 1..=1).await;
        // The process hears nothing more, as if it stood still.
        let goes_on = stands_still(&first);
        let begun = Instant::now();
        let old = std::mem::replace(&mut page.client, Client::extended(&second, user7()).await);
        page.waiting.clear();
        let (token, secret) = (token_of(&page), page.secret.clone());
        page.join(token, Some((&secret, 1))).await;
        let (event, _, anew) = page.shown().await;
        assert!(!anew && event <= 1, "{event}");
        assert!(begun.elapsed() >= Duration::from_millis(250));
        if event == 0 {
            page.event(1, 1, "increment").await;
            assert_eq!(page.answer().await, (1, html(1)));
        }
        clicks(&mut page, 2..=2).await;
        assert_eq!(first.context.stats.components.get(), 1);
        goes_on.notify_waiters();
        has_components(&first, 0).await;
        drop(old);
        clicks(&mut page, 3..=3).await;
        // Back in the first one, from a process that lives.
        comes(&mut page, &first, 3).await;
        assert_eq!(page.shown().await, (3, html(3), false));
    }

    async fn a_process_that_has_missed_what_was_said_finds_out_what_it_has_lost(redis) {
        let [first, second] = [process(&redis).await, process(&redis).await];
        let mut pages = Vec::new();
        for _ in 0..3 {
            let mut page = Page::load(&first).await;
            clicks(&mut page, 1..=1).await;
            pages.push(page);
        }
        let mut moved = pages.pop().unwrap();
        let instance: Arc<str> = moved.secret.split('.').next().unwrap().into();
        // Claimed, and nobody has told it.
        let coming = Coming {
            instance: instance.clone(),
            home: None,
            point: Point::default(),
            life: Life(7),
            shown: Point::default(),
            patience: Duration::ZERO,
        };
        let taken = homes(&second).take_over(&coming).await.unwrap();
        assert!(taken.life.unwrap() > Life(7));
        assert_eq!(first.context.stats.components.get(), 3);
        let _: u64 = redis.ask(&["DEL", &format!("loom:process:{{{}}}", homes(&first).processes().name())]).unwrap();
        has_components(&first, 2).await;
        assert_eq!(moved.next().await.as_array().unwrap()[3..], [json!("busy"), json!(500)]);
        for page in &mut pages {
            clicks(page, 2..=2).await;
        }
    }

    async fn of_two_processes_that_take_over_at_once_one_has_it_in_the_end(redis) {
        let servers = [process(&redis).await, process(&redis).await, process(&redis).await];
        for _ in 0..5 {
            let mut page = Page::load(&servers[0]).await;
            clicks(&mut page, 1..=2).await;
            let (token, secret) = (token_of(&page), page.secret.clone());
            let mut other = Page::new(Client::extended(&servers[1], user7()).await);
            page.reconnect(&servers[2]).await;
            tokio::join!(
                other.join(token.clone(), Some((&secret, 2))),
                page.join(token.clone(), Some((&secret, 2))),
            );
            let all = || servers.iter().map(|one| one.context.stats.components.get()).sum::<usize>();
            until("one component", || all() == 1).await;
            drop((page, other));
            for server in &servers {
                server.sessions.disconnect_matching(Some("user 7"), None);
            }
            until("none", || all() == 0).await;
        }
    }

    async fn what_a_page_that_is_away_does_not_have_is_left_by_a_process_that_closes(redis) {
        let [first, second] = [process(&redis).await, process(&redis).await];
        let mut page = Page::load(&first).await;
        clicks(&mut page, 1..=1).await;
        page.event(2, 1, "slow").await;
        page.event(3, 1, "unknown").await;
        until("the event to wait", || first.context.stats.queued_events.get() == 1).await;
        page.reconnect(&second).await;
        until("the component to wait", || first.context.stats.parked.get() == 1).await;
        first.context.closing.cancel();
        first.sessions.drain();
        has_components(&first, 0).await;
        homes(&first).processes().close().await;
        let (token, secret) = (token_of(&page), page.secret.clone());
        page.join(token, Some((&secret, 1))).await;
        assert_eq!(page.next().await[2], 3, "what failed is said");
        assert_eq!(page.shown().await, (3, html(101), false));
        page.event(4, 3, "increment").await;
        assert_eq!(page.answer().await, (4, html(102)));
        first.is_empty().await;
    }

    async fn if_redis_is_away_a_page_goes_on_from_its_checkpoint(redis) {
        let [first, second] = [process(&redis).await, process(&redis).await];
        let mut page = Page::load(&first).await;
        clicks(&mut page, 1..=3).await;
        redis.kill();
        comes(&mut page, &second, 3).await;
        let (event, tree, anew) = page.shown().await;
        assert!(!anew && event < 3);
        assert_eq!(tree, html(event as i64));
        for number in event + 1..=3 {
            page.event(number, 3, "increment").await;
            assert_eq!(page.answer().await, (number, html(number as i64)));
        }
    }
}
