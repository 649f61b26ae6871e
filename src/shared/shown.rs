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
struct Encodings {
    extended: Option<Arc<Encoded>>,
    classic: Option<Arc<[String; 2]>>,
    html: Option<Arc<str>>,
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

    /// The tree, at the ring's newest revision. Gives the viewers that wait for it.
    pub(super) fn take_tree(&mut self, tree: &LiveTree) -> Vec<Viewer> {
        self.is_asked = false;
        let viewers = std::mem::take(&mut self.viewers);
        let (dialects, viewers): (Vec<Dialect>, Vec<Viewer>) = viewers.into_values().unzip();
        let has_classic = dialects.contains(&Dialect::Classic);
        if has_classic && self.tree.classic.is_none() {
            let parts = ServerMessage::Trees(tree).to_json_for_many();
            self.tree.classic = Some(Arc::new(parts));
        }
        let has_extended = dialects.contains(&Dialect::Extended);
        if has_extended && self.tree.extended.is_none() {
            let encoded = extended::tree_for_many(tree);
            self.ring.set_tree_bytes(encoded.size());
            self.tree.extended = Some(Arc::new(encoded));
        }
        let mounts = std::mem::take(&mut self.mounts);
        if !mounts.is_empty() {
            let html = self.tree.html.get_or_insert_with(|| tree.to_html().into());
            for mount in mounts {
                // Fails if the page is not rendered any more.
                let _ = mount.send(html.clone());
            }
        }
        viewers
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
