//! Joins: a page's components, new ones and those that come back.

use std::sync::Arc;

use super::nesting::Nesting;
use super::refused::{FAULT, GONE, Refused, TOO_MANY};
use super::{Connection, JOIN, Shows};
use crate::clock::unix_now;
use crate::codes::Code;
use crate::context::Level;
use crate::dispatch::{Caller, Dispatcher, Joins, Origin};
use crate::homes::{Coming, Home, Mark};
use crate::ids::{Life, Point, Revision};
use crate::live_socket::{LiveSocket, Start};
use crate::log::Quoted;
use crate::members;
use crate::ongoing::Ongoing;
use crate::outbox::{CONNECTION, Dialect};
use crate::props::Props;
use crate::protocol::{Parent, Refusal, Resume};
use crate::random::random_text;
use crate::session::{About, Attached, Back, Link, Names, Session, names_of};
use crate::sessions::to_page::ToPage;
use crate::sessions::{counted_as, holder};
use crate::shared::{self, BUSY, Joining, Known};
use crate::token::{Claims, Kind, anchored, public_name};
use crate::turns::Place;

impl<D: Dispatcher> Connection<D> {
    pub(super) fn join(
        &mut self,
        id: &str,
        module: &str,
        token: &str,
        parent: Option<Parent>,
        resume: Option<Resume>,
    ) {
        self.turn += JOIN;
        self.leave(id);
        let nesting = self.nesting(module, parent);
        let joined = nesting.and_then(|nesting| {
            let nesting = nesting.as_ref();
            let place = self.place(module)?;
            let place = match &resume {
                // The ticket of a shared component has no dot.
                Some(resume) => match self.resume(id, module, nesting, resume, place) {
                    Ok(()) => return Ok(()),
                    Err(place) => place,
                },
                None => place,
            };
            self.try_join(id, module, token, nesting, resume, place)
        });
        if let Err(Refused(public, refusal, reason)) = joined {
            let code = match refusal {
                Refusal::Busy | Refusal::Moved => Code::Busy,
                _ => Code::Join,
            };
            self.context.stats.failed(code);
            let shown = if self.context.development {
                format!("{public} ({reason})")
            } else {
                public.to_owned()
            };
            // A page that was refused as `Busy` asks again, and so do all others. A line for each would
            // flood the log.
            if !matches!(refusal, Refusal::Busy | Refusal::Moved) {
                let (name, at) = (Quoted(module), Quoted(id));
                let text = format!("{name} ({at}): join refused: {reason}");
                self.context.log(Level::Warn, Code::Join, text);
            }
            let text = self.outbox.dialect.refused(id, &shown, &refusal);
            self.outbox.push(CONNECTION, text);
        }
    }

    /// A place in the queue of pages that join or come back. Asked for before the token is opened, because
    /// opening the token costs most.
    fn place(&mut self, module: &str) -> Result<Place, Refused> {
        if !self.has_room() {
            let limit = self.context.limits.components;
            let reason = format!("limits.components is {limit}");
            return Err(Refused(TOO_MANY, Refusal::Fault, reason));
        }
        let busy = |reason: &str| Refused(BUSY, Refusal::Busy, reason.to_owned());
        let address = self.pace.address();
        if !address.may_join() {
            return Err(busy(
                "too many from this address (limits.joinRatePerAddress)",
            ));
        }
        // All names that are not registered share one line, so that a client cannot make lines.
        let known = self.context.registry.get(module);
        let module = known.map_or_else(|| "".into(), |_| module.into());
        let place = self.context.turns.queue(&self.counted(), &module);
        let place = place.ok_or_else(|| busy("too many wait (limits.waitingJoins)"))?;
        let gone = &mut self.gone;
        Ok(place.leaves_with(|| gone.get_or_insert_default().clone()))
    }

