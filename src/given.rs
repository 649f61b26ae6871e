//! The value that a parent gives a nested component: props, or the key of a shared component. As `live()`
//! writes it in the tree (`lib/render/live.ts`): a letter, and JSON or the key behind it.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// Stands before props.
const PROPS: char = 'p';
/// Stands before the key of a shared component.
const SHARED: char = 's';

/// The value that a parent gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given(Arc<str>);

impl Given {
    /// As it stands in the tree.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The props, as JSON; `{}` of a shared component.
    pub fn props(&self) -> &str {
        self.0.strip_prefix(PROPS).unwrap_or("{}")
    }

    /// The key, if the component is shared.
    pub fn shared_key(&self) -> Option<&str> {
        self.0.strip_prefix(SHARED)
    }

    /// Names these props. A state keeps this name, so that the same props are given to it once.
    pub fn name(&self) -> Box<str> {
        name_of(self.props())
    }
}

/// The same, of the props' JSON.
pub fn name_of(props: &str) -> Box<str> {
    let hash = Sha256::digest(props);
    let name = URL_SAFE_NO_PAD.encode(hash.get(..16).unwrap_or_default());
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn props_or_a_key() {
        let props = Given::new("p{\"a\":1}");
        assert_eq!((props.props(), props.shared_key()), ("{\"a\":1}", None));
        let shared = Given::new("sboard-7");
        assert_eq!(
            (shared.props(), shared.shared_key()),
            ("{}", Some("board-7"))
        );
        assert_eq!(props.name(), name_of("{\"a\":1}"));
        assert_ne!(props.name(), name_of("{\"a\":2}"));
    }
}
