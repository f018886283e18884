//! Whether a model's folder has the run that the desk knows. Answers and releases are numbers in the ledger
//! of one run: in another, the same numbers are other people's.

use crate::error::ServiceError;
use crate::queue::ModelRow;
use rescind::Code;
use rescind::ledger::History;

/// Refuses the ledger of another run, or one from before what the desk knows of.
pub(crate) fn expect_known(model: &ModelRow, history: &History) -> Result<(), ServiceError> {
    let found = history.made().map(|made| made.identity().to_string());
    if model.identity.is_some() && found != model.identity {
        return Err(replaced(model, "it holds another run"));
    }
    let released = history.releases().last().map_or(0, |last| last.number);
    let (answered, released) = (history.request_count() as i64, released as i64);
    if answered < model.answered || released < model.released {
        let what = format!(
            "it holds the run as it was after {answered} answers and release {released}, and the desk \
             knows of answer {} and release {}: whoever was forgotten since is in it again",
            model.answered, model.released
        );
        return Err(replaced(model, &what));
    }
    if let Some(ledger) = &model.ledger
        && !history.holds(ledger)
    {
        let what = format!(
            "it holds the run put back from a copy: its ledger has no such entry {} as \
             the desk knows, so that somebody who was forgotten may be in it again",
            ledger.entries
        );
        return Err(replaced(model, &what));
    }
    Ok(())
}

/// Refuses a run by what tells it from others.
pub(crate) fn expect_identity(model: &ModelRow, found: &str) -> Result<(), ServiceError> {
    match model.identity.as_deref().is_none_or(|known| known == found) {
        true => Ok(()),
        false => Err(replaced(model, "it holds another run")),
    }
}

fn replaced(model: &ModelRow, what: &str) -> ServiceError {
    ServiceError::refused(
        Code::RunReplaced,
        format!(
            "{}: {what}. Nothing is done for model {} until the run that it was registered with is back, \
             or this one is put in its place (PUT /v1/models/{}, or rescind serve --model {}=RUN \
             --replace) and those are asked for again",
            model.folder.display(),
            model.name,
            model.name,
            model.name
        ),
    )
}
