//! What all pages look like.

use super::viewer::Viewer;
use maud::{DOCTYPE, Markup, html};

/// How good news is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Plain,
    Bad,
}

impl Tone {
    fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Plain => "plain",
            Self::Bad => "bad",
        }
    }
}

/// A page for whoever is signed in.
pub(super) fn page(viewer: &Viewer, title: &str, content: &Markup) -> Markup {
    let nav = html! {
        nav aria-label="Desk" {
            a href="/desk" { "Requests" }
            a href="/desk#models" { "Models" }
            a href="/desk/health" { "Health" }
            form method="post" action="/desk/logout" {
                button type="submit" class="link" { "Sign out (" (viewer.bearer.owner) ", " (viewer.bearer.role) ")" }
            }
        }
    };
    document(title, Some(&nav), content)
}

/// A page for whoever is not.
pub(super) fn plain(title: &str, content: &Markup) -> Markup {
    document(title, None, content)
}

fn document(title: &str, nav: Option<&Markup>, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { (title) " · Deletion desk" }
                link rel="stylesheet" href="/desk/style.css";
            }
            body {
                a class="skip" href="#content" { "Skip to the content" }
                header {
                    p class="brand" { a href="/desk" { "Deletion desk" } }
                    @if let Some(nav) = nav { (nav) }
                }
                main id="content" {
                    h1 { (title) }
                    (content)
                }
            }
        }
    }
}

/// A sentence that stands out.
pub(super) fn note(tone: Tone, text: &str) -> Markup {
    html! { p role="status" class={ "note " (tone.class()) } { (text) } }
}

/// A word in a box.
pub(super) fn mark(tone: Tone, text: &str) -> Markup {
    html! { span class={ "mark " (tone.class()) } { (text) } }
}

/// A table with a name, which is wider than a phone and scrolls by itself there.
pub(super) fn table(name: &str, head: &[&str], rows: &[Vec<Markup>], none: &str) -> Markup {
    html! {
        @if rows.is_empty() {
            p class="quiet" { (none) }
        } @else {
            div class="scroll" tabindex="0" role="region" aria-label=(name) {
                table {
                    caption class="hidden" { (name) }
                    thead { tr { @for cell in head { th scope="col" { (cell) } } } }
                    tbody { @for row in rows { tr { @for cell in row { td { (cell) } } } } }
                }
            }
        }
    }
}

/// A time, to the minute, in UTC.
pub(super) fn time(rfc3339: &str) -> Markup {
    let shown = rfc3339.get(..16).unwrap_or(rfc3339).replace('T', " ");
    html! { time datetime=(rfc3339) { (shown) " UTC" } }
}

/// The first letters of a long name.
pub(super) fn short(name: &str) -> &str {
    name.get(..8).unwrap_or(name)
}
