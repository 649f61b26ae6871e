//! The last changes of a shared component and its whole tree, encoded once for all its pages.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::ring::Ring;
use crate::ids::{ActorKey, Revision};
use crate::outbox::Dialect;
use crate::protocol::extended::Encoded;
use crate::protocol::{ServerMessage, extended};
use crate::tree::LiveTree;

/// The whole tree as a dialect says it.
#[derive(Clone)]
pub(super) enum WholeTree {
    Extended(Arc<Encoded>),
    Classic(Arc<[String; 2]>),
}

/// The whole tree at a revision, in the forms that somebody has asked for.
#[derive(Clone, Default)]
pub(super) struct Encodings {
    pub(super) revision: Revision,
    pub(super) extended: Option<Arc<Encoded>>,
    pub(super) classic: Option<Arc<[String; 2]>>,
    pub(super) html: Option<Arc<str>>,
}

/// Forms of the tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Forms {
    pub(super) extended: bool,
    pub(super) classic: bool,
    pub(super) html: bool,
}

impl Encodings {
    /// Encodes the tree. A tree may be large, so that no lock is held meanwhile. `across`: pages of other processes
    /// get it, too.
    pub(super) fn of(tree: &LiveTree, revision: Revision, wanted: Forms, across: bool) -> Self {
        let classic = || Arc::new(ServerMessage::Trees(tree).to_json_for_many());
        Self {
            revision,
            extended: wanted
                .extended
                .then(|| Arc::new(extended::tree_for_many(tree, across))),
            classic: wanted.classic.then(classic),
            html: wanted.html.then(|| tree.to_html().into()),
        }
    }

    /// Whether it has all these forms.
    fn has(&self, forms: Forms) -> bool {
        (self.extended.is_some() || !forms.extended)
            && (self.classic.is_some() || !forms.classic)
            && (self.html.is_some() || !forms.html)
    }
}

/// Another process that waits for the tree.
struct Asker {
    forms: Forms,
    answer: oneshot::Sender<Encodings>,
}

/// The forms of the tree that there are, and the revision of each.
#[derive(Default)]
struct Made {
    extended: Option<(Revision, Arc<Encoded>)>,
    classic: Option<(Revision, Arc<[String; 2]>)>,
    html: Option<(Revision, Arc<str>)>,
}

/// The tree and the changes that the pages show. Behind a lock of its own, held while one page is sent its
/// changes.
pub(crate) struct Shown<Viewer> {
    pub(super) ring: Ring,
    /// Each form may be of a revision of its own, if the tree comes from another process.
    tree: Made,
    /// Viewers whose pages wait for the tree, by their names in outboxes, with their dialects.
    viewers: HashMap<ActorKey, (Dialect, Viewer)>,
    /// Pages that are rendered and wait for the HTML.
    mounts: Vec<oneshot::Sender<Arc<str>>>,
    askers: Vec<Asker>,
    /// The actor has been asked for the tree.
    is_asked: bool,
    /// The component has ended: its tree is gone.
    has_ended: bool,
}

impl<Viewer> Default for Shown<Viewer> {
    fn default() -> Self {
        Self {
            ring: Ring::default(),
            tree: Made::default(),
            viewers: HashMap::new(),
            mounts: Vec::new(),
            askers: Vec::new(),
            is_asked: false,
            has_ended: false,
        }
    }
}

impl<Viewer> Shown<Viewer> {
    /// The tree, and its revision; `None` if pages could not go on from there to the revision that all others
    /// show. A classic page gets only the newest tree: it would take a change for the answer to an event.
    pub(super) fn tree(&self, dialect: Dialect) -> Option<(Revision, WholeTree)> {
        match dialect {
            Dialect::Extended => {
                let (revision, tree) = self.tree.extended.clone()?;
                let reaches = self.ring.reaches(revision);
                reaches.then_some((revision, WholeTree::Extended(tree)))
            }
            Dialect::Classic => {
                let (revision, tree) = self.tree.classic.clone()?;
                let is_newest = self.ring.is_newest(revision);
                is_newest.then_some((revision, WholeTree::Classic(tree)))
            }
        }
    }

    /// The viewer is sent the tree when there is one. True if the actor has to be asked for it.
    pub(super) fn wait_for_tree(
        &mut self,
        owner: ActorKey,
        dialect: Dialect,
        viewer: Viewer,
    ) -> bool {
        self.viewers.insert(owner, (dialect, viewer));
        !std::mem::replace(&mut self.is_asked, true)
    }

    /// The HTML, or a channel that brings it; and whether the actor has to be asked for it.
    pub(super) fn html(&mut self) -> (Result<Arc<str>, oneshot::Receiver<Arc<str>>>, bool) {
        if let Some(html) = self.if_newest(&self.tree.html) {
            return (Ok(html), false);
        }
        let (sender, receiver) = oneshot::channel();
        if self.has_ended {
            // The receiver fails.
            return (Err(receiver), false);
        }
        // Callers that do not wait any more are removed, so that the list is as long as callers wait.
        self.mounts.retain(|one| !one.is_closed());
        self.mounts.push(sender);
        (Err(receiver), !std::mem::replace(&mut self.is_asked, true))
    }

