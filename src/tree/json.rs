//! Trees and patches as the classic wire's JSON (`protocol.md`, "Trees" and "Patches").

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::node::Builder;
use super::rows::Branch;
use super::{
    Change, Dynamic, Leaf, List, LiveTree, MAX_DEPTH, Patch, TreeError, TreeView, surrogates,
};
use crate::template::Template;

/// The keys of the wire.
const STATICS: &str = "s";
const DYNAMICS: &str = "d";

/// The text is not a tree, or not a patch.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// Not JSON at all, or nested deeper than the parser follows.
    #[error("not valid JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// JSON of another shape.
    #[error("expected {expected} but received {received} at {path}")]
    Shape {
        /// The value that should stand there.
        expected: &'static str,
        /// The value that stands there.
        received: &'static str,
        /// The place, as a path of slots from the root.
        path: String,
    },
    /// The parts do not make a tree.
    #[error("{error} at {path}")]
    Tree {
        /// The error.
        error: TreeError,
        /// The place, as a path of slots from the root.
        path: String,
    },
}

impl LiveTree {
    /// Parses a tree as the template language of a raw module renders it: `{"s":[…],"d":[…]}`. The
    /// leaves are HTML. Half of a surrogate pair becomes U+FFFD, as in any other text.
    ///
    /// # Errors
    /// [`ParseError`] names the place that does not fit.
    pub fn from_json(json: &str) -> Result<LiveTree, ParseError> {
        let parsed = serde_json::from_str(json);
        let value = parsed.or_else(|error| match surrogates::replaced(json) {
            Some(mended) => serde_json::from_str(&mended),
            None => Err(error),
        })?;
        Reader::default().tree(&value, 1)
    }

    /// The whole tree: `{"s":[…],"d":[…]}`.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        self.write_json(&mut out);
        out
    }

    /// Appends the text of [`to_json`](Self::to_json).
    pub fn write_json(&self, out: &mut String) {
        self.view().write_json(out);
    }

    /// Appends `"s":[…],"d":[…]`, for an object that has other members too.
    pub fn write_json_members(&self, out: &mut String) {
        self.view().write_json_members(out);
    }
}

impl TreeView<'_> {
    fn write_json(self, out: &mut String) {
        out.push('{');
        self.write_json_members(out);
        out.push('}');
    }

    fn write_json_members(self, out: &mut String) {
        write_key(out, STATICS);
        write_array(out, self.template().statics(), |out, text| {
            write_string(out, text);
        });
        out.push(',');
        write_key(out, DYNAMICS);
        write_array(out, self.dynamics(), |out, dynamic| match dynamic {
            Dynamic::Leaf(leaf) => write_string(out, &leaf.escaped()),
            Dynamic::Tree(tree) => tree.write_json(out),
            Dynamic::List(list) => write_array(out, list.iter(), |out, item| item.write_json(out)),
        });
    }
}

impl Patch<'_> {
    /// The patch's `d`: `{"0":"text",…}`.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        self.write_json(&mut out);
        out
    }

    /// Appends the text of [`to_json`](Self::to_json).
    pub fn write_json(&self, out: &mut String) {
        out.push('{');
        for (position, (index, change)) in self.changes.iter().enumerate() {
            if position > 0 {
                out.push(',');
            }
            write_key(out, &index.to_string());
            change.write_json(out);
        }
        out.push('}');
    }
}

impl Patch<'_> {
    fn write_inside(&self, out: &mut String) {
        out.push('{');
        write_key(out, DYNAMICS);
        self.write_json(out);
        out.push('}');
    }
}

impl Change<'_> {
    fn write_json(&self, out: &mut String) {
        match self {
            Change::Leaf { text, html } => {
                let (text, html) = (text.as_ref(), *html);
                write_string(out, &Leaf { text, html }.escaped());
            }
            // This dialect knows whole leaves only.
            Change::Tail { text, .. } => {
                write_string(out, &Leaf { text, html: false }.escaped());
            }
            Change::Tree(tree) => tree.write_json(out),
            Change::List(items) => {
                write_array(out, items.iter(), |out, item| item.write_json(out));
            }
            Change::Inside(patch) => patch.write_inside(out),
            Change::Edit(edit) => match edit.by_index() {
                Some(patch) => patch.write_inside(out),
                None => write_array(out, edit.rows(), |out, row| row.write_json(out)),
            },
        }
    }
}

