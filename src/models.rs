//! Tests of promises that hold in whatever order threads run: a model checker runs each test under many
//! interleavings (`npm run models`). It reports a wait that nobody ends as a deadlock.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use shuttle::future::block_on;
use shuttle::{check_random, thread};

use crate::bridge::{Job, JsDispatcher, Queue, models as bridge};
use crate::budget::Budget;
use crate::codes::Code;
use crate::connection::models as connection;
use crate::context::Level;
use crate::live_socket::models as mailbox;
use crate::shared::across_models as across;
use crate::shared::models as shared;
use crate::sync::Mutex;

const RUNS: usize = 3000;

/// Two clients send events: each event is taken once, the events of each client stay in order, and the
/// receiver that waits is always woken.
#[test]
fn a_mailbox_loses_no_event_and_no_wake() {
    check_random(
        || {
            let mailbox = mailbox::new(100);
            let senders: Vec<_> = (0..2)
                .map(|_| {
                    let mailbox = mailbox.clone();
                    thread::spawn(move || {
                        for _ in 0..3 {
                            mailbox::send(&mailbox);
                        }
                    })
                })
                .collect();
            let receiver = {
                let mailbox = mailbox.clone();
                thread::spawn(move || {
                    let mut numbers = Vec::new();
                    while numbers.len() < 6 {
                        numbers.extend(block_on(mailbox::next(&mailbox)));
                        // As while a call runs: the receiver waits only for the end, and events do not
                        // wake it.
                        let stopped = block_on(async {
                            let mut polled = false;
                            poll_fn(|context| {
                                if std::mem::replace(&mut polled, true) {
                                    return std::task::Poll::Ready(false);
                                }
                                context.waker().wake_by_ref();
                                mailbox::poll_stopped(&mailbox, context).map(|()| true)
                            })
                            .await
                        });
                        assert!(!stopped);
                    }
                    numbers
                })
            };
            for sender in senders {
                sender.join().unwrap();
            }
            assert_eq!(receiver.join().unwrap(), [1, 2, 3, 4, 5, 6]);
        },
        RUNS,
    );
}

/// The receiver learns that its mailbox was stopped, whenever that happens.
#[test]
fn a_mailbox_that_is_stopped_ends_its_receiver() {
    check_random(
        || {
            let mailbox = mailbox::new(100);
            let receiver = {
                let mailbox = mailbox.clone();
                thread::spawn(move || while block_on(mailbox::next(&mailbox)).is_some() {})
            };
            let sender = {
                let mailbox = mailbox.clone();
                thread::spawn(move || {
                    mailbox::send(&mailbox);
                    mailbox::send(&mailbox);
                })
            };
            mailbox::stop(&mailbox);
            sender.join().unwrap();
            receiver.join().unwrap();
            assert_eq!(mailbox::waiting(&mailbox), 0);
        },
        RUNS,
    );
}

/// A drainer that sleeps until it is woken takes every job, and is woken once for many.
#[test]
fn a_queue_loses_no_job_and_no_wake() {
    check_random(
        || {
            let woken = Arc::new(Mutex::new(VecDeque::new()));
            let bell = woken.clone();
            let ring = move || bell.lock().unwrap().push_back(());
            let queue = Arc::new(Queue::new(10, Box::new(ring), Box::new(|_| {})));
            let producers: Vec<_> = (0..2)
                .map(|_| {
                    let queue = queue.clone();
                    thread::spawn(move || {
                        for _ in 0..3 {
                            queue.push(Job::Log {
                                level: Level::Warn,
                                code: Code::Value,
                                about: "",
                                left_out: 0,
                                text: "x",
                            });
                        }
                    })
                })
                .collect();
            let mut jobs = 0;
            while jobs < 6 {
                if woken.lock().unwrap().pop_front().is_none() {
                    thread::yield_now();
                    continue;
                }
                while let Some(batch) = queue.take() {
                    jobs += batch.jobs.matches("\"x\"").count();
                }
            }
            for producer in producers {
                producer.join().unwrap();
            }
            assert_eq!(jobs, 6);
        },
        RUNS,
    );
}

/// After a page was told that its event was given up, JavaScript does not start the event: neither if
/// JavaScript has fetched the call before, nor if the call still waits.
#[test]
fn a_call_that_was_given_up_is_not_started() {
    check_random(
        || {
            let seen = Arc::new(AtomicBool::new(false));
            let told = Arc::new(AtomicUsize::new(0));
            let byte = seen.clone();
            let set = move |given_up| byte.store(given_up, Ordering::SeqCst);
            let queue = Arc::new(Queue::new(10, Box::new(|| {}), Box::new(set)));
            let actor = {
                let (queue, told) = (queue.clone(), told.clone());
                thread::spawn(move || {
                    for call in 1..4 {
                        queue.abort(call);
                        told.store(call as usize, Ordering::SeqCst);
                    }
                })
            };
            let mut unwanted = std::collections::HashSet::new();
            for call in 1..4_u32 {
                let is_told = told.load(Ordering::SeqCst) >= call as usize;
                if seen.load(Ordering::SeqCst) {
                    unwanted.extend(queue.given_up());
                }
                assert!(!is_told || unwanted.contains(&call));
            }
            actor.join().unwrap();
        },
        RUNS,
    );
}

