//! The results from JavaScript. This file reads the batches that `lib/call/results.ts` writes, with the
//! numbers that [`crate::codec`] hands over.
//!
//! A batch is an array of `u32` and one text. Each result is a header and, if the call
//! succeeded, the rendered tree in the form of [`crate::tree::Compact`]:
//!
//! | status | header | texts, in order |
//! | --- | --- | --- |
//! | 0, done | call, 0, props operations, props, redirect, tree operations, tree; then the operations of props and tree | props, redirect, tree |
//! | 1, failed | call, 1, message, stack | message, stack: the lines of it, each after a line feed; may be empty |
//! | 2, unknown handler | call, 2 | |
//! | 3, props needed | call, 3 | |
//! | 4, done, but anew: a first render that does not continue the state it was given | as 0 | |
//! | 6, done, and the form that was sent keeps what was typed | as 0 | |
//! | 5, refused by `authorize` | call, 5, action, message, URL | message, URL |
//! | 7, waits: a join whose `authorize` or `mount` gave a promise; its result comes later | call, 7 | |
//! | 11, allowed: a page may see a shared component | call, 11 | |
//! | 12, failed for now: as 1, but what is needed is away | as 1 | as 1 |
//! | 64 more than 0, 4 or 6: and the props are frozen | as 0 | |
//! | 128 more than 0, 4 or 6: and the step asks for more, or a visit has ended early | as 0, with one number more after that of the tree | as 0, then a JSON object: [`Beside`] |
//! | 8, 9, 10: a task, not a call: a value, the end, a failure | task, 8, value | value: JSON, or empty |
//!
//! Texts are given by their length in bytes. The operations of props are those of
//! [`crate::props`]; without any, the props stay as they are.

use std::ops::Range;
use std::sync::Arc;

use serde::Deserialize;

use crate::effects::{Effect, EffectError};
use crate::message::Part;
use crate::props::Props;
use crate::protocol::Refusal;
use crate::tree::{Compact, CompactError, Decoded, Templates};

/// The status of a call: the second number of a result.
pub mod status {
    /// The call succeeded.
    pub const DONE: u32 = 0;
    /// A handler, `render` or another function of the module threw, rejected, or gave a value that cannot
    /// be used.
    pub const FAILED: u32 = 1;
    /// The module has no such handler.
    pub const UNKNOWN_HANDLER: u32 = 2;
    /// JavaScript has dropped its copy of the props.
    pub const PROPS_NEEDED: u32 = 3;
    /// As `DONE`, but the component started anew instead of continuing the state that it was given.
    pub const DONE_ANEW: u32 = 4;
    /// `authorize` said no.
    pub const REFUSED: u32 = 5;
    /// As `DONE`, and the form keeps the texts that the user has typed.
    pub const DONE_KEEPING_FORM: u32 = 6;
    /// No result yet, because a join waits for a promise.
    pub const WAITS: u32 = 7;
    /// No result of a call: a value of a task.
    pub const TASK_VALUE: u32 = 8;
    /// No result of a call: a task has ended.
    pub const TASK_DONE: u32 = 9;
    /// No result of a call: a task has failed.
    pub const TASK_FAILED: u32 = 10;
    /// `authorize` lets a page see a shared component; nothing was rendered.
    pub const ALLOWED: u32 = 11;
    /// As `FAILED`, because something is away that the step needs: it may be there soon.
    pub const FAILED_FOR_NOW: u32 = 12;
    /// Added to each way of being done: the props are frozen.
    pub const FROZEN: u32 = 64;
    /// Added to each way of being done: the step asks for more, or a visit has ended early.
    pub const BESIDE: u32 = 128;
}

/// The actions of a page after a refusal.
pub mod action {
    /// Nothing.
    pub const NONE: u32 = 0;
    /// The page can be loaded again.
    pub const RELOAD: u32 = 1;
    /// The page is to go to the URL that follows.
    pub const REDIRECT: u32 = 2;
}

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
    Failed {
        message: String,
        stack: String,
        /// The step needs something that is away, and may be there soon.
        for_now: bool,
    },
    Refused(String, Refusal),
    UnknownHandler,
    /// The page may see the shared component.
    Allowed,
    /// Not of a call: a value of the task of that number.
    Task(Part, Option<Arc<str>>),
    PropsNeeded,
    /// The result comes later: the call waits for a promise.
    Waits,
}

/// A call that succeeded. The tree is decoded by the actor, not by the router, so that the router is done
/// soon.
pub(super) struct Done {
    batch: Arc<Batch>,
    props_ops: Range<usize>,
    props: Range<usize>,
    redirect: Range<usize>,
    tree_ops: Range<usize>,
    tree: Range<usize>,
    beside: Range<usize>,
    /// These three: see [`crate::dispatch::Outcome`].
    pub(super) anew: bool,
    pub(super) keeps_form: bool,
    pub(super) frozen: bool,
}

impl Done {
    fn text(&self, range: &Range<usize>) -> &str {
        self.batch.text.get(range.clone()).unwrap_or_default()
    }

