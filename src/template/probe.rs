//! The source that is given to the tokenizer: the static strings, with a marker for every slot.

use std::ops::Range;

use super::tokens;

/// A template's static strings, joined around markers.
///
/// A marker is made of ASCII letters and digits and begins with a letter, because that is what
/// changes most about the text before it: `<` becomes a tag, `</` an end tag, `<a` a longer name.
/// Whatever a value could do in a place, the marker does too, and is reported from where it is.
/// One more marker stands at the end: where it is reported from is where the template ends.
#[derive(Debug)]
pub(super) struct Probe {
    /// The joined text.
    pub(super) text: String,
    prefix: String,
    starts: Vec<usize>,
}

impl Probe {
    pub(super) fn new(statics: &[Box<str>]) -> Probe {
        let prefix = prefix(statics);
        let mut text = String::new();
        let mut starts = Vec::with_capacity(statics.len());
        for (index, part) in statics.iter().enumerate() {
            text.push_str(part);
            starts.push(text.len());
            text.push_str(&marker(&prefix, index));
        }
        Probe {
            text,
            prefix,
            starts,
        }
    }

    /// The marker behind the last static string.
    pub(super) fn end(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// The position of marker `index` in the text.
    pub(super) fn range(&self, index: usize) -> Range<usize> {
        let start = self.starts.get(index).copied().unwrap_or(self.text.len());
        start..start + marker(&self.prefix, index).len()
    }

    /// The markers that stand within `range` of the text.
    pub(super) fn within(&self, range: &Range<usize>) -> Range<usize> {
        let first = self.starts.partition_point(|start| *start < range.start);
        let end = self.starts.partition_point(|start| *start < range.end);
        first..end.max(first)
    }

    /// Splits a text that the tokenizer reported at its markers: text, marker, text, marker, …, text.
    pub(super) fn split<'a>(&self, mut reported: &'a str) -> (Vec<&'a str>, Vec<usize>) {
        let mut texts = Vec::new();
        let mut markers = Vec::new();
        let mut from = 0;
        while let Some(found) = reported
            .get(from..)
            .and_then(|rest| rest.find(&self.prefix))
        {
            let digits = from + found + self.prefix.len();
            let rest = reported.get(digits..).unwrap_or_default();
            let length = rest.bytes().take_while(u8::is_ascii_digit).count();
            match rest.get(..length).map(str::parse) {
                Some(Ok(index)) if rest[length..].starts_with(MARKER_END) => {
                    texts.push(&reported[..from + found]);
                    markers.push(index);
                    reported = &rest[length + MARKER_END.len_utf8()..];
                    from = 0;
                }
                _ => from = digits,
            }
        }
        texts.push(reported);
        (texts, markers)
    }

    /// The markers in a text that the tokenizer reported.
    pub(super) fn markers(&self, reported: &str) -> Vec<usize> {
        self.split(reported).1
    }

    /// The static string that position `at` of the text belongs to, and the offset in it.
    pub(super) fn locate(&self, at: usize) -> (usize, usize) {
        let index = self.starts.partition_point(|start| *start < at);
        let begin = match index.checked_sub(1) {
            Some(before) => self.range(before).end,
            None => 0,
        };
        (index.min(self.end()), at.saturating_sub(begin))
    }
}

const MARKER_END: char = 'x';

fn marker(prefix: &str, index: usize) -> String {
    format!("{prefix}{index}{MARKER_END}")
}

/// A beginning for markers that appears nowhere in the template, neither as written nor spelled
/// with character references. `z` is its first character only and no marker's last one, so that
/// no marker can be seen across the edge of another; and no named reference contains `zq`, so that
/// an `&` before a marker cannot swallow its beginning.
fn prefix(statics: &[Box<str>]) -> String {
    let written = statics.concat().to_ascii_lowercase();
    let decoded = statics
        .iter()
        .map(|part| tokens::decode(part).to_ascii_lowercase())
        .collect::<String>();
    let mut number = 0_u64;
    loop {
        let prefix = format!("zq{number}q");
        if !written.contains(&prefix) && !decoded.contains(&prefix) {
            return prefix;
        }
        number += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(statics: &[&str]) -> Probe {
        let statics: Vec<Box<str>> = statics.iter().map(|part| (*part).into()).collect();
        Probe::new(&statics)
    }

    #[test]
    fn markers_are_found_again() {
        let probe = probe(&["<a>", "zq", "</a>"]);
        assert_eq!(probe.text, "<a>zq0q0xzqzq0q1x</a>zq0q2x");
        assert_eq!(
            probe.split("zq0q0xzqzq0q1x"),
            (vec!["", "zq", ""], vec![0, 1])
        );
        assert_eq!(probe.markers("zq0qzq0q1zq0q2x"), [2]);
        assert_eq!(probe.range(1), 11..17);
        assert_eq!(probe.within(&(3..21)), 0..2);
        assert_eq!(probe.within(&(4..11)), 1..1);
        assert_eq!(probe.locate(1), (0, 1));
        assert_eq!(probe.locate(10), (1, 1));
        assert_eq!(probe.locate(18), (2, 1));
    }

    #[test]
    fn statics_cannot_forge_markers() {
        assert!(probe(&["zq0q", ""]).text.contains("zq1q0x"));
        assert!(probe(&["ZQ0Q0X", ""]).text.contains("zq1q0x"));
        assert!(probe(&["&#122;q0q0x", ""]).text.contains("zq1q0x"));
        assert!(probe(&["&#x7A;q0&#113;0x", ""]).text.contains("zq1q0x"));
    }
}
