//! What holds for every input, as functions that panic if it does not.
//!
//! `cargo test` tries each of them briefly, `fuzz/` for as long as one likes: a target there is one
//! call of a function here. None of this is built into the addon.

use std::sync::LazyLock;

use tokio::runtime::{Builder, Runtime};

mod addresses;
mod checkpoints;
mod compact;
mod forms;
mod frames;
mod logged;
mod messages;
mod templates;
#[cfg(test)]
mod tests;
mod tokens;
mod trees;

pub use addresses::addresses;
pub use checkpoints::checkpoints;
pub use compact::compact;
pub use forms::forms;
pub use frames::frames;
pub use logged::logged;
pub use messages::{classic, extended};
#[cfg(test)]
pub(crate) use templates::{PIECES, VALUES, holds};
pub use templates::{template, templates};
pub use tokens::tokens;
pub use trees::trees;

/// Choices made by a fuzzer's bytes; all zero when they have run out.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((byte, rest)) => {
                self.0 = rest;
                *byte
            }
            None => 0,
        }
    }

    /// A number below `bound`.
    fn below(&mut self, bound: u8) -> usize {
        usize::from(self.byte() % bound.max(1))
    }

    fn bytes(&mut self, len: usize) -> &'a [u8] {
        let (head, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        head
    }

    fn number(&mut self) -> u64 {
        let mut number = [0; 8];
        let bytes = self.bytes(8);
        number[..bytes.len()].copy_from_slice(bytes);
        u64::from_le_bytes(number)
    }

    fn text(&mut self, bound: u8) -> String {
        let len = self.below(bound);
        String::from_utf8_lossy(self.bytes(len)).into_owned()
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Runs one of the asynchronous parts to its end, on this thread.
fn block_on<F: Future>(future: F) -> F::Output {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
        let runtime = Builder::new_current_thread().enable_time().build();
        runtime.expect("a runtime")
    });
    RUNTIME.block_on(future)
}
