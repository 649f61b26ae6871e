//! The messages between the owner of a shared component and the processes that follow it. All of them are
//! sealed.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::effects::Push;
use crate::ids::{EventNumber, Life, Revision, Term};
use crate::live_socket::{Taken, Unhandled};
use crate::protocol::extended::Across as Encoded;
use crate::protocol::{ClientEvent, Refusal, SpecialVars};
use crate::shared::component::Lives;
use crate::shared::said::{Outcome, Said};
use crate::shared::shown::Forms;
use crate::template::{Definition, TemplateName};

/// A message of a process to the owner of a component.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ToOwner {
    /// The component's name in a store.
    pub(super) component: Arc<str>,
    pub(super) term: Term,
    /// Tells this time of following from others of the same process.
    pub(super) number: u64,
    pub(super) what: Asked,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Asked {
    /// The process follows the component from now on. Answered with [`Answer::Followed`].
    Follow,
    /// The process needs the whole tree. Answered with [`Answer::Tree`].
    Tree(Forms),
    /// A page joins. Answered with [`Answer::Joined`] or [`Answer::Again`].
    Join(Page),
    /// Events of pages, and pages that are gone.
    Pages(Arc<[OfPage]>),
    /// The process does not follow the component any more.
    Leave,
}

/// A page that joins.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Page {
    pub(super) viewer: Arc<str>,
    pub(super) request: Arc<str>,
    pub(super) bind: Arc<str>,
    pub(super) page: Arc<str>,
    pub(super) address: Arc<str>,
    /// The address, as addresses are counted.
    pub(super) counted: Arc<str>,
    /// The holder under which waiting messages are counted.
    pub(super) holder: Arc<str>,
    pub(super) is_classic: bool,
    /// The page has a ticket of this state of the component.
    pub(super) is_known: bool,
    /// An earlier owner has issued the ticket.
    pub(super) is_of_earlier_owner: bool,
    /// The last answer that the page has.
    pub(super) seen: EventNumber,
    /// The revision that it shows.
    pub(super) shown: Revision,
    /// How often viewers had been dismissed when `authorize` was asked about the page.
    pub(super) dismissals: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum OfPage {
    Event {
        viewer: Arc<str>,
        /// As the owner's answer to the join says it.
        epoch: u64,
        seen: EventNumber,
        number: EventNumber,
        event: Event,
    },
    /// Events that are not handled.
    Unhandled {
        viewer: Arc<str>,
        epoch: u64,
        first: EventNumber,
        last: EventNumber,
        count: u64,
        why: Unhandled,
    },
    /// The page is gone. If it is `away`, it may come back.
    Gone {
        viewer: Arc<str>,
        epoch: u64,
        away: bool,
    },
}

/// An event as it came from its page.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Event {
    handler: SmolStr,
    event: SmolStr,
    value: Option<Box<str>>,
    checked: Option<bool>,
    key: Option<SmolStr>,
    form: Option<Box<str>>,
    field: Option<Box<str>>,
    values: Option<Box<[Box<str>]>>,
    left: Option<Box<[Box<str>]>>,
    args: Option<Box<str>>,
    detail: Option<Box<str>>,
}

impl From<ClientEvent> for Event {
    fn from(event: ClientEvent) -> Self {
        let ClientEvent {
            handler,
            event,
            special_vars,
        } = event;
        let SpecialVars {
            value,
            checked,
            key,
            form,
            field,
            values,
            left,
            args,
            detail,
        } = special_vars;
        Self {
            handler,
            event,
            value,
            checked,
            key,
            form,
            field,
            values,
            left,
            args,
            detail,
        }
    }
}

impl From<Event> for ClientEvent {
    fn from(event: Event) -> Self {
        let Event {
            handler,
            event,
            value,
            checked,
            key,
            form,
            field,
            values,
            left,
            args,
            detail,
        } = event;
        Self {
            handler,
            event,
            special_vars: SpecialVars {
                value,
                checked,
                key,
                form,
                field,
                values,
                left,
                args,
                detail,
            },
        }
    }
}

impl OfPage {
    /// The event of a page, or the events that are not handled.
    pub(super) fn of(viewer: &Arc<str>, epoch: u64, seen: EventNumber, taken: Taken) -> Self {
        let viewer = viewer.clone();
        match taken {
            Taken::Event { number, event } => Self::Event {
                viewer,
                epoch,
                seen,
                number,
                event: event.into(),
            },
            Taken::Unhandled {
                first,
                last,
                count,
                why,
            } => Self::Unhandled {
                viewer,
                epoch,
                first,
                last,
                count,
                why,
            },
        }
    }
}