    fn reader(&self, ops: &Range<usize>, text: &Range<usize>) -> Compact<'_> {
        let ops = self.batch.ops.get(ops.clone()).unwrap_or_default();
        Compact::new(ops, self.text(text))
    }

    /// The props after the call; `None` if they stay as they are.
    pub(super) fn props(&self, last: &Props) -> Result<Option<Arc<Props>>, CompactError> {
        if self.props_ops.is_empty() {
            return Ok(None);
        }
        let mut reader = self.reader(&self.props_ops, &self.props);
        Ok(Some(Arc::new(last.changed(&mut reader)?)))
    }

    /// The step's effects, and how a visit has ended.
    pub(super) fn beside(&self) -> Result<Beside, EffectError> {
        match self.text(&self.beside) {
            "" => Ok(Beside::default()),
            json => Ok(serde_json::from_str(json)?),
        }
    }

    /// How many bytes the changes of props and tree have, together with the effects.
    pub(super) fn bytes(&self) -> usize {
        let operations = self.props_ops.len() + self.tree_ops.len();
        let texts = self.props.len() + self.tree.len() + self.beside.len();
        operations * size_of::<u32>() + texts
    }

    pub(super) fn redirect(&self) -> Option<String> {
        (!self.redirect.is_empty()).then(|| self.text(&self.redirect).to_owned())
    }

    pub(super) fn render(&self, templates: &Templates) -> Result<Decoded, CompactError> {
        let mut reader = self.reader(&self.tree_ops, &self.tree);
        reader.render(&templates.read())
    }
}

/// The JSON object beside a result.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Beside {
    /// The step's effects.
    #[serde(deserialize_with = "crate::effects::deserialize")]
    pub(super) effects: Vec<Effect>,
    /// How many messages of a visit were handled before one threw; the message of its error, and the stack.
    pub(super) thrown: Option<(usize, String, String)>,
}

/// The results in a batch, each with its call's number. Ends early if the batch is malformed,
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

    fn text(&mut self, bytes: u32) -> Option<Range<usize>> {
        let start = self.text_at;
        self.text_at = self.text_at.checked_add(bytes as usize)?;
        let range = start..self.text_at;
        self.batch.text.get(range.clone()).map(|_| range)
    }

    fn operations(&mut self, count: u32) -> Option<Range<usize>> {
        let start = self.at;
        self.at = self.at.checked_add(count as usize)?;
        (self.at <= self.batch.ops.len()).then_some(start..self.at)
    }

    fn done(&mut self, anew: bool, keeps_form: bool, flags: u32) -> Option<Reply> {
        let [props_ops, props, redirect, tree_ops, tree] = [
            self.number()?,
            self.number()?,
            self.number()?,
            self.number()?,
            self.number()?,
        ];
        let beside = match flags & status::BESIDE {
            0 => 0,
            _ => self.number()?,
        };
        let (props, redirect, tree) = (self.text(props)?, self.text(redirect)?, self.text(tree)?);
        let beside = self.text(beside)?;
        let (props_ops, tree_ops) = (self.operations(props_ops)?, self.operations(tree_ops)?);
        Some(Reply::Done(Done {
            batch: self.batch.clone(),
            props_ops,
            props,
            redirect,
            tree_ops,
            tree,
            beside,
            anew,
            keeps_form,
            frozen: flags & status::FROZEN != 0,
        }))
    }
}

impl Results {
    fn task(&mut self, part: Part) -> Option<Reply> {
        let bytes = self.number()?;
        let range = self.text(bytes)?;
        let json = self.batch.text.get(range)?;
        Some(Reply::Task(part, (!json.is_empty()).then(|| json.into())))
    }
}

impl Iterator for Results {
    type Item = (u32, Reply);

    fn next(&mut self) -> Option<(u32, Reply)> {
        let call = self.number()?;
        let number = self.number()?;
        let flags = number & (status::FROZEN | status::BESIDE);
        let reply = match number & !flags {
            status::DONE => self.done(false, false, flags)?,
            status::DONE_ANEW => self.done(true, false, flags)?,
            status::DONE_KEEPING_FORM => self.done(false, true, flags)?,
            _ if flags != 0 => return None,
            status::TASK_VALUE => self.task(Part::Value)?,
            status::TASK_DONE => self.task(Part::Done)?,
            status::TASK_FAILED => self.task(Part::Error)?,
            status::REFUSED => {
                let (action, message, url) = (self.number()?, self.number()?, self.number()?);
                let (message, url) = (self.text(message)?, self.text(url)?);
                let text = |range| self.batch.text.get(range).map(str::to_owned);
                let refusal = match action {
                    action::NONE => Refusal::Fault,
                    action::RELOAD => Refusal::Reload,
                    action::REDIRECT => Refusal::Redirect(text(url)?),
                    _ => return None,
                };
                Reply::Refused(text(message)?, refusal)
            }
            failed @ (status::FAILED | status::FAILED_FOR_NOW) => {
                let (message, stack) = (self.number()?, self.number()?);
                let (message, stack) = (self.text(message)?, self.text(stack)?);
                let text = |range| self.batch.text.get(range).map(str::to_owned);
                Reply::Failed {
                    message: text(message)?,
                    stack: text(stack)?,
                    for_now: failed == status::FAILED_FOR_NOW,
                }
            }
            status::UNKNOWN_HANDLER => Reply::UnknownHandler,
            status::PROPS_NEEDED => Reply::PropsNeeded,
            status::WAITS => Reply::Waits,
            status::ALLOWED => Reply::Allowed,
            _ => return None,
        };
        Some((call, reply))
    }
}
