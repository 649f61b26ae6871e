//! What a parser's tree builder makes of a template, and not only its tokenizer: values change no
//! element and no attribute's name.

use html5ever::tendril::TendrilSink;
use html5ever::{LocalName, Namespace, ParseOpts, QualName, ns, parse_fragment};
use loom_live::fuzzing::template;
use loom_live::template::escape;
use markup5ever_rcdom::{Handle, NodeData, RcDom};

/// The bytes are a template and values, as for the target `templates`.
pub fn elements(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let Some((template, values)) = template(&text) else {
        return;
    };
    let mut real = String::new();
    let mut calm = String::new();
    let mut slots = template.slots().iter();
    for part in template.statics() {
        real.push_str(part);
        calm.push_str(part);
        let Some(slot) = slots.next() else { continue };
        let leaf = slot.resolve(|index| values[index]);
        if leaf.html {
            real.push_str(&leaf.text);
            calm.push_str(&leaf.text);
        } else {
            real.push_str(&escape(&leaf.text));
            let word = leaf.text.chars().all(|char| char.is_ascii_alphanumeric());
            // A word harms nobody, and may mean something: a hidden input stays in its table.
            calm.extend(
                leaf.text
                    .chars()
                    .map(if word { |char| char } else { calmed }),
            );
        }
    }
    for (namespace, name) in [(ns!(html), "div"), (ns!(svg), "svg")] {
        for scripting in [true, false] {
            let [real_tree, calm_tree] =
                [&real, &calm].map(|html| read(html, &namespace, name, scripting));
            assert_eq!(real_tree, calm_tree, "in {name}: {real}\nbeside {calm}");
        }
    }
}

/// White space stays: in a table, for instance, it stands elsewhere than other text.
fn calmed(char: char) -> char {
    // Parsers drop a NUL in some places.
    if char.is_ascii_whitespace() || char == '\0' {
        char
    } else {
        'x'
    }
}

fn read(html: &str, namespace: &Namespace, name: &str, scripting: bool) -> String {
    let context = QualName::new(None, namespace.clone(), LocalName::from(name));
    let mut options = ParseOpts::default();
    options.tree_builder.scripting_enabled = scripting;
    let parser = parse_fragment(RcDom::default(), options, context, vec![], scripting);
    let dom: RcDom = parser.one(html);
    let mut out = String::new();
    write(&dom.document, &mut out);
    out
}

fn write(node: &Handle, out: &mut String) {
    if let NodeData::Element {
        name,
        attrs,
        template_contents,
        ..
    } = &node.data
    {
        out.push_str(&format!("<{}:{}", &*name.ns, &*name.local));
        for attribute in attrs.borrow().iter() {
            out.push_str(&format!(" {}", &*attribute.name.local));
        }
        out.push('>');
        if let Some(inside) = &*template_contents.borrow() {
            write(inside, out);
        }
    }
    if let NodeData::Comment { .. } = &node.data {
        out.push_str("<!>");
    }
    for child in node.children.borrow().iter() {
        write(child, out);
    }
    if let NodeData::Element { .. } = &node.data {
        out.push_str("</>");
    }
}
