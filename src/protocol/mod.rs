//! The wire: what clients and server say to each other. Pure: text in, values out, and back.

mod client;
pub mod extended;
mod server;

pub use client::{ClientEvent, ClientMessage, InvalidMessage, Numbered, Resume, SpecialVars};
pub use server::{Beside, Refusal, ServerMessage};
