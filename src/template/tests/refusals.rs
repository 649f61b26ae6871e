//! Templates that are refused when they are compiled, and the messages.

use super::*;

#[test]
fn names_of_tags() {
    all(
        &[
            "<${x}>",
            "<${x} a>",
            "<d${x}>",
            "<d-${x} a='b'>",
            "a<${x}/>",
            "<${x}a>",
        ],
        |fault| *fault == Fault::TagName,
    );
    all(
        &[
            "</${x}>",
            "<b></b${x}>",
            "</b ${x}>",
            "</b a='${x}'>",
            "</b a=${x}>",
            "</${x}",
        ],
        |fault| matches!(fault, Fault::EndTag | Fault::Ends(_)),
    );
    // Never finished, so never reported.
    all(
        &["<${x}", "<b ${x}", "<b a='${x}", "<b a=${x}", "<li><"],
        |fault| matches!(fault, Fault::Ends(_)),
    );
}

#[test]
fn names_of_attributes() {
    all(
        &[
            "<b ${x}>",
            "<b ${x}='y'>",
            "<b a${x}>",
            "<b a${x}='b'>",
            "<b ${x}a>",
            "<b a='b'${x}>",
            "<b /${x}>",
            "<b ='${x}'>",
            "<b a ${x}>",
            "<b data-${x}='y'>",
            "<b '${x}'>",
            "<b \"${x}\">",
            "<b <${x}>",
            "<b @${x}='y'>",
            "<b ?${x}=${y}>",
            "<b @click.${x}='y'>",
        ],
        |fault| *fault == Fault::AttributeName,
    );
    all(&["<b =a>", "<b a='' =b>${x}"], |fault| {
        *fault == Fault::StrayEquals
    });
}

#[test]
fn what_is_apart_from_the_page() {
    all(
        &[
            "<template>${x}</template>",
            "<template><p>${x}</p></template>",
            "<template><p title='${x}'></p></template>",
            "<template><p ?hidden=${x}></p></template>",
            "<template><p @click=${x}></p></template>",
            "<template><textarea>${x}</textarea></template>",
            "<template><template>a</template><b>${x}</b></template>",
            "<template><svg><text>${x}</text></svg></template>",
            "<template><svg><circle r='${x}'/></svg></template>",
            "<svg><foreignObject><template>${x}</template></foreignObject></svg>",
            "<table><template><tr><td>${x}</td></tr></template></table>",
            "<template><p>a<p>${x}",
            "<TEMPLATE>${x}</TEMPLATE>",
        ],
        |fault| *fault == Fault::Apart { shadow: false },
    );
    all(
        &[
            "<x-y><template shadowrootmode='open'><p>${x}</p></template></x-y>",
            "<x-y><template shadowrootmode=closed>a<slot></slot><b title='${x}'></b></template></x-y>",
            "<x-y><template shadowrootmode=open shadowrootdelegatesfocus='${x}'></template></x-y>",
            "<x-y><template ShadowRootMode=OPEN id='${x}'></template></x-y>",
            "<x-y><template shadowrootmode=open><svg><text>${x}</text></svg></template></x-y>",
        ],
        |fault| *fault == Fault::Apart { shadow: true },
    );
    let error = compile("<template><p>${x}</p></template>").map_err(|error| error.to_string());
    assert_eq!(
        error,
        Err("Slot 1 of a template stands inside <template>, whose content is no part of the page: \
             `<template><p>${1}</p></template>`. Write the template's content out, or show the elements themselves in \
             the place of <template>; data for a script goes into an attribute of the template: \
             <template data-name=\"${…}\">."
            .to_owned())
    );
    for template in [
        "<template>a</template>${x}",
        "<template data-name='${x}'><b>a</b></template>",
        "<x-y title='${x}'><template shadowrootmode=open><slot></slot></template>${x}</x-y>",
        "<template><b @click='go'>a</b></template><b @click=${x}></b>",
        "<template shadowrootmode=other id='${x}'></template>",
    ] {
        compiled(template);
    }
}

#[test]
fn unquoted_values() {
    all(
        &[
            "<b a=${x}>",
            "<b a= ${x}>",
            "<b a=b${x}>",
            "<b a=${x}'y'>",
            "<a href=${x}>",
            "<a href=/${x}>",
            "<b style=${x}>",
            "<b a=`${x}`>",
            "<b @click=a${x}>",
            "<b @click=${x}/>",
            "<b a=${x}${y}>",
        ],
        |fault| matches!(fault, Fault::Unquoted(_)),
    );
    assert_eq!(fault("<b @click=a${x}>"), Fault::Unquoted("@click".into()));
}