    /// Goes on with a session that this client had before; gives the place back if there is no such
    /// session.
    fn resume(
        &mut self,
        id: &str,
        module: &str,
        nesting: Option<&Nesting>,
        resume: &Resume,
        place: Place,
    ) -> Result<(), Place> {
        let Some((instance, _)) = resume.secret.split_once('.') else {
            return Err(place);
        };
        if !names_of(nesting.map(|nesting| nesting.of(module))).have(instance) {
            return Err(place);
        }
        let Some(session) = self.sessions.get(instance) else {
            return Err(place);
        };
        let about = &session.about;
        if *about.module != *module || about.bind != self.peer.bind {
            return Err(place);
        }
        let id: Arc<str> = id.into();
        let details = self.context.registry.get(module);
        let link = Link {
            outbox: self.outbox.clone(),
            id: id.clone(),
        };
        let back = Back {
            secret: &resume.secret,
            shown: resume.shown,
            needs_tree: resume.needs_tree,
            request: self.peer.request.clone(),
            address: self.peer.address.clone(),
            asks: details.is_some_and(|(_, details)| details.authorizes),
        };
        let (attached, ticket) = session.attach(link, back, place)?;
        if let Some(ticket) = ticket {
            self.sessions.unpark(ticket);
        }
        if let Some(Nesting { parent, key, .. }) = nesting {
            parent.adopts(module, key, &attached.session);
        }
        self.components.insert(id, Shows::Own(attached));
        Ok(())
    }

    /// The name under which this connection counts if addresses are counted: see [`counted_as`].
    fn counted(&self) -> Arc<str> {
        counted_as(&self.peer.bind, &self.pace.address().name)
    }

    /// The name under which this connection's memory counts: see [`holder`].
    fn holder(&self) -> Arc<str> {
        holder(&self.peer.bind, &self.pace.address().name)
    }

    fn has_room(&mut self) -> bool {
        let limit = self.context.limits.components;
        if self.components.len() >= limit {
            self.components.retain(|_, shows| !shows.is_over());
        }
        self.components.len() < limit
    }

