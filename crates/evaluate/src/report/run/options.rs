//! What a report may have besides what it always has.

use crate::attack::AttackSettings;
use crate::audit::Audit;

/// What to put into a report besides what always is.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Show some of the forgotten records with what the models say of them: personal data.
    pub show_records: bool,
    /// Measure the spectrum of the Hessian, which costs some hundreds of products.
    pub spectrum: bool,
    /// Attack the models by these settings, which takes longer the more records were forgotten.
    pub attack: Option<AttackSettings>,
    /// An audit that was made.
    pub audit: Option<Audit>,
}
