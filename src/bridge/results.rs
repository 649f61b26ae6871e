//! What JavaScript hands back. This file reads what `lib/results.ts` writes.
//!
//! A batch is an array of `u32` and one text. Each result is a header and, where the call
//! succeeded, the rendered tree in the form of [`crate::tree::Compact`]:
//!
//! | status | header | texts, in order |
//! | --- | --- | --- |
//! | 0, done | call, 0, props + 1 (0: unchanged), redirect, operations, tree | props, redirect, tree |
//! | 1, failed | call, 1, message | message |
//! | 2, unknown handler | call, 2 | |
//! | 3, props needed | call, 3 | |
//!
//! Texts are given by their length in UTF-16 units.

use std::ops::Range;
use std::sync::Arc;

use crate::tree::{Compact, CompactError, Decoded, Templates};

/// The results of one drain.
pub struct Batch {
    /// Headers and operations.
    pub ops: Vec<u32>,
    /// All texts.
    pub text: String,
}

/// The result of one call.
pub(super) enum Reply {
    Done(Done),
    Failed(String),
    UnknownHandler,
    PropsNeeded,
}

/// A call that succeeded; its tree is decoded where it is needed, not where it is sorted out.
pub(super) struct Done {
    batch: Arc<Batch>,
    props: Option<Range<usize>>,
    redirect: Range<usize>,
    ops: Range<usize>,
    tree: Range<usize>,
}

impl Done {
    fn text(&self, range: &Range<usize>) -> &str {
        self.batch.text.get(range.clone()).unwrap_or_default()
    }

    pub(super) fn props_json(&self) -> Option<Arc<str>> {
        self.props.as_ref().map(|props| self.text(props).into())
    }

    pub(super) fn redirect(&self) -> Option<String> {
        (!self.redirect.is_empty()).then(|| self.text(&self.redirect).to_owned())
    }

    pub(super) fn tree(&self, templates: &Templates) -> Result<Decoded, CompactError> {
        let ops = self.batch.ops.get(self.ops.clone()).unwrap_or_default();
        Compact::new(ops, self.text(&self.tree)).tree(&templates.read())
    }
}

/// The results in a batch, each with its call's number. Ends early where the batch is malformed,
/// which a correct `lib/` never produces: the calls left out run into their deadline.
pub(super) struct Results {
    batch: Arc<Batch>,
    at: usize,
    text_at: usize,
}

impl Results {
    pub(super) fn new(batch: Batch) -> Self {
        Self {
            batch: Arc::new(batch),
            at: 0,
            text_at: 0,
        }
    }

    fn number(&mut self) -> Option<u32> {
        let number = *self.batch.ops.get(self.at)?;
        self.at += 1;
        Some(number)
    }

    fn text(&mut self, units: u32) -> Option<Range<usize>> {
        let rest = self.batch.text.get(self.text_at..)?;
        let len = Compact::new(&[], rest).text(units).ok()?.len();
        let start = self.text_at;
        self.text_at += len;
        Some(start..self.text_at)
    }

    fn done(&mut self) -> Option<Reply> {
        let [props, redirect, ops, tree] = [
            self.number()?,
            self.number()?,
            self.number()?,
            self.number()?,
        ];
        let props = match props.checked_sub(1) {
            Some(units) => Some(self.text(units)?),
            None => None,
        };
        let redirect = self.text(redirect)?;
        let tree = self.text(tree)?;
        let start = self.at;
        self.at = self.at.checked_add(ops as usize)?;
        (self.at <= self.batch.ops.len()).then(|| {
            Reply::Done(Done {
                batch: self.batch.clone(),
                props,
                redirect,
                ops: start..self.at,
                tree,
            })
        })
    }
}

impl Iterator for Results {
    type Item = (u32, Reply);

    fn next(&mut self) -> Option<(u32, Reply)> {
        let call = self.number()?;
        let reply = match self.number()? {
            0 => self.done()?,
            1 => {
                let units = self.number()?;
                let range = self.text(units)?;
                Reply::Failed(self.batch.text.get(range)?.to_owned())
            }
            2 => Reply::UnknownHandler,
            3 => Reply::PropsNeeded,
            _ => return None,
        };
        Some((call, reply))
    }
}
