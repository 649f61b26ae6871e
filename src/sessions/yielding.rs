//! Other processes ask for components that wait here, or seem to be shown here, and tell which components
//! they have taken over.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use serde_json::value::RawValue;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep, timeout};

use super::{BUSY, Sessions};
use crate::codes::Code;
use crate::homes::{ABOUT, Answer, HandedOver, Homes, Said, Yield};
use crate::ids::Life;
use crate::log::{Level, Log};
use crate::processes::{Answering, Hears, Here};
use crate::protocol::Refusal;
use crate::session::Yields;
use crate::sync::{Mutex, lock};

/// So many busy components are waited for at a time. One more is not handed over, and goes on as after a crash.
const MOST: usize = 1024;
/// After so long nobody waits for a component any more.
const FORGOTTEN: Duration = Duration::from_secs(60);
/// The pause between two tries to find out which components are lost, while Redis is away.
const AGAIN: Duration = Duration::from_secs(1);

/// A component that is busy, while another process waits for it.
struct Busy {
    /// The process that waits, and the proof that was right.
    from: Box<str>,
    proof: Vec<u8>,
    since: Instant,
    receiver: oneshot::Receiver<HandedOver>,
}

/// The work of this process for others that homes bring. The lock is a `std` one, held for a look-up.
struct Yielding {
    sessions: Weak<Sessions>,
    homes: Weak<Homes>,
    log: Log,
    busy: Mutex<HashMap<Arc<str>, Busy>>,
}

impl Sessions {
    /// From here on other processes are heard: see [`Homes`]. To be called in a runtime.
    pub fn share(self: &Arc<Self>, homes: &Arc<Homes>, log: &Log) {
        let _ = self.is_shared.set(());
        homes.processes().hear(ABOUT, self.ear(homes, log));
        let here = homes.processes().here();
        let (sessions, homes) = (Arc::downgrade(self), Arc::downgrade(homes));
        tokio::spawn(watch_lapses(here, sessions, homes));
    }

    pub(crate) fn ear(self: &Arc<Self>, homes: &Arc<Homes>, log: &Log) -> Arc<dyn Hears> {
        Arc::new(Ear(Arc::new(Yielding {
            sessions: Arc::downgrade(self),
            homes: Arc::downgrade(homes),
            log: log.clone(),
            busy: Mutex::default(),
        })))
    }

    /// Another process goes on with a component: it ends here, if it does not live a later life.
    fn is_lost(&self, instance: &str, life: Life) {
        if let Some(session) = self.get(instance)
            && session.is_lost_to(life)
        {
            session.refuse(BUSY, &Refusal::Moved);
            self.end(&session);
        }
    }

    /// It is not known which people the application has removed in other processes. So `authorize` is asked
    /// again, within five seconds, about each page that is shown something from the server. Pages of shared
    /// components join again.
    pub fn doubt(&self) {
        for session in self.all() {
            session.doubt();
        }
        self.shared.doubt();
    }
}

impl Yielding {
    async fn yields(
        self: Arc<Self>,
        homes: Arc<Homes>,
        from: Box<str>,
        asked: Yield,
    ) -> Option<String> {
        // Only here: the question may be dropped before the future is polled, and then nothing must have ended.
        let answer = match self.find(&homes, &from, &asked) {
            Found::No(answer) => answer,
            Found::Here(mut receiver) => {
                let patience = Duration::from_millis(asked.patience).min(FORGOTTEN);
                match timeout(patience, &mut receiver).await {
                    Ok(Ok(handed_over)) => Answer::Yielded(handed_over),
                    Ok(Err(_)) => Answer::Unknown,
                    Err(_) => self.waits(&asked, from.clone(), receiver),
                }
            }
        };
        homes.answer(&from, &answer)
    }

