//! Names that only the secret makes, and names that do not give a secret away.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hkdf::Hkdf;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{Claims, Keyring, Kind, SealError};

/// The name of a user or an address in a store; see [`Keyring::holder`].
pub type Holder = [u8; 16];

/// Separates holders' names in a store from every other use of the same secret.
const HOLDER_INFO: &[u8] = b"loom-live/holder/v1";
/// Separates shared components' names from every other use of the same secret.
const SHARED_INFO: &[u8] = b"loom-live/shared/v1";
/// Separates the proof of a component's process from every other use of the same secret.
const HOME_INFO: &[u8] = b"loom-live/home/v1";
/// Separates the proof of a page's secret from every other use of that secret.
const PROOF_INFO: &[u8] = b"loom-live/proof/v1";
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

    /// Proves that this application gave a secret about `about`: the user, the module, the component, and the
    /// process that has it.
    pub fn home(&self, about: [&str; 4]) -> [u8; 16] {
        self.names
            .first()
            .map_or([0; 16], |names| home(names, about))
    }

    /// Whether [`home`](Self::home) gives this proof, or gave it with a secret that has been replaced.
    pub fn is_home(&self, about: [&str; 4], proof: &[u8]) -> bool {
        let mut names = self.names.iter();
        names.any(|names| home(names, about).ct_eq(proof).into())
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

fn home(names: &Hkdf<Sha256>, about: [&str; 4]) -> [u8; 16] {
    let lengths = about.map(|text| (text.len() as u64).to_le_bytes());
    let mut info = vec![HOME_INFO];
    for (length, text) in lengths.iter().zip(about) {
        info.extend([length.as_slice(), text.as_bytes()]);
    }
    let mut proof = [0; 16];
    // `expand` fails only for texts longer than 255 hashes.
    let _ = names.expand_multi_info(&info, &mut proof);
    proof
}

/// Proves to one process that another has a page's secret. The proof is good for these two processes only.
pub fn proof_of(secret: &str, [asks, asked]: [&str; 2]) -> [u8; 32] {
    let mut proof = [0; 32];
    let info = [asks.as_bytes(), b" ", asked.as_bytes()];
    let secret = Hkdf::<Sha256>::new(Some(PROOF_INFO), secret.as_bytes());
    // `expand` fails only for texts longer than 255 hashes.
    let _ = secret.expand_multi_info(&info, &mut proof);
    proof
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