#[test]
fn comments_and_their_like() {
    all(
        &[
            "<!--${x}-->",
            "<!-- a ${x} -->",
            "<!${x}>",
            "<!-${x}>",
            "<?${x}>",
            "<?xml ${x}?>",
            "</ ${x}>",
            "</1${x}>",
            "<!doc${x}>",
            "<!-- <b> ${x} </b> -->",
            "<!-- -- > ${x} -->",
            "<!--${x}",
        ],
        |fault| *fault == Fault::Comment,
    );
    all(
        &["<!doctype ${x}>", "<!doctype html SYSTEM '${x}'>"],
        |fault| *fault == Fault::Doctype,
    );
    all(&["<!doctype html x ${x}>"], |fault| *fault == Fault::Unread);
    all(
        &[
            "<![CDATA[${x}]]>",
            "<svg><![CDATA[ > ]]>${x}</svg>",
            "<![CDATA[x]]>",
            "<svg><![CDATA[x]]>",
        ],
        |fault| *fault == Fault::Cdata,
    );
}

#[test]
fn raw_text() {
    for element in [
        "script", "style", "iframe", "xmp", "noembed", "noframes", "noscript",
    ] {
        let expected = Fault::RawText(element.to_owned());
        for inside in ["${x}", "a ${x}", "<b>${x}</b>", "'${x}'", "/*${x}*/"] {
            assert_eq!(fault(&format!("<{element}>{inside}</{element}>")), expected);
            assert_eq!(
                fault(&format!("<{element} a='b'>{inside}</{element}>")),
                expected
            );
        }
    }
    all(
        &[
            "<script>a</scriptx>${x}</script>",
            "<script><!--<script></script>${x}</script>",
        ],
        |fault| matches!(fault, Fault::RawText(_)),
    );
    all(&["<plaintext>${x}", "a<plaintext>"], |fault| {
        *fault == Fault::Plaintext
    });
    // Ordinary attributes of these elements, and text after them, are fine.
    compiled("<script nonce='${x}'>if (a < b) c()</script>${y}<style>a > b {}</style>${z}");
}

#[test]
fn escapable_text_after_a_less_than_sign() {
    all(
        &[
            "<textarea></texta${x}</textarea>",
            "<textarea><${x}</textarea>",
            "<title><b>${x}</title>",
            "<textarea></${x}</textarea>",
            "<title>${x}</titl${y}</title>",
        ],
        |fault| matches!(fault, Fault::AfterLessThan(_)),
    );
    compiled("<title>a &lt; ${x} < </title>");
}

#[test]
fn attributes_that_are_never_safe() {
    all(
        &[
            "<b onclick='${x}'>",
            "<b OnClick=\"a(${x})\">",
            "<b onfuture='${x}'>",
            "<b onclick=${x}>",
        ],
        |fault| matches!(fault, Fault::EventAttribute(_)),
    );
    all(
        &[
            "<iframe srcdoc='${x}'></iframe>",
            "<iframe srcdoc=${x}></iframe>",
            "<script src='${x}'></script>",
            "<script type='${x}'></script>",
            "<svg><script href='${x}'></script>",
            "<svg><script xlink:href='${x}'></script>",
            "<base href='${x}'>",
            "<base target='_top' href='/${x}'>",
            "<meta http-equiv='refresh' content='${x}'>",
            "<meta content='0;url=${x}' http-equiv=Refresh>",
            "<meta http-equiv='&#114;efresh' content='${x}'>",
            "<meta http-equiv='${x}' content='a'>",
            "<meta content='${x}' http-equiv='${y}'>",
            "<svg><set attributeName='${x}'>",
            "<svg><animate attributename='${x}' to='b'>",
            "<math><annotation-xml encoding='text/${x}'></annotation-xml></math>",
            "<template shadowrootmode='${x}'></template>",
        ],
        |fault| matches!(fault, Fault::Forbidden { .. }),
    );
    compiled("<meta name='description' content='${x}'><base target='${y}'>");
    compiled("<meta http-equiv='content-language' content='${x}'>");
}