    fn try_join(
        &mut self,
        id: &str,
        name: &str,
        token: &str,
        nesting: Option<&Nesting>,
        resume: Option<Resume>,
        place: Place,
    ) -> Result<(), Refused> {
        let context = self.context.clone();
        let module = context.registry.get(name);
        let (module, details) = module.ok_or_else(|| gone("no such module is registered"))?;
        if let Some(Nesting { parent, key, .. }) = nesting
            && resume.is_none()
            && parent.shows_on(name, key, &self.outbox)
        {
            let reason = "its live() stands twice in its parent: give each a key of its own";
            return Err(Refused(FAULT, Refusal::Fault, reason.to_owned()));
        }
        let names = names_of(nesting.map(|nesting| nesting.of(name)));
        let ticket = resume.as_ref().map(|resume| &*resume.secret);
        let opened = self.opened(name, token, ticket);
        let (claims, is_given) = match nesting {
            None => (own_claims(opened, &names)?, false),
            Some(nesting) => {
                let claims = opened.ok();
                match claims.filter(|claims| nesting.starts_from(claims, &names)) {
                    Some(claims) => (claims, false),
                    // It came with a patch, or its parent has started anew.
                    None => (nesting.claims(name, details.version), true),
                }
            }
        };
        let id: Arc<str> = id.into();
        if claims.kind == Kind::Shared {
            let known = Known {
                module,
                name: name.into(),
                details,
            };
            return self.join_shared(id, known, claims, nesting, resume, place);
        }
        let home = self.home(resume.as_ref(), &claims);
        let home = home.filter(|home| names.have(&home.instance));
        let instance = self.instance(&claims, home.as_ref(), &names)?;
        let mark = match &context.homes {
            Some(homes) => homes.mark(&self.peer.bind, name, &instance),
            None => Mark::default(),
        };
        let shown = resume
            .as_ref()
            .map_or_else(Point::default, |back| back.shown);
        let kept = resume.as_ref().map_or(0, |back| back.kept);
        let expected = Revision(shown.revision.0.saturating_sub(kept));
        let coming = self.coming(&instance, &claims, home, shown);
        let about = About {
            mark,
            instance: instance.clone(),
            module: name.into(),
            bind: self.peer.bind.clone(),
            address: self.peer.address.clone(),
            holder: self.holder(),
            counted: self.counted(),
            request: self.peer.request.clone(),
            page: claims.page.as_str().into(),
            depth: nesting.map_or(0, |nesting| nesting.parent.about.depth + 1),
        };
        let caller = about.request.clone().map(|request| Caller {
            request,
            bind: about.bind.clone(),
            page: about.page.clone(),
            sharing: None,
            parent: nesting.map(|nesting| public_name(&nesting.parent.about.instance).into()),
        });
        let mut ongoing = Ongoing::from_json(&claims.ongoing, self.context.now());
        let given = nesting.map(|nesting| nesting.given.clone());
        if let Some(given) = given.as_ref().filter(|_| is_given) {
            ongoing.begins_with(given);
        }
        let start = Start {
            id: id.clone(),
            instance: public_name(&instance).into(),
            module,
            module_name: about.module.clone(),
            caller: caller.map(Arc::new),
            holder: about.holder.clone(),
            props: Arc::new(Props::from_json(&claims.props_json)),
            origin: Some(Origin {
                joins: match claims.kind {
                    Kind::Checkpoint => Joins::Checkpoint,
                    _ if is_given => Joins::Child,
                    _ => Joins::Mount,
                },
                version: claims.version,
                is_behind: false,
            }),
            place: Some(place),
            point: claims.point,
            life: claims.life,
            expected,
            ongoing,
            given,
            details: details.clone(),
        };
        let is_page = matches!(claims.kind, Kind::Mount | Kind::Child)
            && !is_given
            && self.outbox.dialect == Dialect::Extended;
        let anchored = is_page.then(|| anchored(token, &self.peer.bind).into());
        // Known from the start, so that who is removed from a topic does not come to life with it.
        let topics = start.ongoing.topics();
        let mut made = None;
        let sessions = self.sessions.clone();
        let socket = LiveSocket::start(&context, start, |key| {
            let session = Session::new(about, key, &self.outbox, id.clone(), claims.point);
            if let Some(home) = coming.as_ref().and_then(|coming| coming.home.as_ref()) {
                session.came_with(&home.secret);
            }
            sessions.set_topics(&session, topics, members::now());
            made = Some(session.clone());
            sessions.add(&session);
            let context = context.clone();
            let to_page = ToPage::new(context, sessions, session, details, anchored, coming, shown);
            match is_given {
                true => to_page.owing_checkpoint(),
                false => to_page,
            }
        });
        if let Some(session) = made {
            session.set_socket(socket);
            if let Some(Nesting { parent, key, .. }) = nesting {
                parent.adopts(name, key, &session);
            }
            let attached = Attached { session, epoch: 0 };
            self.components.insert(id, Shows::Own(attached));
        }
        Ok(())
    }

    /// What the page has brought for this module.
    fn opened(&self, name: &str, token: &str, ticket: Option<&str>) -> Result<Claims, String> {
        let (context, bind) = (&self.context, &self.peer.bind);
        let age = context.limits.token_age;
        let claims = context
            .keyring
            .open_shared(token, ticket, bind, unix_now(), age);
        let claims = claims.map_err(|error| error.to_string())?;
        match claims.module == name {
            true => Ok(claims),
            false => Err(format!("the token is for {}", Quoted(&claims.module))),
        }
    }