/// Once the application has been told that a connection is closed, no call of that connection is started:
/// neither one that JavaScript has fetched or is about to, nor one that its actor only then begins.
#[test]
fn nothing_is_started_for_a_connection_that_was_closed() {
    nothing_is_started_after(bridge::Calls::revoke);
}

/// The same for a component that the application has ended.
#[test]
fn nothing_is_started_for_an_actor_that_was_stopped() {
    nothing_is_started_after(bridge::Calls::give_up);
}

fn nothing_is_started_after(end: fn(&bridge::Calls)) {
    let started = Arc::new(AtomicUsize::new(0));
    let count = started.clone();
    check_random(
        move || {
            let byte = Arc::new(AtomicBool::new(false));
            let (seen, set) = (byte.clone(), byte);
            let calls = bridge::Calls::new(move |is_set| set.store(is_set, Ordering::SeqCst));
            let calls = Arc::new(calls);
            let is_closed = Arc::new(AtomicBool::new(false));
            let actor = {
                let calls = calls.clone();
                thread::spawn(move || (1..=3).for_each(|call| calls.begin(call)))
            };
            let application = {
                let (calls, is_closed) = (calls.clone(), is_closed.clone());
                thread::spawn(move || {
                    end(&calls);
                    is_closed.store(true, Ordering::SeqCst);
                })
            };
            let run = || {
                let was_closed = is_closed.load(Ordering::SeqCst);
                let started = calls.run(|| seen.load(Ordering::SeqCst));
                assert!(!was_closed || started.is_empty(), "{started:?}");
                started.len()
            };
            count.fetch_add(run() + run(), Ordering::SeqCst);
            for thread in [actor, application] {
                thread.join().unwrap();
            }
            assert_eq!(run(), 0);
        },
        RUNS,
    );
    // Some were seen, so it was no model of nothing.
    assert!(started.load(Ordering::SeqCst) > 0);
}

/// A connection that ends, a client that comes back and the end of the waiting time: the session is
/// either with its client or over, never both and never neither.
#[test]
fn a_session_is_resumed_or_over() {
    let resumed = Arc::new(AtomicUsize::new(0));
    let over = Arc::new(AtomicUsize::new(0));
    let counts = (resumed.clone(), over.clone());
    check_random(
        move || {
            let model = Arc::new(connection::Model::new());
            let has_resumed = Arc::new(AtomicBool::new(false));
            let leaver = {
                let model = model.clone();
                thread::spawn(move || model.connection_ends())
            };
            let sweeper = {
                let model = model.clone();
                thread::spawn(move || model.time_is_over())
            };
            let client = {
                let (model, has_resumed) = (model.clone(), has_resumed.clone());
                thread::spawn(move || has_resumed.store(model.resumes(), Ordering::SeqCst))
            };
            for thread in [leaver, sweeper, client] {
                thread.join().unwrap();
            }
            // The sweeper runs a second time.
            model.time_is_over();
            let is_resumed = has_resumed.load(Ordering::SeqCst);
            let count = if is_resumed { &counts.0 } else { &counts.1 };
            count.fetch_add(1, Ordering::SeqCst);
            assert_eq!(model.is_over(), !is_resumed);
            assert_eq!(model.actors_on_new_connection(), usize::from(is_resumed));
            assert_eq!(model.actors_on_old_connection(), 0);
            assert_eq!(model.parked(), 0);
        },
        RUNS,
    );
    // Both outcomes were seen, so the model does try the race.
    assert!(resumed.load(Ordering::SeqCst) > 0 && over.load(Ordering::SeqCst) > 0);
}

/// A connection ends while the application closes: no session waits for a page that cannot come back.
#[test]
fn nothing_is_parked_where_the_application_closes() {
    check_random(
        || {
            let model = Arc::new(connection::Model::new());
            let leaver = {
                let model = model.clone();
                thread::spawn(move || model.connection_ends())
            };
            model.closes();
            leaver.join().unwrap();
            assert!(model.is_over());
            assert_eq!(model.parked(), 0);
        },
        RUNS,
    );
}

/// A page loses its connection while its component commits revisions. The page has read some of them, and
/// comes back with the last one that it shows: it is shown each revision once, in order.
#[test]
fn a_page_that_comes_back_is_shown_each_revision_once() {
    const REVISIONS: u64 = 4;
    let missed = Arc::new(AtomicUsize::new(0));
    let count = missed.clone();
    check_random(
        move || {
            let model = Arc::new(connection::Model::new());
            let is_back = Arc::new(AtomicBool::new(false));
            let page = {
                let (model, is_back) = (model.clone(), is_back.clone());
                thread::spawn(move || {
                    let seen = model.reads_old_connection();
                    model.connection_ends();
                    let shown = seen.last().copied().unwrap_or_default();
                    assert!(model.resumes_at(0, shown));
                    is_back.store(true, Ordering::SeqCst);
                    seen
                })
            };
            let mut is_in = false;
            for revision in 1..=REVISIONS {
                model.commits(revision);
                if !is_in && is_back.load(Ordering::SeqCst) {
                    is_in = true;
                    assert!(model.lets_in());
                }
            }
            let mut seen = page.join().unwrap();
            if !is_in {
                assert!(model.lets_in());
            }
            if seen.len() < REVISIONS as usize && !seen.is_empty() {
                count.fetch_add(1, Ordering::SeqCst);
            }
            seen.extend(model.reads_new_connection());
            assert_eq!(seen, (1..=REVISIONS).collect::<Vec<_>>());
        },
        RUNS,
    );
    // Some pages had read a part, so the model does try the race.
    assert!(missed.load(Ordering::SeqCst) > 0);
}

