//! A message on its way to another process, where templates have other numbers: the message names templates
//! by a hash of their definition.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::encode::Encoded;
use crate::template::{Template, TemplateName};

/// The possible beginnings of a message.
const HEADS: [&str; 4] = ["[", "[\"s\",", "[\"j\",", "[\"e\","];

/// A message without its component's id, as one process tells another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Across {
    head: u8,
    /// The text after the id, without the numbers of templates.
    rest: String,
    /// The templates that are mentioned.
    names: Vec<TemplateName>,
    /// For each mention how many bytes of `rest` stand between the mention before and this one, and which name it is.
    mentions: Vec<(u32, u32)>,
    opaque: bool,
}

impl Encoded {
    /// The message for other processes; `None` if it mentions templates and was not encoded for them. `name` gives the
    /// name of a template.
    pub fn across(&self, mut name: impl FnMut(&Arc<Template>) -> TemplateName) -> Option<Across> {
        let mut names = Vec::new();
        let mut places = HashMap::new();
        for template in &self.templates {
            places.entry(template.number()).or_insert_with(|| {
                names.push(name(template));
                names.len() - 1
            });
        }
        let mut rest = String::with_capacity(self.rest.len());
        let mut mentions = Vec::new();
        let mut end = 0;
        let mentions_none = self.templates.is_empty() && !self.opaque;
        let mentioned = match &self.mentions {
            Some(mentioned) => mentioned.as_slice(),
            None if mentions_none => &[],
            None => return None,
        };
        for (at, number) in mentioned {
            let before = self.rest.get(end..*at as usize)?;
            rest.push_str(before);
            let place = *places.get(number)?;
            mentions.push((
                u32::try_from(before.len()).ok()?,
                u32::try_from(place).ok()?,
            ));
            end = *at as usize + digits(*number);
        }
        rest.push_str(self.rest.get(end..)?);
        let head = HEADS.iter().position(|head| *head == self.head)?;
        Some(Across {
            head: u8::try_from(head).ok()?,
            rest,
            names,
            mentions,
            opaque: self.opaque,
        })
    }
}

impl Across {
    /// The templates that are mentioned.
    pub fn names(&self) -> &[TemplateName] {
        &self.names
    }

    /// The message with the numbers that templates have here; `find` knows them by their names. `None` if one
    /// of them is not known, or if this was not made by [`Encoded::across`].
    pub fn encoded(
        &self,
        mut find: impl FnMut(&TemplateName) -> Option<Arc<Template>>,
    ) -> Option<Encoded> {
        let templates: Option<Vec<_>> = self.names.iter().map(&mut find).collect();
        let templates = templates?;
        let mut rest = String::with_capacity(self.rest.len() + 4 * self.mentions.len());
        let mut at = 0;
        for (gap, place) in &self.mentions {
            let end = at + *gap as usize;
            rest.push_str(self.rest.get(at..end)?);
            let _ = write!(rest, "{}", templates.get(*place as usize)?.number());
            at = end;
        }
        rest.push_str(self.rest.get(at..)?);
        Some(Encoded {
            head: HEADS.get(usize::from(self.head))?,
            rest,
            templates,
            opaque: self.opaque,
            mentions: None,
        })
    }
}