/// The owner's answer.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    /// This process has no such component, or it is not in this term.
    None,
    /// The component cannot be shown. With the text for the page, and what the page can do.
    Failed(String, Refusal),
    Followed(Followed),
    Tree(Tree),
    Joined(Joined),
    /// `authorize` is to be asked about the page again.
    Again,
}

/// The state that a follower begins with.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Followed {
    /// The last message of the owner that this includes.
    pub(super) number: u64,
    /// The pages of the owner show this revision.
    pub(super) revision: Revision,
    pub(super) lives: (Life, Life),
    pub(super) topics: Option<Vec<Arc<str>>>,
    pub(super) dismissals: u64,
    /// The templates that later changes may mention without a definition.
    pub(super) definitions: Vec<(TemplateName, Definition)>,
}

/// The whole tree.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Tree {
    pub(super) revision: Revision,
    pub(super) extended: Option<Encoded>,
    pub(super) classic: Option<[String; 2]>,
    pub(super) html: Option<Arc<str>>,
    pub(super) definitions: Vec<(TemplateName, Definition)>,
}

/// The owner's knowledge of a page that joins.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Joined {
    pub(super) epoch: u64,
    /// The viewer is known, or how far its events have got.
    pub(super) is_known: bool,
    /// The results of events up to this one are not among `said`.
    pub(super) base: EventNumber,
    pub(super) said: Vec<SaidAcross>,
    /// When a number of the page's holder had to make room the last time, in seconds since 1970.
    pub(super) made_room_at: u64,
}

/// A message of the owner to all followers of the component.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Told {
    /// Counts the messages of a term, from 1.
    pub(super) number: u64,
    /// Something was not told before.
    pub(super) gap: bool,
    pub(super) items: Vec<Item>,
    /// Templates that are mentioned for the first time.
    pub(super) definitions: Vec<(TemplateName, Definition)>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Item {
    /// The pages show this revision, by this change; without one nothing that they show has changed.
    Frame {
        to: Revision,
        change: Option<Box<ChangeAcross>>,
    },
    /// The result of an event of a page.
    Said(Arc<str>, SaidAcross),
    /// Something is pushed to all pages by the step that committed this revision.
    Pushed(Revision, Push),
    /// The page may not see the component any more.
    Refused(Arc<str>, String, Refusal),
    Topics(Option<Vec<Arc<str>>>),
    Dismissals(u64),
    /// The component has ended here: the text for its pages.
    Ended(String, Refusal),
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ChangeAcross {
    pub(super) extended: Encoded,
    pub(super) classic: Option<[String; 2]>,
    pub(super) replaces: bool,
}

/// The result of an event.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SaidAcross {
    event: EventNumber,
    revision: Revision,
    redirect: Option<Box<str>>,
    became: Became,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
enum Became {
    Applied {
        keeps_form: bool,
        pushes: Box<[Push]>,
    },
    Failed {
        count: u64,
        text: Box<str>,
        is_expired: bool,
    },
}

impl From<&Said> for SaidAcross {
    fn from(said: &Said) -> Self {
        let (redirect, became) = match said.outcome.clone() {
            Outcome::Applied {
                redirect,
                keeps_form,
                pushes,
            } => (redirect, Became::Applied { keeps_form, pushes }),
            Outcome::Failed {
                redirect,
                count,
                text,
                is_expired,
                ..
            } => {
                let failed = Became::Failed {
                    count,
                    text,
                    is_expired,
                };
                (redirect, failed)
            }
        };
        Self {
            event: said.event,
            revision: said.revision,
            redirect,
            became,
        }
    }
}

impl From<SaidAcross> for Said {
    fn from(said: SaidAcross) -> Self {
        let SaidAcross {
            event,
            revision,
            redirect,
            became,
        } = said;
        let outcome = match became {
            Became::Applied { keeps_form, pushes } => Outcome::Applied {
                redirect,
                keeps_form,
                pushes,
            },
            Became::Failed {
                count,
                text,
                is_expired,
            } => Outcome::failed(event, count, &text, is_expired, redirect),
        };
        Self {
            event,
            revision,
            outcome,
        }
    }
}

impl From<Lives> for (Life, Life) {
    fn from(lives: Lives) -> Self {
        (lives.since, lives.owner)
    }
}

impl From<(Life, Life)> for Lives {
    fn from((since, owner): (Life, Life)) -> Self {
        Self { since, owner }
    }
}
