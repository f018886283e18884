//! The promise in words.

use super::assumptions::VACUOUS;
use super::figures::upward;
use super::record::Certificate;
use rescind_privacy::noise::Origin;
use rescind_privacy::sensitivity::GuaranteeKind;

/// One paragraph for a reader who reads nothing else.
#[must_use]
pub fn statement(certificate: &Certificate) -> String {
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
        (_, GuaranteeKind::Declared) => {
            "This rests on what somebody named below declares, which no program can check."
        }
        (_, GuaranteeKind::Estimated) => {
            "This rests on estimates whose error nobody bounds: it is evidence, not a guarantee."
        }
        (_, GuaranteeKind::Assumed) => {
            "This rests on assumptions that nobody checked: it holds if they do."
        }
    };
    let worth = if guarantee.epsilon.value() >= VACUOUS {
        " An epsilon this large protects nobody."
    } else {
        ""
    };
    let [epsilon, delta] = [guarantee.epsilon.value(), guarantee.delta.value()].map(upward);
    format!(
        "Release {} removes {records} record(s). Whatever anybody looks for in the released \
         weights is at most e^{epsilon} times as likely to be found there as in weights trained \
         without those records, and the other way round, but for a probability of {delta} \
         (epsilon = {epsilon}, delta = {delta}).{worth} {foundation}",
        certificate.release,
    )
}
