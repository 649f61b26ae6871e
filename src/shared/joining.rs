//! How a page gets to see a shared component: it waits for its turn, `authorize` lets it in, and the component is
//! started if it does not live.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::time::timeout;

use super::across::Joining as OfOwner;
use super::component::{Admission, Component, Lives, Ticketed};
use super::viewer::{Viewed, Whose};
use super::{BUSY, Known, Name, SharedComponents, Viewer, Viewing};
use crate::clock::unix_now;
use crate::codes::Code;
use crate::context::{Level, Shared};
use crate::dispatch::{Call, CallError, Caller, Dispatcher, Joins, Origin, Sharing};
use crate::ids::{EventNumber, Point, next_actor_key};
use crate::live_socket::Events;
use crate::log::Quoted;
use crate::ongoing::TopicNames;
use crate::props::Props;
use crate::protocol::{Refusal, Resume};
use crate::random::random_text;
use crate::session::{Link, Peer};
use crate::token::{Claims, Kind};
use crate::turns::{Given, Place, Yield};

/// How often `authorize` is asked about a page that joins, and another component begun, if users are taken out of
/// topics meanwhile, or if components end.
const MOST_ASKED: u32 = 8;

/// A page that joins.
pub(crate) struct Joining {
    pub(crate) known: Known,
    /// The content of the page's token.
    pub(crate) claims: Claims,
    /// The viewer's name, if the page has one without a ticket.
    pub(crate) viewer: Option<Arc<str>>,
    /// The point that the page shows, and its ticket, if it has been here before.
    pub(crate) resume: Option<Resume>,
    pub(crate) link: Link,
    pub(crate) peer: Peer,
    /// The address that counts as the component's starter.
    pub(crate) counted: Arc<str>,
    /// The holder under which waiting messages count.
    pub(crate) holder: Arc<str>,
    pub(crate) place: Place,
}

/// Begins a join. The rest is done by a task; whatever becomes of it, the page is told. `None` if the system gives
/// no random numbers.
pub(crate) fn join<D: Dispatcher>(
    context: &Shared<D>,
    shared: &Arc<SharedComponents>,
    joining: Joining,
) -> Option<Viewing> {
    let Joining {
        known,
        claims,
        viewer,
        resume,
        link,
        peer,
        counted,
        holder,
        place,
    } = joining;
    let limits = &context.limits;
    let key: Arc<str> = claims.instance.as_str().into();
    let name = Name {
        module: known.module.id,
        key: key.clone(),
    };
    let now = unix_now();
    let ticket = resume.as_ref().and_then(|resume| {
        let keyring = &context.keyring;
        keyring.open_ticket(&resume.secret, &claims, &peer.bind, now, limits.token_age)
    });
    let id: Arc<str> = match &ticket {
        Some(ticket) => ticket.viewer.as_str().into(),
        None => viewer.unwrap_or_else(|| random_text().into()),
    };
    if id.is_empty() {
        return None;
    }
    let component_id = link.id.clone();
    let caller = Arc::new(Caller {
        request: peer.request.clone().unwrap_or_default(),
        bind: peer.bind.clone(),
        page: claims.page.as_str().into(),
        parent: None,
        sharing: Some(Box::new(Sharing {
            key: key.clone(),
            viewer: id.clone(),
        })),
    });
    let lives = shared.get(&name);
    let known_viewer = ticket
        .as_ref()
        .and_then(|_| lives.as_ref().and_then(|component| component.viewer(&id)));
    let attached = known_viewer.and_then(|viewer| {
        let link = Link {
            outbox: link.outbox.clone(),
            id: link.id.clone(),
        };
        let is_followed = lives
            .as_ref()
            .is_some_and(|component| component.following().is_some());
        let address = peer.address.clone();
        let epoch = viewer.attach(link, caller.clone(), address, is_followed)?;
        Some((viewer, epoch))
    });
    let (viewer, epoch) = attached.unwrap_or_else(|| {
        let (stats, budget) = (&context.stats, &context.budget);
        let events = Events::new(limits, EventNumber::default(), stats, budget);
        let whose = Whose {
            caller: caller.clone(),
            address: peer.address.clone(),
            holder,
            counted: counted.clone(),
        };
        (Viewer::new(id.clone(), whose, link, events), 0)
    });
    let kept = (limits.event_age + limits.park_time).as_secs();
    let task = Task {
        context: context.clone(),
        shared: shared.clone(),
        known,
        key,
        viewer: viewer.clone(),
        epoch,
        address: peer.address.clone(),
        ticket: ticket.map(|ticket| {
            let is_new = now.saturating_sub(ticket.issued_at) < kept;
            let (since, owner) = (ticket.life, ticket.owner);
            let lives = Lives { since, owner };
            Ticketed {
                lives,
                issued_at: ticket.issued_at,
                is_new,
            }
        }),
        resume,
        counted,
        component_id,
    };
    context.tasks.spawn(async move {
        let joined = crate::panics::caught(Box::pin(task.run(place))).await;
        if let Err(Some((text, refusal))) = joined.unwrap_or_else(|panic| {
            let text = format!("a join panicked, a fault of loom-live: {panic}");
            task.context.log(Level::Error, Code::Fault, text);
            Err(Some((BUSY.to_owned(), Refusal::Busy)))
        }) {
            task.refuse(&text, &refusal);
        }
    });
    Some(Viewing { viewer, epoch })
}

