//! Short excerpts of a template for messages.

/// How many characters an excerpt shows before and after its subject.
const BEFORE: usize = 48;
const AFTER: usize = 32;

/// The source around slot `slot` (counted from 0), which shows with its number, counted from 1.
pub(super) fn around_slot(source: &[Box<str>], slot: usize) -> String {
    let (text, starts) = shown(source, Some(slot));
    let start = starts.get(slot).copied().unwrap_or(text.len());
    let mark = format!("${{{}}}", slot + 1).len();
    cut(&text, start, start + mark)
}

/// The source around an offset into one of its static strings.
pub(super) fn around(source: &[Box<str>], index: usize, offset: usize) -> String {
    let (text, starts) = shown(source, None);
    let begin = index
        .checked_sub(1)
        .and_then(|before| starts.get(before))
        .map_or(0, |start| start + "${…}".len());
    let at = (begin + offset).min(text.len());
    cut(&text, at, at)
}

/// The source as its author sees it, and the positions of its slots in it.
fn shown(source: &[Box<str>], marked: Option<usize>) -> (String, Vec<usize>) {
    let mut text = String::new();
    let mut starts = Vec::new();
    for (index, part) in source.iter().enumerate() {
        if index > 0 {
            starts.push(text.len());
            if marked == Some(index - 1) {
                text.push_str(&format!("${{{index}}}"));
            } else {
                text.push_str("${…}");
            }
        }
        text.push_str(part);
    }
    (text, starts)
}

/// The text around `start..end`, with white space and control characters as single spaces.
fn cut(text: &str, start: usize, end: usize) -> String {
    let before = text.get(..start).unwrap_or_default();
    let after = text.get(end..).unwrap_or_default();
    let from = before
        .char_indices()
        .rev()
        .nth(BEFORE)
        .map(|(at, c)| at + c.len_utf8());
    let to = after.char_indices().nth(AFTER).map(|(at, _)| end + at);
    let excerpt = text
        .get(from.unwrap_or(0)..to.unwrap_or(text.len()))
        .unwrap_or_default();
    let words: Vec<&str> = excerpt
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    let open = if from.is_some() { "…" } else { "" };
    let close = if to.is_some() { "…" } else { "" };
    format!("{open}{}{close}", words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(parts: &[&str]) -> Vec<Box<str>> {
        parts.iter().map(|part| (*part).into()).collect()
    }

    #[test]
    fn short_ones_are_whole() {
        let source = source(&["<a href=\"", "\">", "</a>"]);
        assert_eq!(around_slot(&source, 0), "<a href=\"${1}\">${…}</a>");
        assert_eq!(around_slot(&source, 1), "<a href=\"${…}\">${2}</a>");
        assert_eq!(around(&source, 2, 1), "<a href=\"${…}\">${…}</a>");
    }

    #[test]
    fn long_ones_are_cut_between_characters() {
        let long = "é".repeat(100);
        let source = source(&[&long, &long, "\n  x\u{0}y"]);
        let (before, after) = ("é".repeat(BEFORE), "é".repeat(AFTER));
        assert_eq!(around_slot(&source, 0), format!("…{before}${{1}}{after}…"));
        assert_eq!(around_slot(&source, 1), format!("…{before}${{2}} x y"));
        assert_eq!(around(&source, 9, 999).chars().count(), BEFORE + 1 - 2);
    }

    #[test]
    fn nonsense_is_no_panic() {
        assert_eq!(around_slot(&[], 3), "");
        assert_eq!(around(&[], 3, 3), "");
        assert_eq!(around(&source(&["éé"]), 0, 1), "éé");
    }
}
