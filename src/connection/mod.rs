//! One WebSocket, many components: routes messages to actors by id, and owns the actors.

mod outbox;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use crate::context::{Level, Shared, unix_now};
use crate::dispatch::Dispatcher;
use crate::live_socket::{LiveSocket, Start};
use crate::props::Props;
use crate::protocol::extended::{self, SUBPROTOCOL};
use crate::protocol::{ClientMessage, ServerMessage};
use crate::token::Kind;
use crate::transport::handshake::UpgradeRequest;
use crate::transport::{BoxTransport, Closed, Incoming, WebSocket};
use outbox::{Dialect, Outbox, ToPage};

const GONE: &str = "This part of the page is no longer valid; reload the page.";
const TOO_MANY: &str = "This page has too many live components.";

/// Who is at the other end.
#[derive(Clone, Default)]
pub struct Peer {
    /// The upgrade request as compact JSON, for `ctx.request`.
    pub request: Option<Arc<str>>,
    /// What `bind` gave for it; tokens made for another do not open.
    pub bind: Box<str>,
}

/// Serves a connection from its upgrade request to its end.
pub async fn serve<D: Dispatcher>(
    context: Shared<D>,
    transport: BoxTransport,
    head: Vec<u8>,
    request: UpgradeRequest,
    peer: Peer,
) {
    let closing = context.closing.is_cancelled();
    let limits = &context.limits;
    let offer = (!closing).then_some(SUBPROTOCOL);
    // Boxed, as closing is: both are short, and a connection's own state is kept for its life.
    let accepting = Box::pin(WebSocket::accept(transport, head, &request, offer, limits));
    let Some(socket) = accepting.await else {
        return;
    };
    drop(request);
    let dialect = if socket.has_subprotocol() {
        Dialect::Extended
    } else {
        Dialect::Classic
    };
    context.stats.connections.up();
    let connection = Connection {
        outbox: Outbox::new(limits.outgoing_bytes, dialect),
        components: HashMap::new(),
        invalid: 0,
        peer,
        context: context.clone(),
    };
    connection.run(socket).await;
    context.stats.connections.down(1);
}

struct Connection<D: Dispatcher> {
    context: Shared<D>,
    peer: Peer,
    outbox: Arc<Outbox>,
    components: HashMap<Arc<str>, LiveSocket>,
    /// Messages that could not be understood so far.
    invalid: u32,
}

impl<D: Dispatcher> Connection<D> {
    async fn run(mut self, mut socket: WebSocket) {
        let context = self.context.clone();
        let reason = tokio::select! {
            biased;
            // Also while a client takes nothing of what is being written.
            () = context.stopping.cancelled() => Closed::Closing,
            reason = async {
                match self.converse(&mut socket).await {
                    Ok(()) => self.drain(&mut socket).await,
                    Err(reason) => reason,
                }
            } => reason,
        };
        // The actors stop before the closing handshake, which the client can draw out.
        self.components.clear();
        drop(self);
        Box::pin(socket.close(&reason)).await;
    }

    /// Reads and writes until the client leaves, or, `Ok`, until the application closes.
    async fn converse(&mut self, socket: &mut WebSocket) -> Result<(), Closed> {
        let context = self.context.clone();
        let closing = context.closing.cancelled();
        tokio::pin!(closing);
        loop {
            tokio::select! {
                biased;
                () = self.outbox.wait() => self.outbox.write(socket).await?,
                message = next_message(&context.dispatcher, socket) => self.message(message?)?,
                () = &mut closing => return Ok(()),
            }
        }
    }

    /// Answers what waits in the mailboxes, but reads no more.
    async fn drain(&mut self, socket: &mut WebSocket) -> Closed {
        self.components.values().for_each(LiveSocket::finish);
        while !self.outbox.is_finished() {
            self.outbox.wait().await;
            if let Err(reason) = self.outbox.write(socket).await {
                return reason;
            }
        }
        Closed::Closing
    }

    fn message(&mut self, message: Incoming) -> Result<(), Closed> {
        let parsed = match &message {
            Incoming::Text(text) => match self.outbox.dialect {
                Dialect::Classic => ClientMessage::parse(text).ok(),
                Dialect::Extended => extended::parse(text).ok(),
            },
            Incoming::Binary => None,
        };
        match parsed {
            Some(ClientMessage::Join { id, module, token }) => self.join(&id, &module, &token),
            Some(ClientMessage::Event { id, event }) => {
                // An id that is not joined is ignored, and so is one whose actor has ended.
                if let Some(component) = self.components.get(id.as_ref()) {
                    let _ = component.event(event);
                }
            }
            Some(ClientMessage::Leave { id }) => self.leave(&id),
            None => {
                self.invalid += 1;
                if self.invalid > self.context.limits.invalid_messages {
                    return Err(Closed::Invalid);
                }
            }
        }
        Ok(())
    }

    fn leave(&mut self, id: &str) {
        if let Some(component) = self.components.remove(id) {
            self.outbox.stop(&component);
        }
    }

    fn join(&mut self, id: &str, module: &str, token: &str) {
        self.leave(id);
        if let Err((public, reason)) = self.try_join(id, module, token) {
            self.context.stats.errors.add();
            let text = format!("{module:.64?} ({id:.64}): join refused: {reason}");
            let shown = if self.context.development {
                format!("{public} ({reason})")
            } else {
                public.to_owned()
            };
            self.context.log(Level::Warn, text);
            self.outbox.push_own(id, &ServerMessage::Error(&shown));
        }
    }

    fn try_join(
        &mut self,
        id: &str,
        name: &str,
        token: &str,
    ) -> Result<(), (&'static str, String)> {
        let context = &self.context;
        let limits = &context.limits;
        let module = context.registry.get(name);
        let module = module.ok_or_else(|| (GONE, "no such module is registered".to_owned()))?;
        let bind = &self.peer.bind;
        let claims = context
            .keyring
            .open(Kind::Mount, token, bind, unix_now(), limits.token_age)
            .map_err(|error| (GONE, error.to_string()))?;
        if claims.module != name {
            return Err((GONE, format!("the token is for {:?}", claims.module)));
        }
        if self.components.len() >= limits.components {
            self.components
                .retain(|_, component| !component.is_stopped());
        }
        if self.components.len() >= limits.components {
            let reason = format!("limits.components is {}", limits.components);
            return Err((TOO_MANY, reason));
        }
        let id: Arc<str> = id.into();
        let start = Start {
            id: id.clone(),
            module,
            module_name: name.into(),
            request: self.peer.request.clone(),
            props: Arc::new(Props::from_json(&claims.props_json)),
        };
        let development = context.development;
        let component = LiveSocket::start(context, start, |key, mailbox| {
            ToPage::new(&self.outbox, id.clone(), key, mailbox, development)
        });
        self.components.insert(id, component);
        Ok(())
    }
}

/// The next message, once the dispatcher can take the call it may lead to.
async fn next_message<D: Dispatcher>(
    dispatcher: &D,
    socket: &mut WebSocket,
) -> Result<Incoming, Closed> {
    dispatcher.ready().await;
    socket.receive().await
}