    /// Joins a component that many pages show. The rest is done by a task, and the page is told by that.
    fn join_shared(
        &mut self,
        id: Arc<str>,
        known: Known,
        claims: Claims,
        nesting: Option<&Nesting>,
        resume: Option<Resume>,
        place: Place,
    ) -> Result<(), Refused> {
        let name = known.name.clone();
        let joining = Joining {
            known,
            claims,
            viewer: None,
            resume,
            link: Link {
                outbox: self.outbox.clone(),
                id: id.clone(),
            },
            peer: self.peer.clone(),
            counted: self.counted(),
            holder: self.holder(),
            place,
        };
        let viewing = shared::join(&self.context, &self.sessions.shared, joining);
        let viewing = viewing.ok_or_else(|| {
            let reason = "the system gives no random numbers".to_owned();
            Refused(FAULT, Refusal::Fault, reason)
        })?;
        if let Some(Nesting { parent, key, .. }) = nesting {
            let ends = viewing.ends();
            parent.adopts_shared(&name, key, Box::new(ends));
        }
        self.components.insert(id, Shows::Shared(Box::new(viewing)));
        Ok(())
    }

    /// What the page's secret says of the component that the claims are about; `None` if there is no backplane, or the
    /// secret is none of this user's.
    fn home(&self, resume: Option<&Resume>, claims: &Claims) -> Option<Home> {
        let homes = self.context.homes.as_ref()?;
        let home = homes.open_secret(&resume?.secret, &self.peer.bind, &claims.module)?;
        let fits = claims.instance.is_empty() || *claims.instance == *home.instance;
        fits.then_some(home)
    }

    /// A component that may be in another process; `None` if there is no other one, or the component is made just now.
    fn coming(
        &self,
        instance: &Arc<str>,
        claims: &Claims,
        home: Option<Home>,
        shown: Point,
    ) -> Option<Box<Coming>> {
        let is_new = claims.instance.is_empty() && home.is_none();
        if is_new || self.context.homes.is_none() {
            return None;
        }
        Some(Box::new(Coming {
            instance: instance.clone(),
            home,
            point: claims.point,
            life: claims.life,
            shown,
            patience: self.context.limits.handler_time,
        }))
    }

    /// The instance that the claims are about: a new one for a page's token, the old one for a checkpoint
    /// or an anchor, or for a token that comes with the secret of one. Refused if the instance has been in this process and is further on than the claims.
    /// With a store, an instance that has ended starts from the state in the store, which is the newest.
    fn instance(
        &self,
        claims: &Claims,
        home: Option<&Home>,
        names: &Names,
    ) -> Result<Arc<str>, Refused> {
        if let Some(home) = home.filter(|_| claims.instance.is_empty()) {
            return Ok(home.instance.clone());
        }
        if claims.instance.is_empty() {
            let instance = random_text();
            if instance.is_empty() {
                let reason = "the system gives no random numbers".to_owned();
                return Err(Refused(FAULT, Refusal::Fault, reason));
            }
            return Ok(names.new_name(&instance).into());
        }
        let live = self.sessions.get(&claims.instance);
        // Without claims lives are not ordered.
        let later: Option<Life> = self.context.homes.is_some().then_some(claims.life);
        let beyond = match live.filter(|live| !live.is_over()) {
            Some(live) => live.beyond(claims.point.revision, later),
            None if self.context.store.is_some() => None,
            None => self
                .sessions
                .ended_beyond(&claims.instance, claims.point.revision, later),
        };
        if let Some(newest) = beyond {
            let reason = format!(
                "the checkpoint is of revision {}, the component is at {newest}",
                claims.point.revision
            );
            return Err(gone(reason));
        }
        Ok(claims.instance.as_str().into())
    }
}

fn gone(reason: impl Into<String>) -> Refused {
    Refused(GONE, Refusal::Reload, reason.into())
}

/// The claims of a component that no other one shows.
fn own_claims(opened: Result<Claims, String>, names: &Names) -> Result<Claims, Refused> {
    let claims = opened.map_err(gone)?;
    let is_nested = claims.kind == Kind::Child
        || (claims.kind == Kind::Checkpoint && !names.have(&claims.instance));
    match is_nested {
        true => Err(gone("a nested component has a parent")),
        false => Ok(claims),
    }
}
