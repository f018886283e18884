//! What the guarantee rests on.

use super::sources::Sources;
use crate::report::page::{Block, Section, Table};
use crate::report::words::{above, named, number};
use rescind::certificate::{BoundRecord, Certificate, epsilon_by};
use rescind_privacy::sensitivity::Constant;

pub(super) fn sections(sources: &Sources<'_>) -> Vec<Section> {
    let Some(certificate) = &sources.certificate else {
        return Vec::new();
    };
    let assumptions = certificate.assumptions.iter();
    let assumptions =
        assumptions.map(|assumption| (named(&assumption.name), assumption.text(certificate)));
    vec![
        Section::new(
            "Bounds on the distance from retraining",
            vec![
                Block::Table(bounds(certificate)),
                Block::Table(constants(certificate)),
            ],
        ),
        Section::new(
            "What the guarantee takes for granted",
            vec![Block::List(assumptions.collect())],
        ),
    ]
}

fn bounds(certificate: &Certificate) -> Table {
    let binding = certificate.guarantee.binding;
    let rows = certificate.bounds.iter().map(|bound| {
        let role = match &bound.excluded {
            Some(why) => format!("not relied on: {}", named(why).replace('_', " ")),
            None if bound.theorem == binding => "binds".to_owned(),
            None => "larger".to_owned(),
        };
        vec![
            bound.theorem.to_string(),
            number(bound.value),
            epsilon_by(bound, certificate.guarantee.delta, certificate.noise.sigma)
                .map_or("\u{2013}".to_owned(), |epsilon| above(epsilon.value())),
            bound.kind.to_string(),
            role,
            bound.theorem.formula().to_owned(),
        ]
    });
    let head = [
        "theorem",
        "bound",
        "epsilon by it",
        "kind",
        "role",
        "formula",
    ];
    let delta = above(certificate.guarantee.delta.value());
    let caption = format!(
        "The bounds that the certificate of release {} states, and the epsilon at delta = {delta} for a reader who relies on \
         that bound alone. The smallest that may be relied on binds.",
        certificate.release
    );
    Table::new(&caption, &head, rows.collect())
}

fn constants(certificate: &Certificate) -> Table {
    let row = |bound: &BoundRecord, constant: &Constant| {
        vec![
            format!("{} ({})", constant.symbol(), constant.symbol().meaning()),
            number(constant.value()),
            bound.theorem.to_string(),
            constant.provenance().kind().to_string(),
            constant.how().to_owned(),
        ]
    };
    let rows = certificate.bounds.iter().flat_map(|bound| {
        bound
            .constants
            .iter()
            .map(move |constant| row(bound, constant))
    });
    let head = [
        "constant",
        "value",
        "theorem",
        "kind",
        "how it was obtained",
    ];
    let caption = "The constants behind the bounds. A guarantee is no better than the weakest \
                   constant of the bound that binds.";
    Table::new(caption, &head, rows.collect())
}