#[test]
fn duplicates() {
    all(
        &[
            "<b a='1' a='2'>",
            "<a href='/' HREF='${x}'>",
            "<b a='${x}' a='${y}'>",
            "<b a a>",
            "<b @click='a' data-l-click='b'>",
            "<b @click='a' @click.stop='b'>",
            "<b disabled ?disabled=${x}>",
            "<b @click.prevent='a' data-l-prevent='true'>",
        ],
        |fault| matches!(fault, Fault::Duplicate { .. }),
    );
    compiled("<b a='1'><b a='2'></b a='1' a='2'>");
}

#[test]
fn templates_end_in_text() {
    all(
        &[
            "<",
            "a<b",
            "<b",
            "<b ",
            "<b a",
            "<b a=",
            "<b a=c",
            "<b a='",
            "<b a='>",
            "</b",
            "<!-- a",
            "<!doctype",
            "<textarea>",
            "<title>${x}",
            "<script>",
            "<style>a",
            "<b>${x}</b",
            "<textarea></texta",
            "<!",
            "<?a",
            "<textarea/>",
            "<noscript>",
        ],
        |fault| matches!(fault, Fault::Ends(_)),
    );
    for fine in [
        "<li>", "</li>", "a < b", "<br/>", "<svg><g>", "&", "&am", "<b>'\"", "a>", "<!---->",
    ] {
        compiled(fine);
    }
}

#[test]
fn content_that_reads_two_ways() {
    all(
        &[
            "<svg><title><a title=\"</title><b x=\"${x}\">",
            "<svg><style><!--</style>${x}-->",
            "<math><textarea><!--</textarea>${x}",
            "<select><title><!--</title>${x}",
            "<noscript><p title=\"</noscript>${x}\"></noscript>",
            "<noscript><style></noscript>${x}</style>",
            "<svg><title><style></title>${x}",
            "<title><!--</title>${x}",
            "<style>a<b</style>",
            "<xmp><![CDATA[</xmp>${x}",
            "<svg><script>a<b</script>",
        ],
        |fault| matches!(fault, Fault::Ambiguous(_)),
    );
    compiled("<svg><title>${x}</title><style>a{}</style></svg><script>a<b</script>");
    compiled("<style>@media (400px <= width <700px) { a > b {} }</style>${x}");
    compiled("<noscript><img src='/a'></noscript>${x}");
}

#[test]
fn styles() {
    all(
        &[
            "<b style='background: url(${x})'>",
            "<b style=\"background: url('${x}')\">",
            "<b style='background: ur&#108;(${x})'>",
            "<b style='a: b; ${x}'>",
            "<b style='${x}: a'>",
            "<b style='a: b /* ${x} */'>",
            "<b style='${x}${y}'>",
            "<b style='a: \\${x}'>",
        ],
        |fault| matches!(fault, Fault::Style(_)),
    );
}

#[test]
fn nul() {
    assert_eq!(fault("a\0b"), Fault::Nul);
    assert_eq!(fault("<b a='\0${x}'>"), Fault::Nul);
}

#[test]
fn forged_markers() {
    // Whatever the marker is: text that spells one does not stand for a slot.
    let template = compiled("zq0q0x <b a='zq1q0x'>${x}</b>");
    assert_eq!(html(&template, &["!"]), "zq0q0x <b a='zq1q0x'>!</b>");
    assert_eq!(fault("<!doctype html x ${x}>&#122;q0q0x"), Fault::Unread);
}

#[test]
fn messages() {
    let message = |template: &str| {
        compile(template)
            .map(|_| ())
            .map_err(|e| (e.slot(), e.to_string()))
    };
    assert_eq!(
        message("<p>${a}</p><a href=${b}>${c}</a>"),
        Err((
            Some(2),
            "Slot 2 of a template stands in the unquoted value of attribute href: \
             `<p>${…}</p><a href=${2}>${…}</a>`. Put quotes around the value: href=\"${…}\"."
                .to_owned()
        ))
    );
    assert_eq!(
        message("<b @dbclick='x'>${a}</b>"),
        Err((
            None,
            "A template binds an unknown event, @dbclick: `<b @dbclick='x'>${…}</b>`. \
             The events are click, input, change, submit, reset, keydown, keyup, focus, blur and all others of the browser. \
             An event of your own needs a hyphen or a colon in its name, or is written out, as in data-l-on-picked=\"pick\"."
                .to_owned()
        ))
    );
    assert_eq!(
        message("<b>${x}</b><!-- a"),
        Err((
            None,
            "A template does not end in text but inside a comment: `<b>${…}</b><!-- a`. Close it: \
             a template may leave elements open, but no tag, quote, comment or raw text."
                .to_owned()
        ))
    );
}
