//! The container of a nested live component, as `live()` writes it (`lib/render/live.ts`): a template like
//! others, whose last slot holds the props that the parent gives the component.

/// The strings between the element's name and its end.
const BETWEEN: [&str; 3] = [" data-l-live=\"", "\" data-l-key=\"", "\">"];

/// The index of the slot that holds the props which the parent gives.
pub(crate) const GIVEN: usize = 2;

/// Whether these are the static strings of such a container.
pub(super) fn is_child(source: &[Box<str>]) -> bool {
    let [start, key, given, end] = source else {
        return false;
    };
    let name = start
        .strip_prefix('<')
        .and_then(|start| start.strip_suffix(BETWEEN[0]));
    let closed = end.strip_prefix("</").and_then(|end| end.strip_suffix('>'));
    name.is_some() && name == closed && [&**key, &**given] == BETWEEN[1..]
}

#[cfg(test)]
mod tests {
    use crate::template::Template;

    #[test]
    fn a_container_is_known_by_its_strings() {
        let is_child = |source: &[&str]| Template::compile(source).unwrap().is_child();
        let between = ["\" data-l-key=\"", "\">"];
        let with = |start, end| is_child(&[start, between[0], between[1], end]);
        assert!(with("<div data-l-live=\"", "</div>"));
        assert!(with("<x-tab data-l-live=\"", "</x-tab>"));
        assert!(!with("<div data-l-live=\"", "</div> "));
        assert!(!with("<div id=\"", "</div>"));
        assert!(!is_child(&["<b>", "</b>"]));
    }
}
