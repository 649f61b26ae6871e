//! Builders and generators for the tests of this module and of those above it.

use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use super::node::Builder;
use super::rows::Branch;
use super::{Leaf, List, LiveTree};
use crate::template::Template;

/// A dynamic that owns its content.
#[derive(Clone, Debug)]
pub(crate) enum Owned {
    Text(String),
    Html(String),
    Tree(Shape),
    List(Vec<Shape>),
}

/// A tree as plain data: easy to generate, shrink and print.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub statics: Vec<String>,
    pub dynamics: Vec<Owned>,
}

impl Shape {
    pub(crate) fn build(&self) -> LiveTree {
        let mut scratch = String::new();
        self.build_in(&mut scratch)
    }

    fn build_in(&self, scratch: &mut String) -> LiveTree {
        let statics = self
            .statics
            .iter()
            .map(|part| part.as_str().into())
            .collect();
        let template = Arc::new(Template::trusted(statics));
        let mut builder = Builder::new(&template, scratch);
        for dynamic in &self.dynamics {
            match dynamic {
                Owned::Text(text) => builder.leaf(scratch, Leaf { text, html: false }),
                Owned::Html(text) => builder.leaf(scratch, Leaf { text, html: true }),
                Owned::Tree(shape) => {
                    let tree = shape.build_in(scratch);
                    builder.branch(scratch, Branch::Tree(tree));
                }
                Owned::List(shapes) => {
                    let rows = shapes.iter().map(|shape| shape.build_in(scratch));
                    let list = List::new(rows, None);
                    builder.branch(scratch, Branch::List(list));
                }
            }
        }
        builder.finish(scratch).unwrap()
    }
}

pub(crate) enum Filled {
    Leaf(String),
    Tree(LiveTree),
    List(List),
}

pub(crate) fn list(rows: Vec<LiveTree>) -> Filled {
    Filled::List(List::new(rows, None))
}

/// The template of these statics. Equal statics get the same template, as if they came from one literal.
fn template(statics: &[&str]) -> Arc<Template> {
    static TEMPLATES: Mutex<Vec<Arc<Template>>> = Mutex::new(Vec::new());
    let mut known = TEMPLATES.lock().unwrap();
    let found = known.iter().find(|template| {
        template
            .statics()
            .iter()
            .map(|part| &**part)
            .eq(statics.iter().copied())
    });
    if let Some(template) = found {
        return template.clone();
    }
    let statics = statics.iter().map(|part| (*part).into()).collect();
    known.push(Arc::new(Template::trusted(statics)));
    known[known.len() - 1].clone()
}

pub(crate) fn tree(statics: &[&str], dynamics: Vec<Filled>) -> LiveTree {
    let mut scratch = String::new();
    let template = template(statics);
    let mut builder = Builder::new(&template, &scratch);
    for dynamic in dynamics {
        match dynamic {
            Filled::Leaf(text) => {
                let html = false;
                builder.leaf(&mut scratch, Leaf { text: &text, html });
            }
            Filled::Tree(tree) => builder.branch(&mut scratch, Branch::Tree(tree)),
            Filled::List(list) => builder.branch(&mut scratch, Branch::List(list)),
        }
    }
    builder.finish(&mut scratch).unwrap()
}

pub(crate) fn text_tree(statics: &[&str], leaves: &[&str]) -> LiveTree {
    let dynamics = leaves.iter().map(|text| Filled::Leaf((*text).to_owned()));
    tree(statics, dynamics.collect())
}

/// A text whose beginning can stay.
const LONG: &str = "Once upon a time, when ☃ and 😀 were young, there was a text of some length.";

/// Trees from a small alphabet, so that two random ones share statics and leaves often enough for
/// every kind of change to turn up.
pub(crate) fn any_shape() -> impl Strategy<Value = Shape> {
    let leaf = prop_oneof![
        "[a-c<&\"é😀]{0,3}".prop_map(Owned::Text),
        "[a-c<&\"é😀]{0,3}".prop_map(|end| Owned::Text(LONG.to_owned() + &end)),
        "<b>[a-c]</b>".prop_map(Owned::Html),
    ];
    let shape = prop::collection::vec(leaf, 0..3).prop_flat_map(with_statics);
    shape.prop_recursive(4, 40, 4, |inner| {
        let dynamic = prop_oneof![
            "[a-c]{0,2}".prop_map(Owned::Text),
            inner.clone().prop_map(Owned::Tree),
            prop::collection::vec(inner, 0..4).prop_map(Owned::List),
        ];
        prop::collection::vec(dynamic, 0..3).prop_flat_map(with_statics)
    })
}

fn with_statics(dynamics: Vec<Owned>) -> impl Strategy<Value = Shape> {
    prop::collection::vec("<[pq]>", dynamics.len() + 1).prop_map(move |statics| Shape {
        statics,
        dynamics: dynamics.clone(),
    })
}
