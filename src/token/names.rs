//! Names that only the secret makes, and names that do not give a secret away.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::{Claims, Keyring, Kind, SealError};

/// The name of a user or an address in a store; see [`Keyring::holder`].
pub type Holder = [u8; 16];

/// Separates holders' names in a store from every other use of the same secret.
const HOLDER_INFO: &[u8] = b"loom-live/holder/v1";
/// Separates shared components' names from every other use of the same secret.
const SHARED_INFO: &[u8] = b"loom-live/shared/v1";
/// Separates public names from every other use of a hash.
const NAME_INFO: &[u8] = b"loom-live/name/v1";

impl Keyring {
    /// The names that a shared component has in a store, one for each secret: the first is the one to save
    /// under, and a state under another was saved before the secret was replaced.
    pub fn shared_instances(&self, module: &str, key: &str) -> Vec<String> {
        let names = self.names.iter().map(|names| {
            let mut name = [0; 24];
            let length = (module.len() as u64).to_le_bytes();
            let info = [SHARED_INFO, &length, module.as_bytes(), key.as_bytes()];
            // `expand` fails only for names longer than 255 hashes.
            let _ = names.expand_multi_info(&info, &mut name);
            URL_SAFE_NO_PAD.encode(name)
        });
        names.collect()
    }

    /// The name of a user (`bind`) in a store; of the address if `bind` is empty. Without the secret,
    /// nobody can tell whose name it is.
    pub fn holder(&self, bind: &str, address: &str) -> Holder {
        let (kind, name) = match bind {
            "" => (b"a", address),
            _ => (b"b", bind),
        };
        let mut holder = Holder::default();
        let info = [HOLDER_INFO, kind, name.as_bytes()];
        // `expand` fails only for names longer than 255 hashes.
        if let Some(names) = self.names.first() {
            let _ = names.expand_multi_info(&info, &mut holder);
        }
        holder
    }

    /// The address of a component of that public name: whoever has it can send messages to the component.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn address(&self, name: &str) -> Result<String, SealError> {
        let claims = Claims {
            instance: name.to_owned(),
            ..Claims::empty(Kind::Address)
        };
        self.seal(&claims, "")
    }

    /// The public name in an address; `None` if the text is not an address that one of these secrets made.
    pub fn open_address(&self, address: &str) -> Option<String> {
        let claims = self.unsealed(address, "").ok()?;
        (claims.kind == Kind::Address).then_some(claims.instance)
    }
}

/// A component's name for the application, which publishes the ids of events: the instance, which names the
/// component in a store and in secrets, cannot be found from it.
pub fn public_name(instance: &str) -> String {
    let hash = Sha256::new()
        .chain_update(NAME_INFO)
        .chain_update(instance)
        .finalize();
    URL_SAFE_NO_PAD.encode(hash.get(..16).unwrap_or_default())
}
