//! What the settings of a method may say: its own, and nothing else. A member that no method has
//! would be a text of somebody's own making in a document that is signed.

use super::collector::Collector;
use super::model::is_convex;
use crate::printable::escaped;
use crate::record::Certificate;
use serde_json::Value;

/// What a setting is.
#[derive(Clone, Copy)]
enum Holds {
    /// A finite amount of at least 0, or `null` where it was not given.
    Amount,
    /// A whole number of at least 0, or `null` where it was not given.
    Count,
    /// A probability: above 0 and below 1.
    Probability,
    /// `true` or `false`.
    Flag,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Nothing: it was not given.
    Nothing,
    /// One of these groups, told apart by its `kind`.
    Group(&'static [(&'static str, &'static [Setting])]),
    /// Members, without a `kind`.
    Members(&'static [Setting]),
    /// Either.
    Either(&'static [Holds]),
}

type Setting = (&'static str, Holds);

use Holds::{Amount, Count, Either, Flag, Group, Members, Nothing, Probability, Word};

const STOPPING: Holds = Members(&[("relative_tolerance", Amount), ("max_products", Count)]);

const DAMPING: Holds = Group(&[
    ("given", &[("value", Amount)]),
    ("sampling", &[("scale", Amount)]),
    (
        "from_spectrum",
        &[
            ("condition_number", Amount),
            ("steps", Count),
            ("failure_probability", Probability),
        ],
    ),
]);

const CONVEX: &[Setting] = &[
    ("penalty", Amount),
    ("gradient_bound", Amount),
    ("max_products", Count),
    ("seed", Count),
];

const NEWTON: &[Setting] = &[
    ("curvature", Word(&["hessian", "gauss-newton"])),
    (
        "right_hand_side",
        Word(&["retain-gradient", "forget-influence"]),
    ),
    // A number, or how it was chosen.
    ("damping", Either(&[Amount, DAMPING])),
    (
        "solver",
        Group(&[
            ("cg", &[("stopping", STOPPING)]),
            ("minres", &[("stopping", STOPPING)]),
            (
                "lissa",
                &[
                    ("chains", Count),
                    ("depth", Count),
                    ("scale", Amount),
                    ("minibatch", Count),
                    ("relative_tolerance", Amount),
                ],
            ),
            ("dense", &[("max_dimension", Count)]),
        ]),
    ),
    (
        "preconditioning",
        Group(&[
            ("none", &[]),
            ("nystrom", &[("rank", Count), ("records", Count)]),
        ]),
    ),
    ("subsample", Count),
    ("work", Amount),
    ("curvature_records", Count),
    (
        "constants",
        Members(&[
            (
                "hessian_lipschitz",
                Either(&[
                    Nothing,
                    Group(&[
                        ("assumed", &[("value", Amount)]),
                        (
                            "estimated",
                            &[(
                                "settings",
                                Members(&[
                                    ("directions", Count),
                                    ("distance", Amount),
                                    ("iterations", Count),
                                    ("seed", Count),
                                ]),
                            )],
                        ),
                    ]),
                ]),
            ),
            ("gradient_bound", Amount),
            ("lanczos_steps", Count),
            ("failure_probability", Probability),
        ]),
    ),
    ("check", Flag),
    ("loss_growth", Amount),
    ("seed", Count),
];

const NOISY: &[Setting] = &[
    ("noisy_steps", Count),
    ("start_radius", Amount),
    ("step_size", Amount),
    ("clip_norm", Amount),
    ("weight_decay", Amount),
    ("minibatch", Count),
    ("recovery_epochs", Count),
    ("seed", Count),
];

const PERTURBATION: &[Setting] = &[("start_radius", Amount), ("recovery_epochs", Count)];

const REWIND: &[Setting] = &[("gradient_lipschitz", Amount), ("record_gradient", Amount)];

/// The settings of every method.
const METHODS: &[(&str, &[Setting])] = &[
    ("descent", CONVEX),
    ("newton", NEWTON),
    ("noisy-finetune", NOISY),
    ("output-perturbation", PERTURBATION),
    ("retrain", CONVEX),
    ("rewind", REWIND),
];

/// Every setting is one that the method has. Those of an unknown method are not looked at: there
/// is no such certificate.
pub fn are_its_own(certificate: &Certificate, all: &mut Collector) {
    let method = &certificate.method;
    let Some((_, known)) = METHODS.iter().find(|(name, _)| *name == method.name) else {
        return;
    };
    // The penalty and the gradient that training stops at are a convex model's.
    let known = match method.name == "retrain" && !is_convex(certificate) {
        true => &[],
        false => *known,
    };
    let settings = Value::Object(method.settings.clone());
    check(&settings, Members(known), "/method/settings", all);
}

fn check(value: &Value, holds: Holds, field: &str, all: &mut Collector) {
    let known = match holds {
        Members(known) => Some(known),
        Group(groups) => value.get("kind").and_then(Value::as_str).and_then(|kind| {
            let mut groups = groups.iter();
            groups
                .find(|(name, _)| *name == kind)
                .map(|(_, known)| *known)
        }),
        Nothing | Amount | Count | Probability | Flag | Word(_) | Either(_) => None,
    };
    if let (Some(members), Some(known)) = (value.as_object(), known) {
        let tagged = matches!(holds, Group(_));
        for (name, member) in members {
            let at = format!("{field}/{}", escaped(name));
            match known.iter().find(|(known, _)| known == name) {
                Some((_, holds)) => check(member, *holds, &at, all),
                None if tagged && name == "kind" => {}
                None => {
                    let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
                    let expected = match names.is_empty() {
                        true => "no setting".to_owned(),
                        false => format!("none but {}", names.join(", ")),
                    };
                    let found = escaped(&member.to_string());
                    all.require(false, at, found, expected, "the method has no such setting");
                }
            }
        }
        return;
    }
    all.require(
        is_leaf(value, holds),
        field,
        escaped(&value.to_string()),
        expected(holds),
        "the method's setting is of that kind",
    );
}

/// Whether a value that is not looked into is what it should be.
fn is_leaf(value: &Value, holds: Holds) -> bool {
    match holds {
        Amount => value.is_null() || value.as_f64().is_some_and(|v| v >= 0.0 && v.is_finite()),
        Count => value.is_null() || value.is_u64(),
        Probability => value.as_f64().is_some_and(|v| v > 0.0 && v < 1.0),
        Flag => value.is_boolean(),
        Word(words) => value.as_str().is_some_and(|word| words.contains(&word)),
        Nothing => value.is_null(),
        Group(_) | Members(_) => false,
        Either(kinds) => kinds.iter().any(|kind| {
            let mut within = Collector(Vec::new());
            check(value, *kind, "", &mut within);
            within.0.is_empty()
        }),
    }
}

fn expected(holds: Holds) -> String {
    match holds {
        Nothing => "null".to_owned(),
        Amount => "a finite number of at least 0, or null".to_owned(),
        Count => "a whole number of at least 0, or null".to_owned(),
        Probability => "a number between 0 and 1, both excluded".to_owned(),
        Flag => "true or false".to_owned(),
        Word(words) => words.join(" or "),
        Group(groups) => {
            let kinds: Vec<&str> = groups.iter().map(|(kind, _)| *kind).collect();
            format!("an object whose kind is {}", kinds.join(", "))
        }
        Members(_) => "an object".to_owned(),
        Either(kinds) => {
            let kinds: Vec<String> = kinds.iter().map(|kind| expected(*kind)).collect();
            kinds.join(", or ")
        }
    }
}
