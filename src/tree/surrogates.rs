//! Surrogates that stand alone: half a character. JavaScript's strings can hold one, UTF-8 cannot.

/// The same JSON with U+FFFD for each escaped surrogate that stands alone; browsers turn strings into
/// text in the same way (WHATWG Infra, "scalar value string"). `None` if no surrogate stands alone.
pub fn replaced(json: &str) -> Option<String> {
    let mut out = String::new();
    let mut done = 0;
    let mut at = 0;
    while let Some(next) = json.get(at..).and_then(|rest| rest.find('\\')) {
        at += next;
        let escape = json.get(at..).unwrap_or_default();
        at += match (unit(escape), escape.get(6..).and_then(unit)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(0xd800..=0xdfff), _) => {
                out.push_str(json.get(done..at).unwrap_or_default());
                out.push_str("\\ufffd");
                done = at + 6;
                6
            }
            (Some(_), _) => 6,
            (None, _) => escape.chars().take(2).map(char::len_utf8).sum(),
        };
    }
    out.push_str(json.get(done..).unwrap_or_default());
    (done > 0).then_some(out)
}

/// The UTF-16 code unit, if `escape` begins with one, as `\uXXXX`.
fn unit(escape: &str) -> Option<u16> {
    let digits = escape.strip_prefix("\\u")?.get(..4)?;
    // Checked by hand: `from_str_radix` would accept a sign, too.
    let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_hex.then(|| u16::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn halves_are_replaced_and_nothing_else_is() {
        for (json, expected) in [
            (r#""\ud83d""#, Some(r#""\ufffd""#)),
            (r#""a\uDE00b\ud83d""#, Some(r#""a\ufffdb\ufffd""#)),
            (r#""\ud83d\ud83d\ude00""#, Some(r#""\ufffd\ud83d\ude00""#)),
            (r#""\ud83d\n\ude00""#, Some(r#""\ufffd\n\ufffd""#)),
            (r#""\ud83d\ude00""#, None),
            (r#""\\ud83d\"\u00e9é""#, None),
            (r#""\\\ud83d""#, Some(r#""\\\ufffd""#)),
            ("", None),
            ("\\", None),
            ("\\é\\u+123\\ud8", None),
        ] {
            assert_eq!(replaced(json).as_deref(), expected, "{json}");
        }
    }

    proptest! {
        /// Any string of JavaScript, as `JSON.stringify` writes it.
        #[test]
        fn what_it_gives_can_be_read(units in prop::collection::vec(prop_oneof![
            any::<u16>(), 0xd800u16..0xe000, prop::sample::select(vec![0x22, 0x5c, 0x75])
        ], 0..20)) {
            let written: String = char::decode_utf16(units.iter().copied())
                .map(|one| match one {
                    Ok(one) => {
                        let quoted = serde_json::to_string(&one).unwrap();
                        quoted[1..quoted.len() - 1].to_owned()
                    }
                    Err(half) => format!("\\u{:x}", half.unpaired_surrogate()),
                })
                .collect();
            let json = format!("\"{written}\"");
            let mended = replaced(&json).unwrap_or(json);
            let read: String = serde_json::from_str(&mended).unwrap();
            prop_assert_eq!(read, String::from_utf16_lossy(&units));
        }
    }
}
