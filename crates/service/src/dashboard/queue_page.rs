//! The queue: what is open, when it is due, what an operator has to see to; and the models.

use super::layout::{Tone, mark, note, page as laid_out, short, table, time};
use super::viewer::Viewer;
use crate::api::extract::Query;
use crate::api::models::{Model, all};
use crate::api::problem::Problem;
use crate::api::requests::Standing;
use crate::desk::Desk;
use crate::queue::{self, Page, RequestCounts};
use crate::state::RequestState;
use axum::extract::State;
use maud::{Markup, html};
use serde::Deserialize;
use std::sync::Arc;

const ROWS: i64 = 100;

#[derive(Default, Deserialize)]
pub(super) struct Which {
    state: Option<RequestState>,
    #[serde(default)]
    needs_operator: bool,
    after: Option<String>,
    by: Option<By>,
}

/// Open requests, by when they are due.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum By {
    Due,
    /// Past due alone.
    Late,
}

/// The queue.
pub(super) async fn page(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    Query(which): Query<Which>,
) -> Result<Markup, Problem> {
    let after = which.after.as_deref().and_then(Page::place);
    let page = Page {
        owner: None,
        state: which.state,
        attention: which.needs_operator,
        after,
        most: ROWS,
    };
    let by = which.by;
    let found = desk.store.read(move |db| {
        let rows = match by {
            None => queue::list(db, &page)?,
            Some(by) => queue::list_due(db, by == By::Late, page.after.clone(), ROWS)?,
        };
        Ok((rows, queue::counts(db)?, all(db)?))
    });
    let (rows, counts, models) = found.await?;
    let last = rows.last().filter(|_| rows.len() as i64 == ROWS);
    let older = last.map(|row| {
        match by {
            Some(By::Due) => return format!("/desk?by=due&after={}-{}", row.due_at, row.id),
            Some(By::Late) => return format!("/desk?by=late&after={}-{}", row.due_at, row.id),
            None => {}
        }
        let state = which
            .state
            .map(|state| format!("&state={}", state.as_str()));
        let attention = if which.needs_operator {
            "&needs_operator=true"
        } else {
            ""
        };
        let state = state.unwrap_or_default();
        format!(
            "/desk?after={}-{}{state}{attention}",
            row.received_at, row.id
        )
    });
    let rows: Vec<Standing> = rows.into_iter().map(Standing::from).collect();
    Ok(laid_out(
        &viewer,
        "Requests",
        &html! {
            (headline(&counts, &models))
            (filters(&which))
            (requests(&rows))
            @if let Some(older) = older {
            p { a href=(older) { @if by.is_some() { "Later ones" } @else { "Older requests" } } }
        }
            h2 id="models" { "Models" }
            (models_of(&models))
        },
    ))
}

fn headline(counts: &RequestCounts, models: &[Model]) -> Markup {
    let of = |state| {
        counts
            .states
            .iter()
            .find(|(s, _)| *s == state)
            .map_or(0, |(_, count)| *count)
    };
    let open = of(RequestState::Pending) + of(RequestState::InProgress);
    let troubled = models
        .iter()
        .filter(|model| model.trouble.is_some())
        .count();
    let text = match (counts.late, counts.attention) {
        (0, 0) => format!("{open} open, none late, none to see to."),
        (late, attention) => format!("{open} open, {late} late, {attention} to see to."),
    };
    match (counts.late, counts.attention, troubled) {
        (0, 0, 0) => note(Tone::Good, &text),
        (_, _, 0) => note(Tone::Bad, &text),
        (_, _, 1) => note(Tone::Bad, &format!("{text} 1 model in trouble.")),
        _ => note(Tone::Bad, &format!("{text} {troubled} models in trouble.")),
    }
}

fn filters(which: &Which) -> Markup {
    let link = |text: &str, address: &str, current: bool| {
        html! {
            a href=(address) aria-current=[current.then_some("page")] { (text) }
        }
    };
    let of = |state: RequestState| {
        let text = state.as_str().replace('_', " ");
        link(
            &text,
            &format!("/desk?state={}", state.as_str()),
            which.state == Some(state),
        )
    };
    html! {
        nav class="filters" aria-label="Which requests" {
            (link("all", "/desk", which.state.is_none() && !which.needs_operator && which.by.is_none()))
            (link("open, by when they are due", "/desk?by=due", which.by == Some(By::Due)))
            (link("late", "/desk?by=late", which.by == Some(By::Late)))
            (link("to see to", "/desk?needs_operator=true", which.needs_operator))
            (of(RequestState::Pending)) (of(RequestState::InProgress))
            (of(RequestState::Completed)) (of(RequestState::Cancelled))
        }
    }
}

fn requests(rows: &[Standing]) -> Markup {
    let rows = rows.iter().map(|row| {
        vec![
            html! { a href={ "/desk/requests/" (row.request_id) } { (short(&row.request_id)) } },
            state_of(row),
            html! { (time(&row.expected_completion_time)) @if row.late { " " (mark(Tone::Bad, "late")) } },
            time(&row.received_time),
            html! { (row.regulation) },
            html! { (row.owner) },
        ]
    });
    let rows: Vec<Vec<Markup>> = rows.collect();
    table(
        "Requests",
        &["Request", "Stands", "Due", "Received", "Regulation", "From"],
        &rows,
        "No such request.",
    )
}

/// Where a request stands, in a box.
pub(super) fn state_of(row: &Standing) -> Markup {
    let tone = match row.request_status {
        _ if row.needs_operator => Tone::Bad,
        RequestState::Completed => Tone::Good,
        _ => Tone::Plain,
    };
    let text = row.request_status.as_str().replace('_', " ");
    html! { (mark(tone, &text)) @if row.needs_operator { " " (mark(Tone::Bad, "see to it")) } }
}

fn models_of(models: &[Model]) -> Markup {
    let rows = models.iter().map(|model| {
        vec![
            html! { a href={ "/desk/models/" (model.name) } { (model.name) } },
            html! { (model.waiting) },
            html! { (model.forgotten) },
            html! { @if model.released > 0 { (model.released) } @else { "none" } },
            match &model.trouble {
                Some(trouble) => mark(Tone::Bad, &trouble.code),
                None => mark(Tone::Good, "well"),
            },
        ]
    });
    let rows: Vec<Vec<Markup>> = rows.collect();
    table(
        "Models",
        &[
            "Model",
            "Waiting",
            "To be released",
            "Newest release",
            "Health",
        ],
        &rows,
        "No model is registered.",
    )
}