/// The facts with which `authorize` was asked about a page.
struct Asked {
    /// The component, whose topics were known; `None` if it did not live.
    component: Option<Arc<Component>>,
    /// How often viewers of the component had been dismissed before.
    dismissals: u64,
}

impl Asked {
    /// Whether the answer of `authorize` was given for another component, so that it does not count for this
    /// one. If no component lived, and this one is in no topic, it counts.
    fn is_of_another(&self, component: &Arc<Component>) -> bool {
        match &self.component {
            Some(asked) => !Arc::ptr_eq(asked, component),
            None => component.topics().is_some(),
        }
    }
}

struct Task<D: Dispatcher> {
    context: Shared<D>,
    shared: Arc<SharedComponents>,
    known: Known,
    key: Arc<str>,
    viewer: Arc<Viewer>,
    epoch: u64,
    /// The page's address.
    address: Arc<str>,
    /// The content of the page's ticket.
    ticket: Option<Ticketed>,
    resume: Option<Resume>,
    counted: Arc<str>,
    /// The component's id on the page's connection.
    component_id: Arc<str>,
}

impl<D: Dispatcher> Task<D> {
    /// Lets the page in. An error has the text for the page; `None` if the page is gone.
    async fn run(&self, place: Place) -> Result<(), Option<(String, Refusal)>> {
        let turn = match place.turn(true).await {
            Given::Turn(turn) => turn,
            Given::Gone => return Err(None),
            Given::Busy => return Err(Some((BUSY.to_owned(), Refusal::Busy))),
        };
        let name = Name {
            module: self.known.module.id,
            key: self.key.clone(),
        };
        let lives = self.shared.get(&name);
        let lives = lives.filter(|component| component.has_started());
        let mut asked = self.ask(lives, turn.yields()).await?;
        let mut times = 1;
        loop {
            if self.viewer.is_over() || !self.viewer.is_shown_in(self.epoch) {
                return Err(None);
            }
            let guest = self
                .shared
                .open(&self.context, &self.known, &self.key, &self.counted);
            let guest = guest.map_err(Some)?;
            let component = &guest.0;
            // Others may render while the page waits for the component.
            turn.yields().now();
            component.wait_until_ready().await.map_err(Some)?;
            // The topics of the component that goes on were not known to `authorize`: it is asked again.
            if asked.is_of_another(component) {
                times += 1;
                asked = self.ask(Some(component.clone()), turn.yields()).await?;
            }
            let ticket = self.seal(component.lives()).map_err(Some)?;
            let resume = self.resume.as_ref();
            let shown = resume.filter(|resume| !resume.needs_tree);
            let shown = shown.map(|resume| resume.shown);
            let known = resume.map_or(Point::default(), |resume| resume.shown);
            let viewed: Arc<dyn Viewed> = component.clone();
            self.viewer.show(Arc::downgrade(&viewed));
            let mut admission = Admission {
                epoch: self.epoch,
                dismissals: asked.dismissals,
                ticket: self.ticket,
                shown,
                known,
                new_ticket: ticket,
                owner: None,
            };
            let let_in = match component.following() {
                None => component.let_in(&self.viewer, admission),
                Some(following) => {
                    let since = component.lives().since;
                    let ticket = self.ticket.filter(|ticket| ticket.lives.since == since);
                    let page = OfOwner {
                        page: self.viewer.caller().page.clone(),
                        address: self.address.clone(),
                        is_known: ticket.is_some(),
                        is_of_earlier_owner: ticket
                            .is_some_and(|ticket| ticket.lives != component.lives()),
                        known,
                        dismissals: asked.dismissals,
                    };
                    match following.join(&self.viewer, self.epoch, page).await {
                        Ok(Some((entered, _joins))) => {
                            admission.owner = Some(entered);
                            component.let_in(&self.viewer, admission)
                        }
                        Ok(None) => Ok(false),
                        Err(failure) => Err(failure),
                    }
                }
            };
            match let_in {
                Ok(true) => {
                    self.context.stats.joins.add();
                    return Ok(());
                }
                // Somebody was taken out of a topic meanwhile, and it may be this user.
                Ok(false) if times < MOST_ASKED => {
                    times += 1;
                    asked = self.ask(Some(component.clone()), turn.yields()).await?;
                }
                Ok(false) => return Err(Some((BUSY.to_owned(), Refusal::Busy))),
                // The component ended in between: the next one is started.
                Err(_) if times < MOST_ASKED && component.has_ended() && !self.viewer.is_over() => {
                    times += 1;
                }
                Err(failure) => return Err(Some(failure)),
            }
        }
    }

