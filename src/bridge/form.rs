//! A form as handlers get it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;

use crate::tree::write_json_string;

/// The hidden field of a form that works without the client's script. As `SEAL` in `lib/forms/posted.ts`; it is not
/// the application's.
const SEAL: &str = "loom:form";

/// A form with more names than are allowed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooManyFields;

/// Values by their names, in the order in which each name came first. The cost is linear in the number of
/// fields: the map's hashes have a random key, so that no client can make names collide.
pub(crate) fn gather<K: Eq + Hash + Clone, V>(
    fields: impl Iterator<Item = (K, V)>,
    most: usize,
) -> Result<Vec<(K, Vec<V>)>, TooManyFields> {
    let mut places = HashMap::<K, usize>::new();
    let mut gathered: Vec<(K, Vec<V>)> = Vec::new();
    for (name, value) in fields {
        match places.entry(name) {
            Entry::Occupied(place) => {
                if let Some((_, values)) = gathered.get_mut(*place.get()) {
                    values.push(value);
                }
            }
            Entry::Vacant(place) => {
                if gathered.len() >= most {
                    return Err(TooManyFields);
                }
                gathered.push((place.key().clone(), vec![value]));
                place.insert(gathered.len() - 1);
            }
        }
    }
    Ok(gathered)
}

/// Writes a URL-encoded form as a JSON object: each name with its value, or all its values if it is
/// repeated. `most` bounds the number of different names.
pub(crate) fn write_form(
    out: &mut String,
    encoded: &str,
    most: usize,
) -> Result<(), TooManyFields> {
    let fields = form_urlencoded::parse(encoded.as_bytes()).filter(|(name, _)| name != SEAL);
    let fields = gather(fields, most)?;
    out.push('{');
    for (position, (name, values)) in fields.iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        write_json_string(out, name);
        out.push(':');
        match values.as_slice() {
            [value] => write_json_string(out, value),
            values => {
                out.push('[');
                for (position, value) in values.iter().enumerate() {
                    if position > 0 {
                        out.push(',');
                    }
                    write_json_string(out, value);
                }
                out.push(']');
            }
        }
    }
    out.push('}');
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::hash::Hasher;

    use proptest::prelude::*;

    use super::*;

    thread_local! {
        static COMPARED: Cell<usize> = const { Cell::new(0) };
    }

    /// A name that counts how often it is compared.
    #[derive(Clone, Debug)]
    struct Counted(String);

    impl PartialEq for Counted {
        fn eq(&self, other: &Self) -> bool {
            COMPARED.set(COMPARED.get() + 1);
            self.0 == other.0
        }
    }

    impl Eq for Counted {}

    impl Hash for Counted {
        fn hash<H: Hasher>(&self, state: &mut H) {
            self.0.hash(state);
        }
    }

    /// How often names are compared while so many fields are gathered, if each `repeated`-th field has a name
    /// of its own.
    fn comparisons(count: usize, repeated: usize) -> usize {
        let fields = (0..count).map(|field| (Counted((field / repeated).to_string()), ()));
        COMPARED.set(0);
        gather(fields, usize::MAX).unwrap();
        COMPARED.get()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        /// With four and sixteen times as many fields, each field costs as much as before.
        #[test]
        fn each_field_is_compared_with_few_others(count in 100usize..1000, repeated in 1usize..20) {
            for times in [1, 4, 16] {
                let count = count * times;
                prop_assert!(comparisons(count, repeated) <= 2 * count);
            }
        }

        /// The JSON of a form has the same values as its fields, one by one.
        #[test]
        fn every_field_is_there(fields in prop::collection::vec(("[a-c_]{0,3}", ".{0,4}"), 0..12)) {
            let mut encoded = form_urlencoded::Serializer::new(String::new());
            encoded.extend_pairs(&fields);
            let mut out = String::new();
            write_form(&mut out, &encoded.finish(), 12).unwrap();
            let json: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&out).unwrap();
            for (name, value) in &json {
                let values: Vec<&str> =
                    fields.iter().filter(|(n, _)| n == name).map(|(_, value)| value.as_str()).collect();
                match values.as_slice() {
                    [one] => prop_assert_eq!(value, one),
                    many => prop_assert_eq!(value, &serde_json::json!(many)),
                }
            }
            prop_assert!(fields.iter().all(|(name, _)| json.contains_key(name)));
        }

        /// The JSON is at most six times as long as the form that a client has sent.
        #[test]
        fn what_is_written_is_bounded_by_what_was_sent(encoded in "[a-b&=%\u{1}é]{0,200}") {
            let mut out = String::new();
            write_form(&mut out, &encoded, usize::MAX).unwrap();
            prop_assert!(out.len() <= 6 * (encoded.len() + 2));
        }
    }

    #[test]
    fn a_field_named_proto_is_a_field_like_others() {
        let mut out = String::new();
        write_form(&mut out, "__proto__=x&a=1&__proto__=y", 2).unwrap();
        assert_eq!(out, r#"{"__proto__":["x","y"],"a":"1"}"#);
    }

    #[test]
    fn names_are_bounded_and_values_of_one_name_are_not() {
        let mut out = String::new();
        assert_eq!(write_form(&mut out, "a&b&a&a&b", 2), Ok(()));
        assert_eq!(write_form(&mut out, "a&b&c", 2), Err(TooManyFields));
    }
}
