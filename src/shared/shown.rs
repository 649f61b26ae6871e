//! What the pages of a shared component show: the last changes, and the whole tree, encoded once for all of them.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::ring::Ring;
use crate::ids::ActorKey;
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

/// The whole tree at the ring's newest revision, in the forms that somebody has asked for. Dropped by the next
/// change.
#[derive(Default)]
pub(super) struct Encodings {
    extended: Option<Arc<Encoded>>,
    classic: Option<Arc<[String; 2]>>,
    html: Option<Arc<str>>,
}

/// Which forms of the tree are to be made.
pub(super) struct Wanted {
    extended: bool,
    classic: bool,
    html: bool,
}

impl Encodings {
    /// Encodes the tree. A tree may be large, so that no lock is held meanwhile.
    pub(super) fn of(tree: &LiveTree, wanted: &Wanted) -> Self {
        let classic = || Arc::new(ServerMessage::Trees(tree).to_json_for_many());
        Self {
            extended: wanted
                .extended
                .then(|| Arc::new(extended::tree_for_many(tree))),
            classic: wanted.classic.then(classic),
            html: wanted.html.then(|| tree.to_html().into()),
        }
    }
}

/// What the pages show. Behind a lock of its own, held for what is sent to one page.
pub(crate) struct Shown<Viewer> {
    pub(super) ring: Ring,
    tree: Encodings,
    /// Viewers whose pages wait for the tree, by their names in outboxes, with their dialects.
    viewers: HashMap<ActorKey, (Dialect, Viewer)>,
    /// Pages that are rendered and wait for the HTML.
    mounts: Vec<oneshot::Sender<Arc<str>>>,
    /// The actor has been asked for the tree.
    is_asked: bool,
    /// The component has ended: there is no tree any more.
    has_ended: bool,
}

impl<Viewer> Default for Shown<Viewer> {
    fn default() -> Self {
        Self {
            ring: Ring::default(),
            tree: Encodings::default(),
            viewers: HashMap::new(),
            mounts: Vec::new(),
            is_asked: false,
            has_ended: false,
        }
    }
}

impl<Viewer> Shown<Viewer> {
    /// The tree, if nothing has changed since it was encoded.
    pub(super) fn tree(&self, dialect: Dialect) -> Option<WholeTree> {
        match dialect {
            Dialect::Extended => self.tree.extended.clone().map(WholeTree::Extended),
            Dialect::Classic => self.tree.classic.clone().map(WholeTree::Classic),
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

    /// The HTML, or who waits for it; and whether the actor has to be asked for it.
    pub(super) fn html(&mut self) -> (Result<Arc<str>, oneshot::Receiver<Arc<str>>>, bool) {
        if let Some(html) = &self.tree.html {
            return (Ok(html.clone()), false);
        }
        let (sender, receiver) = oneshot::channel();
        if self.has_ended {
            // The receiver fails.
            return (Err(receiver), false);
        }
        // Those that do not wait any more go, so that there are as many as wait.
        self.mounts.retain(|one| !one.is_closed());
        self.mounts.push(sender);
        (Err(receiver), !std::mem::replace(&mut self.is_asked, true))
    }

    /// Whether somebody waits for the tree.
    pub(super) fn is_wanted(&self) -> bool {
        !self.viewers.is_empty() || !self.mounts.is_empty()
    }

    /// The tree has changed.
    pub(super) fn forget_tree(&mut self) {
        self.tree = Encodings::default();
    }

    /// The forms of the tree that somebody waits for and that are not there.
    pub(super) fn wanted(&self) -> Wanted {
        let waits = |dialect| self.viewers.values().any(|(one, _)| *one == dialect);
        Wanted {
            extended: self.tree.extended.is_none() && waits(Dialect::Extended),
            classic: self.tree.classic.is_none() && waits(Dialect::Classic),
            html: self.tree.html.is_none() && !self.mounts.is_empty(),
        }
    }

    /// Takes the tree at the ring's newest revision. Gives the viewers that have waited for it, and whether the
    /// actor has to be asked again, for others that have come meanwhile.
    pub(super) fn take_tree(&mut self, made: Encodings) -> (Vec<Viewer>, bool) {
        if let Some(encoded) = &made.extended {
            self.ring.set_tree_bytes(encoded.size());
        }
        let Encodings {
            extended,
            classic,
            html,
        } = made;
        self.tree.extended = extended.or_else(|| self.tree.extended.take());
        self.tree.classic = classic.or_else(|| self.tree.classic.take());
        self.tree.html = html.or_else(|| self.tree.html.take());
        let (has_extended, has_classic) =
            (self.tree.extended.is_some(), self.tree.classic.is_some());
        let is_served = |dialect| match dialect {
            Dialect::Extended => has_extended,
            Dialect::Classic => has_classic,
        };
        let waiting = std::mem::take(&mut self.viewers);
        let mut viewers = Vec::with_capacity(waiting.len());
        for (owner, (dialect, viewer)) in waiting {
            if is_served(dialect) {
                viewers.push(viewer);
            } else {
                self.viewers.insert(owner, (dialect, viewer));
            }
        }
        if let Some(html) = &self.tree.html {
            for mount in self.mounts.drain(..) {
                // Fails if the page is not rendered any more.
                let _ = mount.send(html.clone());
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
        self.forget_tree();
    }

    /// The bytes of all that is kept.
    pub(super) fn memory(&self) -> usize {
        let extended = self.tree.extended.as_ref().map_or(0, |one| one.size());
        let classic = self.tree.classic.iter().flat_map(|parts| parts.iter());
        let html = self.tree.html.as_ref().map_or(0, |html| html.len());
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
