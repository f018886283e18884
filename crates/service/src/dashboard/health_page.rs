//! How the desk does.

use super::layout::{Tone, note, page as laid_out, table, time};
use super::viewer::Viewer;
use crate::api::problem::Problem;
use crate::audit;
use crate::desk::Desk;
use axum::extract::State;
use maud::{Markup, html};
use std::sync::Arc;

const NEWEST: i64 = 50;
const LOOKED_AT: i64 = 2000;

/// Health: figures, the audit log and whether it is as it was written.
pub(super) async fn page(State(desk): State<Arc<Desk>>, viewer: Viewer) -> Result<Markup, Problem> {
    let secret = Arc::clone(&desk.secret);
    let found = desk.store.read(move |db| {
        // All of a long log takes a while: the interface looks at it.
        let newest = audit::newest(db)?;
        let check = audit::check(db, &secret, (newest - LOOKED_AT).max(0))?;
        let entries = audit::entries(db, (newest - NEWEST).max(0), NEWEST)?;
        Ok((check, entries, crate::metrics::text(db)?))
    });
    let (check, entries, figures) = found.await?;
    let rows = entries.iter().rev().map(|entry| {
        vec![
            html! { (entry.number) },
            time(&entry.at),
            html! { (entry.actor) },
            html! { (entry.action.replace('_', " ")) },
            html! { (super::layout::short(&entry.object)) },
            html! { (entry.detail) },
        ]
    });
    let rows: Vec<Vec<Markup>> = rows.collect();
    Ok(laid_out(
        &viewer,
        "Health",
        &html! {
            @match check.altered_at {
                None => (note(Tone::Good, &format!("The newest entries of the audit log are as they were written: {} in all.", check.entries))),
                Some(at) => (note(Tone::Bad, &format!("The audit log was changed at entry {at}."))),
            }
            h2 { "Newest entries" }
            (table("Audit log", &["Entry", "When", "Who", "What", "Of", "More"], &rows, "No entry yet."))
            h2 { "Figures" }
            pre tabindex="0" { (figures) }
        },
    ))
}
