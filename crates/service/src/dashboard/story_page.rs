//! A request's story: what was done about it, model by model, and what is promised today.

use super::layout::{Tone, mark, page as laid_out, short, table, time};
use super::queue_page::state_of;
use super::viewer::Viewer;
use crate::api::at_delta::AtDelta;
use crate::api::extract::Path;
use crate::api::problem::Problem;
use crate::api::receipts::{Receipt, made};
use crate::audit::{self, AuditEntry};
use crate::desk::Desk;
use crate::state::{PartState, RequestState};
use axum::extract::State;
use maud::{Markup, html};
use rescind::Code;
use std::sync::Arc;

/// A request's story.
pub(super) async fn page(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    Path(id): Path<String>,
) -> Result<Markup, Problem> {
    let delta = AtDelta::default().delta()?;
    let receipt = made(&desk, id.clone(), None, delta).await?;
    let entries = desk.store.read(move |db| audit::of_object(db, &id)).await?;
    let standing = &receipt.standing;
    let cancels = viewer.operates() && standing.request_status == RequestState::Pending;
    let title = format!("Request {}", short(&standing.request_id));
    Ok(laid_out(
        &viewer,
        &title,
        &html! {
            dl {
                dt { "Stands" } dd { (state_of(standing)) }
                dt { "Due" } dd { (time(&standing.expected_completion_time)) @if standing.late { " " (mark(Tone::Bad, "late")) } }
                dt { "Received" } dd { (time(&standing.received_time)) " from " (standing.owner) }
                dt { "Regulation" } dd { (standing.regulation) }
                @if let Some(finished) = &standing.finished_time { dt { "Finished" } dd { (time(finished)) } }
                dt { "Name" } dd { code { (standing.request_id) } }
            }
            @if cancels {
                form method="post" action={ "/desk/requests/" (standing.request_id) "/cancel" } {
                    input type="hidden" name="word" value=(viewer.word);
                    button type="submit" { "Cancel it" }
                }
            }
            h2 { "In each model" }
            (parts(&viewer, &receipt))
            h2 { "What was done" }
            (done(&entries))
        },
    ))
}

fn parts(viewer: &Viewer, receipt: &Receipt) -> Markup {
    let rows = receipt.models.iter().map(|part| {
        let tone = match part.state {
            PartState::Held => Tone::Bad,
            PartState::Withdrawn | PartState::Dismissed => Tone::Plain,
            state if state.is_over() => Tone::Good,
            _ if part.code.is_some() => Tone::Bad,
            _ => Tone::Plain,
        };
        let promise = part.promise.as_ref();
        vec![
            html! { a href={ "/desk/models/" (part.model) } { (part.model) } },
            mark(tone, &part.state.as_str().replace('_', " ")),
            html! { @if let Some(records) = part.records { (records) } },
            html! {
                @if let Some(release) = part.release {
                    a href={ "/desk/models/" (part.model) "/releases/" (release) "/certificate.txt" } { (release) }
                }
            },
            html! {
                @if let Some(promise) = promise { (super::model_page::epsilon(promise)) }
                @if let Some(code) = &part.promise_code { code { (code) } }
            },
            html! { @if let Some(kind) = promise.and_then(|promise| promise.kind.as_ref()) { (kind) } },
            html! { @if let Some(code) = &part.code { (meaning(code)) " " code { (code) } } },
            html! {
                @if part.state == PartState::Held && viewer.operates() {
                    form method="post" action={ "/desk/requests/" (receipt.standing.request_id) "/models/" (part.model) "/dismiss" } {
                        input type="hidden" name="word" value=(viewer.word);
                        button type="submit" { "Nothing more to do" }
                    }
                }
            },
        ]
    });
    let rows: Vec<Vec<Markup>> = rows.collect();
    let head = [
        "Model",
        "Stands",
        "Records",
        "Release",
        "Promised today (δ 1e-5)",
        "Rests on",
        "Why",
        "",
    ];
    table("In each model", &head, &rows, "No model is concerned.")
}

/// A code in words.
fn meaning(code: &str) -> &'static str {
    let found = Code::ALL.iter().find(|known| known.as_str() == code);
    found.map_or("", |known| known.meaning())
}

fn done(entries: &[AuditEntry]) -> Markup {
    html! {
        ol class="story" {
            @for entry in entries {
                li { (time(&entry.at)) " " (entry.action.replace('_', " ")) @if entry.actor != "desk" { " by " (entry.actor) } @if !entry.detail.is_empty() { ": " (entry.detail) } }
            }
        }
    }
}
