//! Processes that have one Redis.

use serde_json::Value;

use super::*;
use crate::limits::Limits;
use crate::redis::Address;
use crate::redis::testing::{Server, until, with_server};
use crate::topics::{Backplane, Spawn};

fn process(server: &Server) -> Arc<Processes> {
    let spawn: Spawn = Arc::new(|task| drop(tokio::spawn(task)));
    let (address, link) = (Address::of(&server.url()).unwrap(), server.link().0);
    let limits = Limits::default();
    let opened = Backplane::open(address, &link, "loom:", &limits, &spawn, Box::new(|_| ()));
    let between = Arc::new(opened.unwrap().between);
    Processes::open(link, between, "loom:").unwrap()
}

async fn here(process: &Processes) {
    let mut here = process.here();
    here.wait_for(|here| here.is_here()).await.unwrap();
}

/// Answers with the message that it heard and the process that sent it.
#[derive(Default)]
struct Echo(Mutex<Vec<String>>);

impl Hears for Echo {
    fn hears(&self, from: &str, body: &RawValue) -> Answering {
        let answer = format!("[{},{body}]", Value::from(from));
        lock(&self.0).push(answer.clone());
        let is_silent = body.get() == "null";
        Box::pin(async move { (!is_silent).then_some(answer) })
    }
}

const LONG: Duration = Duration::from_secs(30);

with_server! {
    async fn a_process_asks_another_and_says_something_to_all(server) {
        let [ann, ben, carl] = [process(&server), process(&server), process(&server)];
        let echoes = [&ben, &carl].map(|process| {
            let echo = Arc::<Echo>::default();
            process.hear("echo", echo.clone());
            echo
        });
        for process in [&ann, &ben, &carl] {
            here(process).await;
        }
        let answer = ann.ask(ben.name(), "echo", "{\"a\":1}", LONG).await.unwrap();
        assert_eq!(answer.get(), format!("[\"{}\",{{\"a\":1}}]", ann.name()));
        ann.tell_all("echo", "7").await.unwrap();
        for echo in &echoes {
            let heard = || lock(&echo.0).last().is_some_and(|last| last.ends_with(",7]"));
            until("it to be heard", heard).await;
        }
        // A process that begins to hear just after that is meant, too: it may have had pages already.
        let late = process(&server);
        let echo = Arc::<Echo>::default();
        late.hear("echo", echo.clone());
        until("it to be heard late", || lock(&echo.0).last().is_some_and(|last| last.ends_with(",7]"))).await;
        // A process that does not answer, one that does not know the subject, and one that is not there.
        let short = Duration::from_millis(50);
        assert!(ann.ask(ben.name(), "echo", "null", short).await.is_none());
        assert!(ann.ask(ben.name(), "other", "1", short).await.is_none());
        assert!(ann.ask("nobody", "echo", "1", short).await.is_none());
        assert!(ann.ask(ben.name(), "echo", "no JSON", short).await.is_none());
        assert_eq!(lock(&ann.inner.state).asked.len(), 0);
    }

    async fn who_goes_is_gone_at_once_and_who_is_lost_after_a_while(server) {
        let [ann, ben, carl] = [process(&server), process(&server), process(&server)];
        for process in [&ann, &ben, &carl] {
            here(process).await;
        }
        let names = [ben.name().clone(), carl.name().clone(), "nobody".into()];
        assert_eq!(ann.gone(&names).await.unwrap(), [Arc::from("nobody")]);
        ben.close().await;
        assert_eq!(ann.gone(&names).await.unwrap(), [ben.name().clone(), Arc::from("nobody")]);
        let name = carl.name().clone();
        drop(carl);
        let mut gone = Vec::new();
        for _ in 0..100 {
            tokio::time::sleep(Duration::from_millis(200)).await;
            gone = ann.gone(std::slice::from_ref(&name)).await.unwrap();
            if !gone.is_empty() {
                break;
            }
        }
        assert_eq!(gone, [name]);
    }

    async fn a_lease_that_had_run_out_is_noticed(server) {
        let ann = process(&server);
        here(&ann).await;
        assert_eq!(ann.here().borrow().lapses, 0);
        let _: u64 = server.ask(&["DEL", &format!("loom:process:{{{}}}", ann.name())]).unwrap();
        let mut watched = ann.here();
        watched.wait_for(|here| here.lapses == 1).await.unwrap();
        assert!(ann.gone(&[ann.name().clone()]).await.unwrap().is_empty());
    }
}
