//! Which page gets a turn, and when.

use std::time::Duration;

use tokio::task::JoinHandle;

use super::*;

fn name(text: &str) -> Arc<str> {
    text.into()
}

/// A page that joins and keeps its turn for a second. Gives the time when the turn began.
fn joins(turns: &Arc<Turns>, address: &str, module: &str) -> Option<JoinHandle<Instant>> {
    let place = turns.queue(&name(address), &name(module))?;
    Some(tokio::spawn(async move {
        let turn = place.turn(true).await;
        assert!(matches!(turn, Given::Turn(_)), "{turn:?}");
        let at = Instant::now();
        tokio::time::sleep(Duration::from_secs(1)).await;
        at
    }))
}

async fn seconds(start: Instant, joined: Option<JoinHandle<Instant>>) -> u64 {
    (joined.unwrap().await.unwrap() - start).as_secs()
}

fn narrow() -> Limits {
    Limits {
        joins: 1,
        ..Limits::default()
    }
}

/// A network that was gone, or a process that was started again.
#[tokio::test(start_paused = true)]
async fn ten_thousand_pages_are_back_after_a_second() {
    let limits = Limits {
        joins: 20_000,
        ..Limits::default()
    };
    let turns = Turns::new(&limits);
    let start = Instant::now();
    let joined: Vec<_> = (0..10_000)
        .filter_map(|page| joins(&turns, &format!("10.0.{}.1", page % 200), "counter"))
        .collect();
    assert_eq!(joined.len(), 10_000);
    let mut last = start;
    for joined in joined {
        last = last.max(joined.await.unwrap());
    }
    assert_eq!((last - start).as_millis() / 10, 100);
    assert_eq!(turns.counts(), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn addresses_take_turns_and_so_do_the_modules_of_one() {
    let turns = Turns::new(&narrow());
    let start = Instant::now();
    let many: Vec<_> = (0..1000).filter_map(|_| joins(&turns, "a", "x")).collect();
    let other = joins(&turns, "a", "y");
    let innocent = joins(&turns, "b", "x");
    tokio::task::yield_now().await;
    let late = joins(&turns, "c", "x");
    // Each page waits for one page of every other address, not for a thousand pages.
    assert!(seconds(start, innocent).await <= 3);
    assert!(seconds(start, other).await <= 5);
    assert!(seconds(start, late).await <= 5);
    many.iter().for_each(JoinHandle::abort);
    for joined in many {
        let _ = joined.await;
    }
    assert_eq!(turns.counts(), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_promise_lets_others_render_but_not_all_of_one_address() {
    let limits = Limits {
        joins: 1,
        async_joins: 16,
        ..Limits::default()
    };
    let turns = Turns::new(&limits);
    let mut held = Vec::new();
    for _ in 0..2 {
        let place = turns.queue(&name("a"), &name("x")).unwrap();
        let Given::Turn(turn) = place.turn(true).await else {
            panic!("a turn");
        };
        turn.yields().now();
        // A second call changes nothing.
        turn.yields().now();
        held.push(turn);
    }
    // One address may have an eighth of sixteen turns.
    let third = joins(&turns, "a", "x");
    let start = Instant::now();
    assert_eq!(seconds(start, joins(&turns, "b", "x")).await, 0);
    assert!(!third.as_ref().unwrap().is_finished());
    held.pop();
    third.unwrap().await.unwrap();
    drop(held);
    assert_eq!(turns.counts(), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_has_lost_its_connection_leaves_the_queue() {
    let turns = Turns::new(&narrow());
    let first = turns.queue(&name("a"), &name("x")).unwrap();
    let gone = CancellationToken::new();
    let waiting: Vec<_> = (0..100)
        .filter_map(|_| turns.queue(&name("b"), &name("x")))
        .map(|place| tokio::spawn(place.leaves_with(|| gone.clone()).turn(true)))
        .collect();
    tokio::task::yield_now().await;
    assert_eq!(turns.counts(), (2, 1, 100));
    gone.cancel();
    for waiting in waiting {
        assert!(matches!(waiting.await.unwrap(), Given::Gone));
    }
    assert_eq!(turns.counts(), (1, 1, 0));
    let late = turns.queue(&name("b"), &name("x")).unwrap();
    drop(first);
    let late = late.leaves_with(|| gone.clone());
    assert!(matches!(late.turn(true).await, Given::Gone));
    assert_eq!(turns.counts(), (0, 0, 0));
}

/// Otherwise one address could have all others told to come back later, for ever.
#[tokio::test(start_paused = true)]
async fn where_too_many_wait_the_newest_of_whoever_has_most_gives_way() {
    let limits = Limits {
        joins: 1,
        waiting_joins: 10,
        ..Limits::default()
    };
    let turns = Turns::new(&limits);
    let _first = turns.queue(&name("a"), &name("x")).unwrap();
    let wait = |gives_way| {
        let place = turns.queue(&name("a"), &name("x")).unwrap();
        tokio::spawn(place.turn(gives_way))
    };
    let mut waiting: Vec<_> = (0..9).map(|_| wait(true)).collect();
    tokio::task::yield_now().await;
    // A page that comes back has more to lose than one that joins.
    let resumes = wait(false);
    tokio::task::yield_now().await;
    assert!(turns.queue(&name("a"), &name("x")).is_none());
    let innocent = turns.queue(&name("b"), &name("x"));
    assert!(innocent.is_some());
    let newest = waiting.pop().unwrap();
    assert!(matches!(newest.await.unwrap(), Given::Busy));
    assert!(!resumes.is_finished());
    assert!(waiting.iter().all(|waiting| !waiting.is_finished()));
}

/// Otherwise a few pages that join and leave, over and over, would make everybody wait.
#[tokio::test(start_paused = true)]
async fn who_is_refused_or_gives_up_costs_the_others_nothing() {
    let limits = Limits {
        join_rate: 1,
        join_burst: 1,
        waiting_joins: 1,
        ..Limits::default()
    };
    let turns = Turns::new(&limits);
    let start = Instant::now();
    let first = joins(&turns, "a", "x");
    for _ in 0..1000 {
        let waits = turns.queue(&name("a"), &name("x"));
        assert!(turns.queue(&name("a"), &name("x")).is_none());
        assert!(waits.is_some());
    }
    let second = joins(&turns, "b", "x");
    assert_eq!(seconds(start, first).await, 0);
    assert_eq!(seconds(start, second).await, 1);
}
