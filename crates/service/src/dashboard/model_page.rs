//! A model: its releases, what everybody is promised today, its policy.

use super::chart;
use super::layout::{Tone, note, page as laid_out, table, time};
use super::viewer::Viewer;
use crate::api::at_delta::AtDelta;
use crate::api::extract::Path;
use crate::api::models::{Model, Trouble, shown};
use crate::api::problem::Problem;
use crate::api::releases::{file, with_history};
use crate::desk::Desk;
use crate::promises::{self, Promise, Release};
use crate::queue;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use maud::{Markup, html};
use rescind::certificate::upward;
use std::sync::Arc;

const NEWEST: usize = 100;

/// A model.
pub(super) async fn page(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    Path(name): Path<String>,
) -> Result<Markup, Problem> {
    let of = name.clone();
    let found = desk.store.read(move |db| {
        let model = queue::model(db, &of)?;
        let counted = queue::counted(db, &of)?;
        Ok(shown(model, counted))
    });
    let model = found.await?;
    let delta = model.policy.promise.map(|promise| promise.delta);
    let delta = AtDelta { delta }.delta()?;
    let look = with_history(&desk, name, move |history, _| {
        Ok((
            promises::releases(history),
            promises::promises(history, delta)?,
        ))
    });
    // Where its run cannot be read the page says so.
    let (releases, promised, unread) = match look.await {
        Ok((releases, promised)) => (releases, promised, None),
        Err(problem) => (Vec::new(), Vec::new(), Some(problem)),
    };
    let bound = model.policy.promise.map(|promise| promise.epsilon);
    let policy = serde_json::to_string_pretty(&model.policy).unwrap_or_default();
    Ok(laid_out(
        &viewer,
        &format!("Model {}", model.name),
        &html! {
            @if let Some(trouble) = &model.trouble {
                (note(Tone::Bad, &in_words(trouble)))
            }
            @if let Some(unread) = unread.as_ref().filter(|unread| !is_told(&model, unread)) {
                (note(Tone::Bad, &format!("{}: {}", unread.code, unread.detail)))
            }
            @if let Some(withdrawn) = &model.withdrawn_time {
                (note(Tone::Plain, &format!("Taken away on {}.", withdrawn.get(..10).unwrap_or(withdrawn))))
            }
            @for since in promised.first().map_or(&[][..], |promise| &promise.only_copy_said) {
                (note(Tone::Plain, &format!("Said to be the only copy: {since}. That no other released anything rests on that word.")))
            }
            dl {
                dt { "Waiting" } dd { (model.waiting) }
                dt { "To be released" } dd {
                    (model.forgotten)
                    @if model.refused > 0 { " (" (model.refused) " refused: see to it)" }
                }
                dt { "Run" } dd { code { (model.run) } }
                @if model.outside { dt { "Answered by" } dd { "a worker in the program that has the module" } }
            }
            @if viewer.operates() && model.withdrawn_time.is_none() { (forms(&viewer, &model)) }
            @if unread.is_none() {
                h2 { "Promised today, at δ " (delta.value()) }
                @if let Some(picture) = chart::promises(&promised, bound) { (picture) }
                (promise_table(&promised))
                h2 { "Releases" }
                (release_table(&model.name, &releases))
            } @else {
                p { "What is promised and which releases there are cannot be told while its run cannot be read." }
            }
            h2 { "Policy" }
            pre tabindex="0" { (policy) }
        },
    ))
}

/// What is wrong with it, and when it is tried again.
fn in_words(trouble: &Trouble) -> String {
    let detail = trouble.detail.trim_end_matches('.');
    let text = format!("{}: {detail}.", trouble.code);
    match trouble.attempts {
        0 => text,
        1 => format!("{text} Tried once, again at {}.", trouble.next_time),
        attempts => format!(
            "{text} Tried {attempts} times, again at {}.",
            trouble.next_time
        ),
    }
}

/// Whether the same is told of it already.
fn is_told(model: &Model, unread: &Problem) -> bool {
    let told = model.trouble.as_ref();
    told.is_some_and(|trouble| trouble.code == unread.code || trouble.detail == unread.detail)
}

fn forms(viewer: &Viewer, model: &Model) -> Markup {
    html! {
        div class="forms" {
            form method="post" action={ "/desk/models/" (model.name) "/retry" } {
                input type="hidden" name="word" value=(viewer.word);
                button type="submit" { "Try again what is held" }
            }
            @if model.policy.release.noise.is_some() && model.forgotten > 0 {
                form method="post" action={ "/desk/models/" (model.name) "/release" } {
                    input type="hidden" name="word" value=(viewer.word);
                    button type="submit" { "Release now, as the policy says" }
                }
            }
        }
    }
}

fn promise_table(promises: &[Promise]) -> Markup {
    let rows = promises.iter().rev().take(NEWEST).map(|promise| {
        vec![
            html! { @if let Some(answer) = promise.answer { (answer) } },
            time(promise.answered_at.as_deref().unwrap_or("")),
            html! { (promise.records) },
            html! { (promise.releases) },
            html! { (promise.earlier_releases) },
            epsilon(promise),
            html! { @if promise.insecure_noise { "void to who knows the seed" } @else if let Some(kind) = &promise.kind { (kind) } },
        ]
    });
    let rows: Vec<Vec<Markup>> = rows.collect();
    let head = [
        "Answer",
        "When",
        "Records",
        "Releases since",
        "Before",
        "ε today",
        "Rests on",
    ];
    table(
        "Promised today",
        &head,
        &rows,
        "Nothing was asked of it yet.",
    )
}

/// ε today, and whether it is worth anything.
pub(super) fn epsilon(promise: &Promise) -> Markup {
    html! {
        @match promise.epsilon {
            Some(epsilon) => (upward(epsilon)),
            None if promise.releases == 0 => "not released",
            None => "none",
        }
        @if promise.protects_nobody { " (protects nobody)" }
    }
}

fn release_table(model: &str, releases: &[Release]) -> Markup {
    let link = |number: u64, file: &str, text: &str| {
        html! {
            a href={ "/desk/models/" (model) "/releases/" (number) "/" (file) } { (text) }
        }
    };
    let rows = releases.iter().rev().take(NEWEST).map(|release| {
        vec![
            html! { (release.number) },
            time(&release.released_at),
            html! { (upward(release.epsilon)) " at δ " (release.delta) },
            html! { (release.kind) },
            html! { (link(release.number, "certificate.txt", "certificate")) " " (link(release.number, "certificate.json", "signed")) " " (link(release.number, "weights.safetensors", "weights")) },
        ]
    });
    let rows: Vec<Vec<Markup>> = rows.collect();
    table(
        "Releases",
        &["Release", "When", "ε alone", "Rests on", "Files"],
        &rows,
        "Nothing was released yet.",
    )
}

/// A file of a release, for whoever is signed in.
pub(super) async fn download(
    State(desk): State<Arc<Desk>>,
    _: Viewer,
    Path((model, release, name)): Path<(String, String, String)>,
) -> Result<(HeaderMap, Body), Problem> {
    file(&desk, model, &release, &name).await
}
