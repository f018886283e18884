//! On whose word a promise rests.

use super::assumption::AssumptionName;
use super::bound_choice::BoundChoice;
use super::declaration::Declaration;
use super::printable::quoted;
use super::record::Certificate;
use rescind_privacy::noise::Origin;
use rescind_privacy::sensitivity::{Constant, GuaranteeKind, Provenance};

/// What the promise rests on, with the names of those who answer for what no program can check.
pub(super) fn foundation(certificate: &Certificate) -> String {
    let weakest = match (certificate.noise.origin, certificate.guarantee.kind) {
        (Origin::InsecureSeed, _) => {
            "This rests on nobody knowing the fixed seed of the noise: it certifies nothing against \
             anyone who does."
                .to_owned()
        }
        (_, GuaranteeKind::Proved) => {
            let rounding = certificate.assumptions.iter();
            let rounding = rounding
                .map(|assumption| assumption.name)
                .any(|name| name == AssumptionName::GradientRounding);
            match rounding {
                true => "This is proved, but for the rounding named below: it follows from the \
                         algorithm as it was run."
                    .to_owned(),
                false => "This is proved: it follows from the algorithm as it was run.".to_owned(),
            }
        }
        (_, GuaranteeKind::Measured) => {
            "This rests on quantities measured on this model and its records.".to_owned()
        }
        (_, GuaranteeKind::Probabilistic) => "This rests on quantities that may be wrong with a \
                                              known probability, which delta includes."
            .to_owned(),
        // Said below, with names.
        (_, GuaranteeKind::Declared) => String::new(),
        (_, GuaranteeKind::Estimated) => "This rests on estimates whose error nobody bounds: it is \
                                          evidence, not a guarantee."
            .to_owned(),
        (_, GuaranteeKind::Assumed) => format!(
            "This rests on what nobody checked, and holds only if it is so: {}.",
            unchecked(certificate).join("; ")
        ),
    };
    match (weakest.as_str(), vouched(certificate)) {
        ("", Some(words)) => format!("This rests on what no program can check: {words}."),
        (_, Some(words)) => {
            format!("{weakest} It also rests on what no program can check: {words}.")
        }
        (_, None) => weakest,
    }
}

/// The declarations that the promise rests on.
fn relevant(certificate: &Certificate) -> impl Iterator<Item = &Declaration> {
    let binding = certificate.guarantee.binding;
    let all = certificate.declarations.iter();
    all.filter(move |declaration| declaration.what.matters_to(binding))
}

/// Who declares what; nothing where nobody does.
fn vouched(certificate: &Certificate) -> Option<String> {
    let mut said: Vec<(&str, String)> = Vec::new();
    for declaration in relevant(certificate) {
        let Some(name) = &declaration.by else {
            continue;
        };
        let what = declaration.what.in_short();
        match said.iter_mut().find(|(earlier, _)| earlier == name) {
            Some((_, words)) => *words += &format!(", and that {what}"),
            None => said.push((name, format!("{} declares that {what}", quoted(name)))),
        }
    }
    let words: Vec<String> = said.into_iter().map(|(_, words)| words).collect();
    (!words.is_empty()).then(|| words.join("; "))
}

/// What is taken for granted on nobody's word.
fn unchecked(certificate: &Certificate) -> Vec<String> {
    let constants = certificate.binding().map_or(&[][..], |b| &b.constants);
    let assumed = |constant: &&Constant| constant.provenance() == Provenance::Assumed;
    let given = constants.iter().filter(assumed).map(|constant| {
        let (symbol, meaning) = (constant.symbol(), constant.symbol().meaning());
        format!("{symbol} = {} ({meaning})", constant.value())
    });
    let weaker = constants.iter().filter_map(|constant| {
        let why = match constant.provenance() {
            Provenance::Estimated => "an estimate: evidence, not a guarantee",
            Provenance::Measured => "measured on this model and its records",
            Provenance::Probabilistic { .. } => {
                "wrong with a known probability, which delta includes"
            }
            Provenance::Proved | Provenance::Assumed => return None,
        };
        let (symbol, meaning) = (constant.symbol(), constant.symbol().meaning());
        Some(format!(
            "{symbol} = {} ({meaning}), {why}",
            constant.value()
        ))
    });
    let nobody = relevant(certificate).filter(|declaration| declaration.by.is_none());
    let nobody = nobody.map(|declaration| format!("that {}", declaration.what.in_short()));
    let chosen = match certificate.bound_choice() {
        BoundChoice::Public => None,
        BoundChoice::Measured => {
            Some("that the same bound would bind without the forgotten records".to_owned())
        }
    };
    given.chain(weaker).chain(nobody).chain(chosen).collect()
}