fn digits(number: u32) -> usize {
    number.checked_ilog10().unwrap_or(0) as usize + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{EventNumber, Point};
    use crate::protocol::ServerMessage;
    use crate::protocol::extended::{JoinFlags, define, encode_for_many, tree_for_many};
    use crate::template::Definition;
    use crate::tree::testing::text_tree;
    use crate::tree::{Branch, Builder, Leaf, List, LiveTree, Render, Templates, diff};

    const ROW: &[&str] = &["<li title=\"", "\" ?hidden=", ">", "</li>"];
    const ROWS: &[&str] = &["<ul>", "</ul>"];

    type Compiled = [Arc<Template>; 2];

    /// The templates of rows, with the numbers that they have in this process.
    fn compiled(templates: &Templates) -> Compiled {
        [ROW, ROWS].map(|source| templates.add(source).unwrap().1)
    }

    fn rows([row, rows]: &Compiled, keys: &[u64]) -> LiveTree {
        let each = |key: &u64| {
            let mut scratch = String::new();
            let mut builder = Builder::new(row, &scratch);
            for text in [&*key.to_string(), "", "[7"] {
                builder.leaf(&mut scratch, Leaf { text, html: false });
            }
            builder.finish(&mut scratch).unwrap()
        };
        let list = List::new(keys.iter().map(each), Some(keys));
        let mut scratch = String::new();
        let mut builder = Builder::new(rows, &scratch);
        builder.branch(&mut scratch, Branch::List(list));
        builder.finish(&mut scratch).unwrap()
    }

    fn there(sent: &Encoded, here: &Templates, there: &Templates) -> Encoded {
        let across = sent.across(|template| here.name_of(template)).unwrap();
        let json = serde_json::to_string(&across).unwrap();
        let read: Across = serde_json::from_str(&json).unwrap();
        assert_eq!(read, across);
        read.encoded(|name| there.named(name)).unwrap()
    }

    #[test]
    fn pages_of_another_process_get_what_that_process_would_say() {
        let (here, other) = (Templates::new(), Templates::new());
        let both = |compiled: &Compiled| [[1, 2, 3], [9, 3, 2]].map(|keys| rows(compiled, &keys));
        for number in 0..20 {
            other.add(&[&format!("<p>{number}"), "</p>"]).unwrap();
        }
        let [old, new] = both(&compiled(&here));
        let [old_there, new_there] = both(&compiled(&other));
        let joined =
            |sent: &Encoded| sent.joined_text("7", Point::default(), "xyz", JoinFlags::default());
        let tree = there(&tree_for_many(&new, true), &here, &other);
        assert_eq!(joined(&tree), joined(&tree_for_many(&new_there, true)));
        let patch = |old: &LiveTree, new: &LiveTree| {
            let mut render = Render::from(new.clone());
            render.resolve(old).unwrap();
            encode_for_many(
                &ServerMessage::Patch(diff(old, &render), Some(&render)),
                true,
            )
        };
        let sent = patch(&old, &new);
        let read = there(&sent, &here, &other);
        let expected = patch(&old_there, &new_there);
        let text = |one: &Encoded| one.text_for("12", EventNumber(5));
        assert_eq!(text(&read), text(&expected));
        assert_ne!(text(&read), text(&sent), "the numbers differ");
        let defined = |one: &Encoded| {
            one.templates
                .iter()
                .map(|it| define(it))
                .collect::<Vec<_>>()
        };
        assert_eq!(defined(&read).first(), defined(&expected).first());
        let nothing = encode_for_many(&ServerMessage::nothing(), true);
        assert_eq!(text(&there(&nothing, &here, &other)), text(&nothing));
        let replaced = encode_for_many(
            &ServerMessage::Replace(&text_tree(&["<p>", "</p>"], &["a"])),
            true,
        );
        assert_eq!(text(&there(&replaced, &here, &other)), text(&replaced));
    }

    #[test]
    fn a_template_that_is_not_known_is_learned_from_its_definition() {
        let (here, other) = (Templates::new(), Templates::new());
        let sent = tree_for_many(&rows(&compiled(&here), &[1]), true);
        let across = sent.across(|template| here.name_of(template)).unwrap();
        assert!(across.encoded(|name| other.named(name)).is_none());
        for template in &sent.templates {
            let definition = Definition::of(template);
            let name = definition.name();
            assert!(!other.learn(&"A".repeat(22).into(), definition.clone()));
            assert!(other.learn(&name, definition.clone()) && other.learn(&name, definition));
        }
        let read = across.encoded(|name| other.named(name)).unwrap();
        let defined = |one: &Encoded| {
            one.templates
                .iter()
                .map(|it| define(it))
                .collect::<Vec<_>>()
        };
        let without_numbers = |text: String| text.splitn(3, ',').last().map(str::to_owned);
        let both = [&read, &sent].map(|one| {
            defined(one)
                .into_iter()
                .map(without_numbers)
                .collect::<Vec<_>>()
        });
        assert_eq!(both[0], both[1]);
    }

    #[test]
    fn what_is_none_of_ours_is_none() {
        let whole = Across {
            head: 0,
            rest: "é]".into(),
            names: Vec::new(),
            mentions: Vec::new(),
            opaque: false,
        };
        assert!(whole.encoded(|_| None).is_some());
        let wrong = [
            Across {
                head: 4,
                ..whole.clone()
            },
            Across {
                mentions: vec![(0, 0)],
                ..whole.clone()
            },
            Across {
                mentions: vec![(1, 0)],
                ..whole.clone()
            },
            Across {
                mentions: vec![(u32::MAX, 0)],
                ..whole.clone()
            },
            Across {
                names: vec!["a".into()],
                ..whole
            },
        ];
        for across in wrong {
            assert!(across.encoded(|_| None).is_none(), "{across:?}");
        }
        assert_eq!([0, 9, 10, u32::MAX].map(digits), [1, 1, 2, 10]);
    }
}