    fn find(&self, homes: &Homes, from: &str, asked: &Yield) -> Found {
        let proof = asked.proof();
        {
            let mut busy = lock(&self.busy);
            let is_waiting = |busy: &Busy| *busy.from == *from && busy.proof == proof;
            if busy.get(&asked.instance).is_some_and(is_waiting)
                && let Some(busy) = busy.remove(&asked.instance)
            {
                return Found::Here(busy.receiver);
            }
        }
        let Some(sessions) = self.sessions.upgrade() else {
            return Found::No(Answer::Unknown);
        };
        let Some(session) = sessions.get(&asked.instance) else {
            return Found::No(Answer::Unknown);
        };
        let between = [from, &**homes.processes().name()];
        match session.yields(&proof, between, asked.shown()) {
            Yields::Yes(receiver, ticket) => {
                if let Some(ticket) = ticket {
                    sessions.unpark(ticket);
                }
                Found::Here(receiver)
            }
            Yields::No => {
                let beyond = session.beyond(asked.revision, Some(asked.life));
                Found::No(Answer::Refused(beyond))
            }
            Yields::Over => Found::No(Answer::Unknown),
        }
    }

    /// The component is busy: for a while it is kept for the process that waits for it.
    fn waits(
        self: &Arc<Self>,
        asked: &Yield,
        from: Box<str>,
        receiver: oneshot::Receiver<HandedOver>,
    ) -> Answer {
        let since = Instant::now();
        let one = Busy {
            from,
            proof: asked.proof(),
            since,
            receiver,
        };
        let instance = asked.instance.clone();
        {
            let mut busy = lock(&self.busy);
            if busy.len() >= MOST {
                return Answer::Unknown;
            }
            busy.insert(instance.clone(), one);
        }
        let yielding = Arc::downgrade(self);
        tokio::spawn(async move {
            sleep(FORGOTTEN).await;
            let Some(yielding) = yielding.upgrade() else {
                return;
            };
            let mut busy = lock(&yielding.busy);
            if busy.get(&instance).is_some_and(|one| one.since == since) {
                busy.remove(&instance);
            }
        });
        Answer::Wait
    }
}

enum Found {
    /// The other process hands the component over through this channel.
    Here(oneshot::Receiver<HandedOver>),
    No(Answer),
}

/// Hears the messages of other processes about homes.
struct Ear(Arc<Yielding>);

fn silent() -> Answering {
    Box::pin(std::future::ready(None))
}

impl Hears for Ear {
    fn hears(&self, from: &str, body: &RawValue) -> Answering {
        let yielding = &self.0;
        let Some(homes) = yielding.homes.upgrade() else {
            return silent();
        };
        let Some(said) = homes.hears(body) else {
            let text = "a message of another process about a component cannot be opened: do all processes have the same secret?";
            yielding
                .log
                .write(Level::Error, Code::Secret, "", || text.to_owned());
            return silent();
        };
        match said {
            Said::Yield(asked) => Box::pin(yielding.clone().yields(homes, from.into(), asked)),
            Said::Lost(instance, life) => {
                if let Some(sessions) = yielding.sessions.upgrade() {
                    sessions.is_lost(&instance, life);
                }
                silent()
            }
        }
    }

    fn missed(&self) {
        let yielding = &self.0;
        if let Some(sessions) = yielding.sessions.upgrade() {
            sessions.doubt();
            tokio::spawn(look(yielding.sessions.clone(), yielding.homes.clone()));
        }
    }
}

/// Looks at all components whether other processes have taken them over.
async fn look(sessions: Weak<Sessions>, homes: Weak<Homes>) {
    loop {
        let (Some(all), Some(homes)) = (sessions.upgrade(), homes.upgrade()) else {
            return;
        };
        let all = all.all();
        let lives = all
            .iter()
            .map(|session| (session.about.instance.clone(), session.life()));
        let lives: Vec<_> = lives.filter(|(_, life)| *life != Life::default()).collect();
        drop(all);
        let lost = homes.lost(&lives).await;
        drop(homes);
        let (Ok(lost), Some(sessions)) = (lost, sessions.upgrade()) else {
            sleep(AGAIN).await;
            continue;
        };
        for (instance, life) in lost {
            sessions.is_lost(&instance, life);
        }
        return;
    }
}

/// The lease of this process had run out: others may have taken its components over.
async fn watch_lapses(
    mut here: watch::Receiver<Here>,
    sessions: Weak<Sessions>,
    homes: Weak<Homes>,
) {
    let mut lapses = here.borrow().lapses;
    while here.changed().await.is_ok() {
        let now = here.borrow_and_update().lapses;
        if std::mem::replace(&mut lapses, now) != now {
            look(sessions.clone(), homes.clone()).await;
        }
    }
}
