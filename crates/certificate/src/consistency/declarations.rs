//! What is taken on somebody's word.

use super::collector::Collector;
use super::model::is_own;
use crate::declaration::Declared;
use crate::facts::InputScaling;
use crate::printable::is_name;
use crate::record::Certificate;

/// What is declared is declared once, by somebody or nobody, and where there is something to
/// declare.
pub fn fit(certificate: &Certificate, all: &mut Collector) {
    let (ball, declared) = (&certificate.model.ball, &certificate.declarations);
    for (index, declaration) in declared.iter().enumerate() {
        let field = format!("/declarations/{index}");
        let (what, earlier) = (declaration.what, &declared[..index]);
        all.require(
            earlier.iter().all(|earlier| earlier.what != what),
            format!("{field}/what"),
            format!("{what:?}"),
            "each thing once",
            "a thing is declared once",
        );
        let named = declaration.by.as_ref();
        all.require(
            named.is_none_or(|name| is_name(name)),
            format!("{field}/by"),
            "no name",
            "a name of 1 to 100 characters, or null",
            "whoever answers for it has a name",
        );
    }
    let has = |what| declared.iter().any(|declaration| declaration.what == what);
    let given = ball.centre.is_some() && ball.seed.is_none();
    all.require(
        has(Declared::PublicCentre) == given,
        "/declarations",
        has(Declared::PublicCentre),
        given,
        "a centre that is neither the origin nor drawn from a seed is declared public, and no other",
    );
    let constants = certificate.data.input_scaling == InputScaling::Constants;
    all.require(
        constants || !has(Declared::InputScaling),
        "/data/input_scaling",
        format!("{:?}", certificate.data.input_scaling),
        "constants",
        "constants that scale the inputs are declared",
    );
    let own = is_own(&certificate.model.kind);
    all.require(
        own || has(Declared::OutsideModel),
        "/declarations",
        "no outside_model",
        "outside_model",
        "a model of any other kind than network, tangent and head computes with code of its own",
    );
}
