//! The promise in words.

use super::figures::upward;
use super::record::Certificate;
use rescind_privacy::noise::Origin;
use rescind_privacy::sensitivity::GuaranteeKind;

/// One paragraph for a reader who reads nothing else.
pub(crate) fn statement(certificate: &Certificate) -> String {
    let guarantee = &certificate.guarantee;
    let records: u64 = certificate
        .requests
        .iter()
        .map(|request| request.records)
        .sum();
    let foundation = match (certificate.noise.origin, guarantee.kind) {
        (Origin::InsecureSeed, _) => {
            "This rests on nobody knowing the fixed seed of the noise: it certifies nothing against \
             anyone who does."
        }
        (_, GuaranteeKind::Proved) => {
            "This is proved: it follows from the algorithm as it was run."
        }
        (_, GuaranteeKind::Measured) => {
            "This rests on quantities measured on this model and its records."
        }
        (_, GuaranteeKind::Probabilistic) => {
            "This rests on quantities that may be wrong with a known probability, which delta \
             includes."
        }
        (_, GuaranteeKind::Estimated) => {
            "This rests on estimates whose error nobody bounds: it is evidence, not a guarantee."
        }
        (_, GuaranteeKind::Assumed) => {
            "This rests on assumptions that nobody checked: it holds if they do."
        }
    };
    format!(
        "Release {} removes {records} record(s). Whoever sees the released weights can hardly tell \
         them from weights that never learned from those records: whatever they look for is at most \
         e^{} times as likely under one as under the other, but for a probability of {} (epsilon = \
         {}, delta = {}). {foundation}",
        certificate.release,
        upward(guarantee.epsilon.value()),
        upward(guarantee.delta.value()),
        upward(guarantee.epsilon.value()),
        upward(guarantee.delta.value()),
    )
}
