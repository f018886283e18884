//! Noise within the method, and what follows it.

use super::collector::Collector;
use crate::facts::FollowedBy;
use crate::noising::schedule;
use crate::record::Certificate;

/// Bounds of noisy fine-tuning stand alone, and alone let training follow the noise.
pub fn agrees(certificate: &Certificate, all: &mut Collector) {
    let epochs = certificate.method.number("/recovery_epochs");
    let epochs = epochs.filter(|e| *e >= 0.0 && e.fract() <= 0.0);
    let recovers = epochs.is_some_and(|epochs| epochs > 0.0);
    let followed = certificate.noise.followed_by;
    if schedule(&certificate.bounds).is_none() {
        all.require(
            followed == FollowedBy::Nothing,
            "/noise/followed_by",
            format!("{followed:?}"),
            "nothing",
            "only fine-tuning goes on after the noise",
        );
        return;
    }
    all.require(
        epochs.is_some(),
        "/method/settings/recovery_epochs",
        epochs.map_or_else(|| "no whole number".to_owned(), |epochs| epochs.to_string()),
        "a whole number",
        "it says how long training followed the noise, 0 if it did not",
    );
    all.require(
        recovers == (followed == FollowedBy::Recovery),
        "/noise/followed_by",
        format!("{followed:?}"),
        if recovers { "recovery" } else { "nothing" },
        "the method's recovery_epochs say whether training followed the noise",
    );
    all.require(
        certificate.bounds.len() == 1,
        "/bounds",
        certificate.bounds.len(),
        1,
        "a bound for noise within fine-tuning stands alone",
    );
}
