//! The meaning of a value by the kind of its attribute: that the attribute is there, that it is not, or a
//! text. As lit and React have it, and the browser's own properties.

/// How the application's value becomes the text of an attribute. `lib/encode.ts` does what each letter says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// Text, subtrees and lists.
    Any,
    /// Text; `false`, `null` and `undefined` are the empty text.
    Text,
    /// A value that counts as true sets the attribute; every other value removes it.
    Boolean,
    /// As `Boolean`, for a name that does not belong to a boolean attribute: a mistake that development
    /// tells.
    BooleanOfOther,
    /// `true` is the empty text; `false` and nothing take the attribute away; text is text.
    Optional,
    /// `true` and `false` are words; nothing takes the attribute away.
    TrueFalse,
    /// The same, with the words "yes" and "no".
    YesNo,
    /// The same, with the words "on" and "off".
    OnOff,
    /// `true` and `false` are words; nothing is no text.
    Data,
    /// A part of the text of a boolean attribute, which is there whatever the value is: a mistake that development
    /// tells.
    PartOfBoolean,
}

impl Values {
    /// Its letter among a template's value kinds.
    pub(super) fn letter(self) -> char {
        match self {
            Values::Any => 't',
            Values::Text => 'r',
            Values::Boolean => 'b',
            Values::BooleanOfOther => 'q',
            Values::Optional => 'o',
            Values::TrueFalse => 'e',
            Values::YesNo => 'y',
            Values::OnOff => 'n',
            Values::Data => 'd',
            Values::PartOfBoolean => 'p',
        }
    }

    /// Whether the attribute can be absent, so that a slot stands for all of it.
    pub(super) fn comes_and_goes(self) -> bool {
        !matches!(self, Values::Any | Values::Text | Values::Data)
    }
}

/// The meaning of a value that is the whole text of this attribute. The name is in lower case.
pub(super) fn of(name: &str) -> Values {
    if let Some(name) = name.strip_prefix("aria-") {
        return aria(name);
    }
    if let Some(name) = name.strip_prefix("data-") {
        return data(name);
    }
    match name {
        // The boolean attributes of HTML, its obsolete ones among them.
        "allowfullscreen"
        | "alpha"
        | "async"
        | "autofocus"
        | "autoplay"
        | "checked"
        | "compact"
        | "controls"
        | "credentialless"
        | "default"
        | "defer"
        | "disabled"
        | "disablepictureinpicture"
        | "disableremoteplayback"
        | "formnovalidate"
        | "inert"
        | "ismap"
        | "itemscope"
        | "loop"
        | "multiple"
        | "muted"
        | "nohref"
        | "nomodule"
        | "noresize"
        | "noshade"
        | "novalidate"
        | "nowrap"
        | "open"
        | "playsinline"
        | "readonly"
        | "required"
        | "reversed"
        | "selected"
        | "shadowrootclonable"
        | "shadowrootdelegatesfocus"
        | "shadowrootserializable"
        | "webkitdirectory" => Values::Boolean,
        // There or not, and with a text something else again.
        "capture" | "crossorigin" | "download" | "hidden" | "popover" => Values::Optional,
        // With an empty text, these attributes mean something else than without being there.
        "for" | "form" | "pattern" => Values::Optional,
        "l-loading" | "l-loading-text" => Values::Optional,
        // Enumerated attributes, also those of SVG.
        "contenteditable"
        | "draggable"
        | "externalresourcesrequired"
        | "focusable"
        | "preservealpha"
        | "spellcheck"
        | "writingsuggestions" => Values::TrueFalse,
        "translate" => Values::YesNo,
        "autocapitalize" | "autocomplete" | "autocorrect" => Values::OnOff,
        _ => Values::Text,
    }
}

/// Of `aria-` and this name.
fn aria(name: &str) -> Values {
    match name {
        // Texts, ids and numbers: "false" would be read out, or be an element's id.
        "activedescendant"
        | "braillelabel"
        | "brailleroledescription"
        | "colcount"
        | "colindex"
        | "colindextext"
        | "colspan"
        | "controls"
        | "describedby"
        | "description"
        | "details"
        | "errormessage"
        | "flowto"
        | "keyshortcuts"
        | "label"
        | "labelledby"
        | "level"
        | "owns"
        | "placeholder"
        | "posinset"
        | "roledescription"
        | "rowcount"
        | "rowindex"
        | "rowindextext"
        | "rowspan"
        | "setsize"
        | "valuemax"
        | "valuemin"
        | "valuenow"
        | "valuetext" => Values::Optional,
        _ => Values::TrueFalse,
    }
}

/// Of `data-` and this name.
fn data(name: &str) -> Values {
    match name {
        // The client's own.
        "l-confirm-leave" | "l-debounce" | "l-detail" | "l-disable" | "l-ignore" | "l-keep"
        | "l-loading" | "l-loading-text" | "l-model-lazy" | "l-model-trim" | "l-prevent"
        | "l-recover" | "l-stop" | "l-throttle" => Values::Optional,
        // The name of a prop, or an empty text.
        "l-model" => Values::Text,
        // A handler's name, or an empty text.
        _ if name.starts_with("l-on-") => Values::Text,
        _ if name
            .strip_prefix("l-")
            .is_some_and(|event| super::EVENTS.contains(&event)) =>
        {
            Values::Text
        }
        _ => Values::Data,
    }
}
