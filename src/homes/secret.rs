//! The part of a page's secret that names the process that gave it. Nobody but the application makes such a part: it
//! is bound to the user, the module and the component. So a client can have no process asked that has not been its own.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::Homes;

/// The end of the secrets of a component: a dot, the name of its process, a dot, and a proof of that name.
/// Empty without a backplane.
#[derive(Clone, Debug, Default)]
pub struct Mark(Box<str>);

impl Mark {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The content of a page's secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    /// The whole secret.
    pub secret: Box<str>,
    /// The component.
    pub instance: Arc<str>,
    /// The process that gave the secret.
    pub process: Arc<str>,
}

impl Homes {
    /// The end of this component's secrets in this process.
    pub fn mark(&self, bind: &str, module: &str, instance: &str) -> Mark {
        let process = self.processes.name();
        let proof = self.keyring.home([bind, module, instance, process]);
        let proof = URL_SAFE_NO_PAD.encode(proof);
        Mark(format!(".{process}.{proof}").into())
    }

    /// The content of this secret; `None` if it names no process, or if no process of this application gave
    /// it to this user for this module.
    pub fn open_secret(&self, secret: &str, bind: &str, module: &str) -> Option<Home> {
        let mut parts = secret.split('.');
        let [instance, _, process, proof] = [(); 4].map(|()| parts.next());
        let (instance, process) = (instance?, process?);
        let proof = URL_SAFE_NO_PAD.decode(proof?).ok()?;
        let about = [bind, module, instance, process];
        let is_known = parts.next().is_none() && self.keyring.is_home(about, &proof);
        is_known.then(|| Home {
            secret: secret.into(),
            instance: instance.into(),
            process: process.into(),
        })
    }
}