fn write_key(out: &mut String, key: &str) {
    out.push('"');
    out.push_str(key);
    out.push_str("\":");
}

fn write_array<T>(
    out: &mut String,
    items: impl IntoIterator<Item = T>,
    value: impl Fn(&mut String, T),
) {
    out.push('[');
    for (position, item) in items.into_iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        value(out, item);
    }
    out.push(']');
}

/// Appends `text` as a JSON string.
pub fn write_string(out: &mut String, text: &str) {
    let plain = |byte: &u8| *byte >= b' ' && *byte != b'"' && *byte != b'\\';
    if text.as_bytes().iter().all(plain) {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        out.push_str(&Value::from(text).to_string());
    }
}

/// Reads trees; items of a list share one template if their statics are equal.
#[derive(Default)]
struct Reader {
    templates: HashMap<Vec<Box<str>>, Arc<Template>>,
    scratch: String,
    path: Vec<usize>,
}

impl Reader {
    fn shape(&self, expected: &'static str, value: &Value) -> ParseError {
        ParseError::Shape {
            expected,
            received: kind(value),
            path: self.path(),
        }
    }

    fn path(&self) -> String {
        let mut path = "the root".to_owned();
        for slot in &self.path {
            path.push_str(&format!(", {slot}"));
        }
        path
    }

    fn tree(&mut self, value: &Value, depth: usize) -> Result<LiveTree, ParseError> {
        let (Some(statics), Some(dynamics)) = (value.get(STATICS), value.get(DYNAMICS)) else {
            return Err(self.shape("a tree {\"s\":[…],\"d\":[…]}", value));
        };
        let statics = statics
            .as_array()
            .ok_or_else(|| self.shape("an array of statics", statics))?;
        let dynamics = dynamics
            .as_array()
            .ok_or_else(|| self.shape("an array of dynamics", dynamics))?;
        if depth > MAX_DEPTH {
            return Err(self.wrong(TreeError::Depth));
        }
        if statics.len() != dynamics.len() + 1 {
            return Err(self.wrong(TreeError::Count {
                slots: statics.len().saturating_sub(1),
                dynamics: dynamics.len(),
            }));
        }
        let template = self.template(statics)?;
        let mut builder = Builder::new(&template, &self.scratch);
        for (index, dynamic) in dynamics.iter().enumerate() {
            self.path.push(index);
            match dynamic {
                Value::String(text) => {
                    builder.leaf(&mut self.scratch, Leaf { text, html: true });
                }
                Value::Object(_) => {
                    let tree = self.tree(dynamic, depth + 1)?;
                    builder.branch(&mut self.scratch, Branch::Tree(tree));
                }
                Value::Array(items) => {
                    let list = self.list(items, depth + 1)?;
                    builder.branch(&mut self.scratch, Branch::List(list));
                }
                other => return Err(self.shape("a string, a tree or an array of trees", other)),
            }
            self.path.pop();
        }
        builder
            .finish(&mut self.scratch)
            .map_err(|error| self.wrong(error))
    }

    fn wrong(&self, error: TreeError) -> ParseError {
        ParseError::Tree {
            error,
            path: self.path(),
        }
    }

    fn list(&mut self, items: &[Value], depth: usize) -> Result<List, ParseError> {
        let mut trees = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            self.path.push(index);
            trees.push(self.tree(item, depth)?);
            self.path.pop();
        }
        Ok(List::new(trees, None))
    }

    fn template(&mut self, statics: &[Value]) -> Result<Arc<Template>, ParseError> {
        let texts = statics
            .iter()
            .map(|text| match text {
                Value::String(text) => Ok(text.as_str().into()),
                other => Err(self.shape("a static string", other)),
            })
            .collect::<Result<Vec<Box<str>>, _>>()?;
        let template = self
            .templates
            .entry(texts)
            .or_insert_with_key(|texts| Arc::new(Template::trusted(texts.clone())));
        Ok(template.clone())
    }
}

