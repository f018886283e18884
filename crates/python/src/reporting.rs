//! Reports and audits of a run.

use rescind::{Observer, Run};
use rescind_evaluate::attack::AttackSettings;
use rescind_evaluate::audit::{self, AuditError, AuditSettings, Extent};
use rescind_evaluate::report::{self, Options, ReportError, WriteError};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// What to put on the page besides what always is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportSettings {
    attacks: bool,
    audit: bool,
    spectrum: bool,
    show_records: bool,
}

/// Why no report was written.
pub enum ReportFailure {
    Report(Box<ReportError>),
    Audit(Box<AuditError>),
    Write(Box<WriteError>),
}

/// Writes the page and, if a folder is given, its figures; returns what was written.
pub fn write_report(
    run: &Run,
    out: &Path,
    figures: Option<&Path>,
    settings: &ReportSettings,
    observer: &mut dyn Observer,
) -> Result<Vec<PathBuf>, ReportFailure> {
    let audit = match settings.audit {
        true => {
            let usual = AuditSettings::default();
            let found = audit::of_run(run, &usual, Extent::Noise, None, observer);
            Some(found.map_err(|error| ReportFailure::Audit(Box::new(error)))?)
        }
        false => None,
    };
    let options = Options {
        show_records: settings.show_records,
        spectrum: settings.spectrum,
        attack: settings.attacks.then(AttackSettings::default),
        audit,
    };
    let page = report::of_run(run, &options, observer)
        .map_err(|error| ReportFailure::Report(Box::new(error)))?;
    page.write(out)
        .map_err(|error| ReportFailure::Write(Box::new(error)))?;
    let mut written = vec![out.to_owned()];
    if let Some(folder) = figures {
        let drawn = page.write_figures(folder);
        written.extend(drawn.map_err(|error| ReportFailure::Write(Box::new(error)))?);
    }
    Ok(written)
}

/// Audits the newest release: what was found, as JSON.
pub fn audited(
    run: &Run,
    settings: &AuditSettings,
    full: bool,
    observer: &mut dyn Observer,
) -> Result<String, AuditError> {
    let extent = match full {
        true => Extent::Full,
        false => Extent::Noise,
    };
    let audit = audit::of_run(run, settings, extent, None, observer)?;
    let mut told = serde_json::to_value(&audit).map_err(rescind::Error::Document)?;
    told["holds"] = audit.holds().into();
    Ok(told.to_string())
}