/// Two clients have the same secret, because one is a copy of the other: only one gets the component.
#[test]
fn two_clients_never_resume_one_session() {
    check_random(
        || {
            let model = Arc::new(connection::Model::new());
            let clients: Vec<_> = (0..2)
                .map(|client| {
                    let model = model.clone();
                    thread::spawn(move || model.resumes_on(client))
                })
                .collect();
            for client in clients {
                client.join().unwrap();
            }
            assert_eq!(model.actors_everywhere(), 1);
        },
        RUNS,
    );
}

/// The page of a shared component loses its connection and comes back with the same event, while the time of its
/// absence ends and the actor handles what waits: the page is shown the component, and its event counts once.
#[test]
fn a_viewer_that_comes_back_is_there_and_its_event_counts_once() {
    check_random(
        || {
            let model = Arc::new(shared::Model::new());
            let steps = [
                shared::Model::connection_ends,
                shared::Model::comes_back,
                shared::Model::handles,
                shared::Model::time_is_over,
            ];
            let threads = steps.map(|step| {
                let model = model.clone();
                thread::spawn(move || step(&model))
            });
            for thread in threads {
                thread.join().unwrap();
            }
            model.handles();
            model.time_is_over();
            assert_eq!((model.handled(), model.viewers()), (1, (true, 1)));
        },
        RUNS,
    );
}

/// The page of a viewer comes back on a connection that ends before the page is let in, in whatever order its first
/// connection ends: in the end it is not there, and does not keep the component.
#[test]
fn a_page_that_is_not_let_in_again_is_not_there() {
    check_random(
        || {
            let model = Arc::new(shared::Model::new());
            let steps = [
                shared::Model::connection_ends,
                shared::Model::comes_back_in_vain,
                shared::Model::comes_back_in_vain,
                shared::Model::time_is_over,
            ];
            let threads = steps.map(|step| {
                let model = model.clone();
                thread::spawn(move || step(&model))
            });
            for thread in threads {
                thread.join().unwrap();
            }
            model.time_is_over();
            assert_eq!(model.viewers(), (false, 0));
        },
        RUNS,
    );
}

/// Two processes want one component, whose page sends its event to both; the lease of each may run out at any time,
/// although the process lives. The event is applied once, and what is shown is never behind what was shown.
#[test]
fn an_owner_whose_lease_has_run_out_applies_no_event_beside_the_next_one() {
    check_random(
        || {
            let redis = Arc::<across::Redis>::default();
            let stands_still = {
                let redis = redis.clone();
                thread::spawn(move || {
                    redis.runs_out(0);
                    redis.runs_out(1);
                })
            };
            let processes = [0, 1].map(|name| {
                let process = redis.process(name);
                thread::spawn(move || block_on(process.handles()))
            });
            let handled = processes.map(|process| process.join().unwrap());
            stands_still.join().unwrap();
            let (count, shown, _) = redis.outcome();
            assert!(count <= 1 && (count == 1 || handled == [false, false]));
            assert_eq!(shown.len() as u64, count);
            // The page comes once more, to the process that owns the component by then.
            block_on(redis.process(1).handles());
            let (count, shown, is_owned) = redis.outcome();
            assert!(!is_owned);
            assert_eq!((count, shown.len()), (1, 1));
        },
        RUNS,
    );
}

/// Several actors send messages to one connection: no message is lost, and the connection that waits is
/// always woken.
#[test]
fn an_outbox_loses_no_message_and_no_wake() {
    check_random(
        || {
            let budget = Arc::new(Budget::new(1000));
            let outbox = connection::Messages::new(budget.clone());
            let actors: Vec<_> = (1..=2)
                .map(|actor| {
                    let outbox = outbox.clone();
                    thread::spawn(move || {
                        for _ in 0..3 {
                            outbox.push(actor);
                        }
                    })
                })
                .collect();
            let mut written = 0;
            while written < 6 {
                written += block_on(outbox.write());
            }
            for actor in actors {
                actor.join().unwrap();
            }
            assert_eq!((written, budget.waiting()), (6, 0));
        },
        RUNS,
    );
}

/// The addon shares this type between threads; the models mean nothing if it cannot be shared.
const _: fn() = || {
    fn shared<T: Send + Sync>() {}
    shared::<JsDispatcher>();
};
