//! Names that a certificate of the run would state.

use crate::error::Error;
use rescind_certificate::is_name;
use rescind_data::Manifest;
use rescind_unlearn::ModelDescription;

/// Refuses, before anything is trained, names that no certificate may state: it would be made for
/// nothing.
///
/// # Errors
/// [`rescind_unlearn::Error::Setting`].
pub(super) fn check_named(manifest: &Manifest, model: &ModelDescription) -> Result<(), Error> {
    let parts = model.smoothness.rough_parts();
    let parts = parts.iter().map(|part| ("a part of the model", &**part));
    let names = [
        ("the name of the records", manifest.dataset()),
        ("the model's kind", model.kind.as_str()),
    ];
    for (setting, name) in names.into_iter().chain(parts) {
        if !is_name(name) {
            return Err(rescind_unlearn::Error::Setting {
                setting,
                found: format!("{name:?}"),
                expected: "a name of 1 to 100 characters, a letter or a digit among them, single \
                           spaces, all of it shown on one line, since certificates state it; a file's records \
                           have the file's name",
            }
            .into());
        }
    }
    Ok(())
}
