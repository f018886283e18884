//! What an operator does from a page, by a form that was made for them.

use super::viewer::Viewer;
use crate::api::extract::Path;
use crate::api::models::retried;
use crate::api::problem::Problem;
use crate::desk::Desk;
use crate::queue;
use crate::secret::fresh_name;
use axum::extract::{Form, State};
use axum::response::Redirect;
use rescind::Code;
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize)]
pub(super) struct Sent {
    word: String,
}

/// Takes a request back.
pub(super) async fn cancel(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    Path(id): Path<String>,
    Form(sent): Form<Sent>,
) -> Result<Redirect, Problem> {
    viewer.expect(&sent.word)?;
    let (secret, back) = (Arc::clone(&desk.secret), format!("/desk/requests/{id}"));
    let actor = viewer.bearer.actor();
    desk.store
        .write(move |db| queue::cancel(db, &secret, &actor, &id))
        .await?;
    Ok(Redirect::to(&back))
}

/// Says that nothing more is to be done in a model.
pub(super) async fn dismiss(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    Path((id, model)): Path<(String, String)>,
    Form(sent): Form<Sent>,
) -> Result<Redirect, Problem> {
    viewer.expect(&sent.word)?;
    let (secret, back) = (Arc::clone(&desk.secret), format!("/desk/requests/{id}"));
    let actor = viewer.bearer.actor();
    desk.store
        .write(move |db| queue::dismiss(db, &secret, &actor, &id, &model))
        .await?;
    Ok(Redirect::to(&back))
}

/// Tries again what is held.
pub(super) async fn retry(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    Path(model): Path<String>,
    Form(sent): Form<Sent>,
) -> Result<Redirect, Problem> {
    viewer.expect(&sent.word)?;
    retried(&desk, &viewer.bearer, model.clone()).await?;
    Ok(Redirect::to(&format!("/desk/models/{model}")))
}

/// Orders a release as the policy has it.
pub(super) async fn release(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    Path(model): Path<String>,
    Form(sent): Form<Sent>,
) -> Result<Redirect, Problem> {
    viewer.expect(&sent.word)?;
    let (secret, id, of) = (Arc::clone(&desk.secret), fresh_name()?, model.clone());
    let actor = viewer.bearer.actor();
    let ordered = desk.store.write(move |db| {
        let choice = queue::model(db, &of)?.policy.release().ok_or_else(|| {
            crate::ServiceError::refused(Code::NoNoise, "the policy says nothing of noise")
        })?;
        queue::order_release(db, &secret, &actor, &id, &of, &choice)
    });
    ordered.await?;
    Ok(Redirect::to(&format!("/desk/models/{model}")))
}
