//! Reads a binding's name: `keydown.ctrl.s` is an event, a modifier and a key.

use super::error::Fault;
use super::events::{EVENTS, MODIFIERS};

/// Further events of the browser's, without those that mean nothing to a handler on a server; and `visible`,
/// which the client makes.
const OTHERS: &str = " abort animationcancel animationend animationiteration animationstart auxclick \
    beforeinput beforematch beforetoggle cancel canplay canplaythrough close compositionend \
    compositionstart compositionupdate contextmenu copy cuechange cut dblclick drag dragend dragenter \
    dragleave dragover dragstart drop durationchange emptied ended error focusin focusout formdata \
    fullscreenchange fullscreenerror gotpointercapture hashchange invalid keypress languagechange load \
    loadeddata loadedmetadata loadstart lostpointercapture message mousedown mouseenter mouseleave \
    mousemove mouseout mouseover mouseup offline online pagehide pageshow paste pause play playing \
    pointercancel pointerdown pointerenter pointerleave pointermove pointerout pointerover \
    pointerrawupdate pointerup popstate progress ratechange resize scroll scrollend seeked seeking select \
    selectionchange selectstart slotchange stalled storage suspend timeupdate toggle touchcancel touchend \
    touchmove touchstart transitioncancel transitionend transitionrun transitionstart visibilitychange \
    visible volumechange waiting wheel ";

/// Keys with a name, as the client knows them: see `client/input/keys.ts`.
const KEYS: &str = " enter escape esc tab space backspace delete del insert home end pageup pagedown \
    arrowup arrowdown arrowleft arrowright up down left right dot slash equal capslock contextmenu \
    f1 f2 f3 f4 f5 f6 f7 f8 f9 f10 f11 f12 ";

/// The event that the client makes when an element comes into view.
const VISIBLE: &str = "visible";

const MAX_NAME: usize = 64;

/// The parts of `keydown.ctrl.s`.
pub(super) struct Binding<'a> {
    /// The event.
    pub(super) event: &'a str,
    /// Each modifier, with the number that stands behind it.
    pub(super) modifiers: Vec<(&'a str, Option<&'a str>)>,
}

/// Whether the browser has such an event, or the name has the form of an application's own event.
pub(super) fn is_known(event: &str) -> bool {
    let listed = |list: &str| list.contains(&format!(" {event} "));
    EVENTS.contains(&event) || event.contains(['-', ':', '_']) || listed(OTHERS)
}

/// Reads `keydown.ctrl.s`, which `written` is the whole of, for messages.
pub(super) fn read<'a>(text: &'a str, written: &str) -> Result<Binding<'a>, Fault> {
    let mut words = text.split('.');
    let event = words.next().unwrap_or_default();
    let is_name = event.len() <= MAX_NAME
        && event.starts_with(|first: char| first.is_ascii_lowercase())
        && event
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-:_".contains(&byte));
    if !is_name {
        return Err(Fault::UnknownEvent(written.to_owned()));
    }
    let mut words = words.peekable();
    let mut modifiers = Vec::new();
    // A binding may have one modifier of each kind: the element that listens, the pace, and the key.
    let mut kinds = [0; 3];
    while let Some(word) = words.next() {
        let mut number = None;
        let kind = match word {
            "self" | "outside" | "window" | "document" if event != VISIBLE => Some(0),
            "debounce" | "throttle" => {
                number = words.next_if(|next| is_milliseconds(next));
                Some(1)
            }
            "once" => None,
            _ if event == VISIBLE => return Err(Fault::ModifierOfVisible(written.to_owned())),
            _ if MODIFIERS.contains(&word) => None,
            _ if event.starts_with("key") && is_key(word) => Some(2),
            _ => return Err(Fault::UnknownModifier(format!("{word} in {written}"))),
        };
        if let Some(count) = kind.and_then(|kind| kinds.get_mut(kind)) {
            *count += 1;
        }
        modifiers.push((word, number));
    }
    if kinds.iter().any(|&count| count > 1) {
        return Err(Fault::ModifiersExclude(written.to_owned()));
    }
    Ok(Binding { event, modifiers })
}

fn is_key(word: &str) -> bool {
    word.chars().count() == 1 || KEYS.contains(&format!(" {word} "))
}

fn is_milliseconds(word: &str) -> bool {
    !word.is_empty() && word.len() <= 9 && word.bytes().all(|byte| byte.is_ascii_digit())
}