    /// Another process waits for these forms of the tree. Gives the channel that brings them, and whether the
    /// actor has to be asked.
    pub(super) fn ask(&mut self, forms: Forms) -> (oneshot::Receiver<Encodings>, bool) {
        let (answer, receiver) = oneshot::channel();
        if self.has_ended {
            // The receiver fails.
            return (receiver, false);
        }
        let newest = self.newest();
        if newest.has(forms) {
            let _ = answer.send(newest);
            return (receiver, false);
        }
        self.askers.retain(|asker| !asker.answer.is_closed());
        self.askers.push(Asker { forms, answer });
        (receiver, !std::mem::replace(&mut self.is_asked, true))
    }

    /// The forms of the newest tree that there are.
    fn newest(&self) -> Encodings {
        Encodings {
            revision: self.ring.last_change(),
            extended: self.if_newest(&self.tree.extended),
            classic: self.if_newest(&self.tree.classic),
            html: self.if_newest(&self.tree.html),
        }
    }

    /// A form, if pages show nothing newer.
    fn if_newest<T: Clone>(&self, form: &Option<(Revision, T)>) -> Option<T> {
        let form = form.as_ref();
        let newest = form.filter(|(revision, _)| self.ring.is_newest(*revision));
        newest.map(|(_, form)| form.clone())
    }

    /// Whether somebody waits for the tree.
    pub(super) fn is_wanted(&self) -> bool {
        !self.viewers.is_empty() || !self.mounts.is_empty() || !self.askers.is_empty()
    }

    /// The tree has changed.
    pub(super) fn forget_tree(&mut self) {
        self.tree = Made::default();
    }

    /// The forms of the tree that somebody waits for and that are not there.
    pub(super) fn wanted(&self) -> Forms {
        let waits = |dialect| self.viewers.values().any(|(one, _)| *one == dialect);
        let asks = |form: fn(&Forms) -> bool| self.askers.iter().any(|one| form(&one.forms));
        let newest = self.newest();
        Forms {
            extended: asks(|forms| forms.extended) && newest.extended.is_none()
                || waits(Dialect::Extended) && self.tree(Dialect::Extended).is_none(),
            classic: newest.classic.is_none()
                && (waits(Dialect::Classic) || asks(|forms| forms.classic)),
            html: newest.html.is_none() && (!self.mounts.is_empty() || asks(|forms| forms.html)),
        }
    }

    /// Takes the tree at a revision that pages can go on from. Gives the viewers that have waited for it, and whether
    /// the actor has to be asked again, for others that have come meanwhile.
    pub(super) fn take_tree(&mut self, made: Encodings) -> (Vec<Viewer>, bool) {
        let Encodings {
            revision,
            extended,
            classic,
            html,
        } = made;
        if let Some(encoded) = extended {
            self.ring.set_tree_bytes(encoded.size());
            self.tree.extended = Some((revision, encoded));
        }
        if let Some(classic) = classic {
            self.tree.classic = Some((revision, classic));
        }
        if let Some(html) = html {
            // These pages may be shown a tree that is a moment old: a page gets the rest when it joins.
            for mount in self.mounts.drain(..) {
                // Fails if the page is not rendered any more.
                let _ = mount.send(html.clone());
            }
            self.tree.html = Some((revision, html));
        }
        let served = [Dialect::Extended, Dialect::Classic].map(|one| self.tree(one).is_some());
        let waiting = std::mem::take(&mut self.viewers);
        let mut viewers = Vec::with_capacity(waiting.len());
        for (owner, (dialect, viewer)) in waiting {
            if served[usize::from(dialect == Dialect::Classic)] {
                viewers.push(viewer);
            } else {
                self.viewers.insert(owner, (dialect, viewer));
            }
        }
        let newest = self.newest();
        for asker in std::mem::take(&mut self.askers) {
            if newest.has(asker.forms) {
                // Fails if nobody waits any more.
                let _ = asker.answer.send(newest.clone());
            } else {
                self.askers.push(asker);
            }
        }
        self.is_asked = self.is_wanted();
        (viewers, self.is_asked)
    }

    /// Nobody gets the tree any more.
    pub(super) fn end(&mut self) {
        self.has_ended = true;
        self.viewers.clear();
        self.mounts.clear();
        self.askers.clear();
        self.forget_tree();
    }

    /// The bytes of all that is kept.
    pub(super) fn memory(&self) -> usize {
        let Made {
            extended,
            classic,
            html,
        } = &self.tree;
        let extended = extended.as_ref().map_or(0, |(_, one)| one.size());
        let html = html.as_ref().map_or(0, |(_, html)| html.len());
        let classic = classic.iter().flat_map(|(_, parts)| parts.iter());
        self.ring.memory() + extended + html + classic.map(String::len).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_page_that_is_rendered_waits_for_no_component_that_has_ended() {
        let mut shown = Shown::<()>::default();
        let (before, asks) = shown.html();
        assert!(asks);
        shown.end();
        let (after, asks) = shown.html();
        assert!(!asks);
        for waits in [before, after] {
            assert!(waits.unwrap_err().await.is_err());
        }
        assert!(!shown.is_wanted());
    }
}