impl Patch<'static> {
    /// Parses a patch's `d`, as a client does.
    ///
    /// # Errors
    /// [`ParseError`] if the text is not a patch.
    pub fn from_json(json: &str) -> Result<Patch<'static>, ParseError> {
        let mut reader = Reader::default();
        reader.patch(&serde_json::from_str(json)?, 1)
    }
}

impl Reader {
    fn members<'v>(&self, value: &'v Value) -> Result<Vec<(usize, &'v Value)>, ParseError> {
        let object: &Map<String, Value> = value
            .as_object()
            .ok_or_else(|| self.shape("an object of changes", value))?;
        let mut members = object
            .iter()
            .map(|(key, value)| match key.parse() {
                Ok(index) => Ok((index, value)),
                Err(_) => Err(self.shape("a slot's index as the key", value)),
            })
            .collect::<Result<Vec<(usize, &Value)>, _>>()?;
        members.sort_unstable_by_key(|(index, _)| *index);
        Ok(members)
    }

    fn patch(&mut self, value: &Value, depth: usize) -> Result<Patch<'static>, ParseError> {
        if depth > MAX_DEPTH {
            return Err(self.wrong(TreeError::Depth));
        }
        let mut changes = Vec::new();
        for (index, value) in self.members(value)? {
            self.path.push(index);
            let change = match value {
                Value::String(text) => Change::Leaf {
                    text: Cow::Owned(text.clone()),
                    html: true,
                },
                Value::Array(items) => Change::List(Cow::Owned(self.list(items, depth + 1)?)),
                _ if value.get(STATICS).is_some() => {
                    Change::Tree(Cow::Owned(self.tree(value, depth + 1)?))
                }
                _ => match value.get(DYNAMICS) {
                    Some(inside) => Change::Inside(self.patch(inside, depth + 1)?),
                    None => return Err(self.shape("a change", value)),
                },
            };
            changes.push((index, change));
            self.path.pop();
        }
        let template = None;
        Ok(Patch { template, changes })
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(json: &str) -> String {
        match LiveTree::from_json(json) {
            Ok(_) => panic!("{json} was taken"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_tree_comes_back_as_it_was_written() {
        let json = r#"{"s":["<ul>","</ul>",""],"d":[[{"s":["<li>",""],"d":["a&lt;\"b\n"]}],""]}"#;
        assert_eq!(LiveTree::from_json(json).unwrap().to_json(), json);
    }

    #[test]
    fn malformed_trees_are_refused_with_their_place() {
        for (json, expected) in [
            ("", "not valid JSON"),
            (
                "[]",
                "expected a tree {\"s\":[…],\"d\":[…]} but received an array at the root",
            ),
            (r#"{"s":["a"]}"#, "expected a tree"),
            (
                r#"{"s":"a","d":[]}"#,
                "expected an array of statics but received a string",
            ),
            (
                r#"{"s":["a"],"d":{}}"#,
                "expected an array of dynamics but received an object",
            ),
            (
                r#"{"s":["a"],"d":["x"]}"#,
                "the template has 0 slots but 1 dynamics",
            ),
            (
                r#"{"s":[],"d":[]}"#,
                "the template has 0 slots but 0 dynamics",
            ),
            (
                r#"{"s":[1],"d":[]}"#,
                "expected a static string but received a number",
            ),
            (
                r#"{"s":["",""],"d":[null]}"#,
                "but received null at the root, 0",
            ),
            (
                r#"{"s":["",""],"d":[["x"]]}"#,
                "but received a string at the root, 0, 0",
            ),
        ] {
            let message = refusal(json);
            assert!(message.contains(expected), "{json}: {message}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let nest = |levels| {
            (1..levels).fold(r#"{"s":[""],"d":[]}"#.to_owned(), |inner, _| {
                format!(r#"{{"s":["",""],"d":[{inner}]}}"#)
            })
        };
        assert!(LiveTree::from_json(&nest(40)).is_ok());
        assert!(LiveTree::from_json(&nest(MAX_DEPTH + 1)).is_err());
        assert!(refusal(&nest(100_000)).contains("recursion limit"));
    }
}