    /// Asks `authorize` about the page, and the component if it lives.
    async fn ask(
        &self,
        component: Option<Arc<Component>>,
        yields: Yield,
    ) -> Result<Asked, Option<(String, Refusal)>> {
        let about = component.as_ref();
        let dismissals = about.map_or(0, |component| component.dismissals());
        let allowed = allow(
            &self.context,
            &self.known,
            self.viewer.caller(),
            about.and_then(|component| component.topics()),
            "the join",
            Some(yields),
        );
        match allowed.await {
            Ok(()) => Ok(Asked {
                component,
                dismissals,
            }),
            Err(error) => {
                let text = error.public(self.context.development);
                Err(Some((text, error.refusal().clone())))
            }
        }
    }

    /// The ticket with which the page comes back.
    fn seal(&self, Lives { since, owner }: Lives) -> Result<Box<str>, (String, Refusal)> {
        let caller = self.viewer.caller();
        let claims = Claims {
            module: self.known.name.to_string(),
            instance: self.key.to_string(),
            viewer: self.viewer.id.to_string(),
            owner,
            life: since,
            issued_at: unix_now(),
            ..Claims::empty(Kind::Ticket)
        };
        let sealed = self.context.keyring.seal(&claims, &caller.bind);
        sealed.map(Into::into).map_err(|error| {
            let text = format!("{} ({}): {error}", self.known.name, Quoted(&self.key));
            self.context.log(Level::Error, Code::Shared, text);
            (BUSY.to_owned(), Refusal::Busy)
        })
    }

    fn refuse(&self, text: &str, refusal: &Refusal) {
        let code = match refusal {
            Refusal::Busy | Refusal::Moved => Code::Busy,
            _ => Code::Join,
        };
        self.context.stats.failed(code);
        if !matches!(refusal, Refusal::Busy | Refusal::Moved) {
            let (name, key, at) = (
                &self.known.name,
                Quoted(&self.key),
                Quoted(&self.component_id),
            );
            let text = format!("{name} ({key}, {at}): join refused: {text}");
            self.context.log(Level::Warn, Code::Join, text);
        }
        if self.viewer.refuse(Some(self.epoch), text, refusal)
            && let Some(component) = self.viewer.component()
        {
            component.is_left(&self.viewer, None);
        }
    }
}

/// Asks `authorize` whether the page may see the component, which is in these topics. `what` names the question in
/// the log.
pub(super) async fn allow<D: Dispatcher>(
    context: &Shared<D>,
    known: &Known,
    caller: Arc<Caller>,
    topics: Option<TopicNames>,
    what: &str,
    yields: Option<Yield>,
) -> Result<(), CallError> {
    if !known.details.authorizes {
        return Ok(());
    }
    let call = Call {
        // Nothing is kept under it.
        actor: next_actor_key(),
        id: caller
            .sharing
            .as_ref()
            .map_or_else(|| "".into(), |sharing| sharing.key.clone()),
        instance: "".into(),
        module: known.module,
        caller: Some(caller),
        moved: false,
        props: Arc::new(Props::from_json("null")),
        frozen: false,
        version: 0,
        sequence: 1,
        number: EventNumber::default(),
        event: None,
        messages: Vec::new(),
        topics,
        dropped: None,
        origin: Some(Origin {
            joins: Joins::Viewer,
            version: known.details.version,
            is_behind: false,
        }),
        yields,
    };
    let limit = context.limits.handler_time;
    // No actor makes this call.
    let never = AtomicBool::new(false);
    let answer = timeout(limit, context.dispatcher.call(&call, &never)).await;
    let outcome = answer.unwrap_or(Err(CallError::Deadline(limit)));
    outcome.map(drop).inspect_err(|error| {
        if !matches!(error, CallError::Refused(..) | CallError::Closed) {
            let name = &known.name;
            context.log_about(Level::Error, error.code(), name, || {
                format!("{name}: {what} failed: {error}{}", error.stack())
            });
        }
    })
}
