//! Which method may claim which theorem, of which models, and where each constant is stated too.

use super::collector::Collector;
use super::model::is_convex;
use super::rewinding;
use crate::arithmetic::comes_from_records;
use crate::bound_choice::measures_a_bound;
use crate::record::{BoundRecord, Certificate};
use rescind_privacy::sensitivity::{Constant, GuaranteeKind, Provenance, Symbol, Theorem};

/// The least gradient norm that a convex model is trained to: its thousandth, the room that a descent
/// leaves for rounding, is well above the rounding of a gradient in binary64 over inputs of customary
/// scale.
pub const LEAST_GRADIENT_BOUND: f64 = 1e-10;

/// Models that a method forgets from.
#[derive(Clone, Copy, PartialEq)]
enum Models {
    /// Those whose outputs are linear in the weights, so that their loss is convex in them.
    Convex,
    /// Those that are not.
    Other,
    /// All.
    Any,
}

/// What a method may claim.
struct Claim {
    method: &'static str,
    models: Models,
    theorems: &'static [Theorem],
}

const CLAIMS: &[Claim] = &[
    Claim {
        method: "descent",
        models: Models::Convex,
        theorems: &[Theorem::StronglyConvex, Theorem::BallDiameter],
    },
    Claim {
        method: "newton",
        models: Models::Other,
        theorems: &[Theorem::NewtonStep, Theorem::BallDiameter],
    },
    Claim {
        method: "noisy-finetune",
        models: Models::Other,
        theorems: &[Theorem::NoisyFineTuning],
    },
    Claim {
        method: "output-perturbation",
        models: Models::Other,
        theorems: &[Theorem::OutputPerturbation],
    },
    // Any model can be trained afresh.
    Claim {
        method: "retrain",
        models: Models::Any,
        theorems: &[Theorem::StronglyConvex, Theorem::BallDiameter],
    },
    Claim {
        method: "rewind",
        models: Models::Other,
        theorems: &[Theorem::RewindToDelete, Theorem::BallDiameter],
    },
];

/// Where else a certificate states a constant.
#[derive(Clone, Copy)]
enum Stated {
    /// The ball's radius.
    Radius,
    /// At least twice that, where the constant is proved: only the ball proves a distance.
    Diameter,
    /// The setting of the method at this JSON pointer.
    Setting(&'static str),
    /// The same, where the constant is neither measured nor estimated.
    SettingUnlessMeasured(&'static str),
    /// The same, where the setting was given.
    SettingIfGiven(&'static str),
    /// The same where it is a number; else the constant was measured or estimated.
    SettingOrMeasured(&'static str),
    /// The probability that the constant is none, as the setting at this JSON pointer.
    FailureSetting(&'static str),
}

const CONSTANTS: &[(Theorem, Symbol, Stated)] = &[
    (Theorem::BallDiameter, Symbol::BallRadius, Stated::Radius),
    (
        Theorem::StronglyConvex,
        Symbol::GradientNorm,
        Stated::SettingUnlessMeasured("/gradient_bound"),
    ),
    (
        Theorem::StronglyConvex,
        Symbol::GradientBound,
        Stated::Setting("/gradient_bound"),
    ),
    (
        Theorem::StronglyConvex,
        Symbol::Penalty,
        Stated::Setting("/penalty"),
    ),
    (Theorem::NewtonStep, Symbol::Distance, Stated::Diameter),
    (
        Theorem::NewtonStep,
        Symbol::Damping,
        Stated::SettingOrMeasured("/damping"),
    ),
    (
        Theorem::NewtonStep,
        Symbol::HessianLipschitz,
        Stated::SettingOrMeasured("/constants/hessian_lipschitz/value"),
    ),
    (
        Theorem::NewtonStep,
        Symbol::GradientBound,
        Stated::SettingIfGiven("/constants/gradient_bound"),
    ),
    (
        Theorem::NewtonStep,
        Symbol::LeastEigenvalue,
        Stated::FailureSetting("/constants/failure_probability"),
    ),
    (
        Theorem::OutputPerturbation,
        Symbol::StartRadius,
        Stated::Setting("/start_radius"),
    ),
    (
        Theorem::NoisyFineTuning,
        Symbol::StartRadius,
        Stated::Setting("/start_radius"),
    ),
    (
        Theorem::NoisyFineTuning,
        Symbol::StepSize,
        Stated::Setting("/step_size"),
    ),
    (
        Theorem::NoisyFineTuning,
        Symbol::ClipNorm,
        Stated::Setting("/clip_norm"),
    ),
    (
        Theorem::NoisyFineTuning,
        Symbol::WeightDecay,
        Stated::Setting("/weight_decay"),
    ),
    (
        Theorem::NoisyFineTuning,
        Symbol::NoisySteps,
        Stated::Setting("/noisy_steps"),
    ),
    (
        Theorem::RewindToDelete,
        Symbol::GradientLipschitz,
        Stated::Setting("/gradient_lipschitz"),
    ),
    (
        Theorem::RewindToDelete,
        Symbol::RecordGradient,
        Stated::Setting("/record_gradient"),
    ),
];

/// Constants of which no program can know more than this.
const AT_BEST: &[(Theorem, Symbol, GuaranteeKind)] = &[
    // A network's training also ends after its last epoch, wherever the gradient is by then.
    (
        Theorem::NewtonStep,
        Symbol::GradientBound,
        GuaranteeKind::Assumed,
    ),
    (
        Theorem::NewtonStep,
        Symbol::HessianLipschitz,
        GuaranteeKind::Estimated,
    ),
    (
        Theorem::NewtonStep,
        Symbol::Residual,
        GuaranteeKind::Measured,
    ),
    (
        Theorem::NewtonStep,
        Symbol::LeastEigenvalue,
        GuaranteeKind::Probabilistic,
    ),
    (
        Theorem::RewindToDelete,
        Symbol::GradientLipschitz,
        GuaranteeKind::Assumed,
    ),
    (
        Theorem::RewindToDelete,
        Symbol::RecordGradient,
        GuaranteeKind::Assumed,
    ),
    (
        Theorem::RewindToDelete,
        Symbol::StepRounding,
        GuaranteeKind::Assumed,
    ),
];

/// Constants that a program finds out in these ways alone.
const ONLY: &[(Theorem, Symbol, &[GuaranteeKind])] = &[
    // The gradient at the weights is computed, or known from how the descent ends.
    (
        Theorem::StronglyConvex,
        Symbol::GradientNorm,
        &[GuaranteeKind::Proved, GuaranteeKind::Measured],
    ),
];

/// Method, model, theorems and constants fit each other.
pub fn fit(certificate: &Certificate, all: &mut Collector) {
    let (method, model) = (&certificate.method.name, &certificate.model);
    let Some(claim) = CLAIMS.iter().find(|claim| claim.method == method) else {
        let known: Vec<&str> = CLAIMS.iter().map(|claim| claim.method).collect();
        let why = "nobody says what such a method may claim";
        all.require(false, "/method/name", method, known.join(", "), why);
        return;
    };
    let convex = is_convex(certificate);
    let suits = match claim.models {
        Models::Convex => convex,
        Models::Other => !convex,
        Models::Any => true,
    };
    all.require(
        suits,
        "/method/name",
        method,
        if convex { "descent" } else { "another method" },
        "convex models (tangent, head), and they alone, are forgotten from by descent",
    );
    for (index, bound) in certificate.bounds.iter().enumerate() {
        let theorem = bound.theorem;
        let may =
            claim.theorems.contains(&theorem) && (theorem != Theorem::StronglyConvex || convex);
        let expected: Vec<&str> = claim.theorems.iter().map(|t| t.as_str()).collect();
        all.require(
            may,
            format!("/bounds/{index}/theorem"),
            theorem,
            expected.join(", "),
            "the theorem does not speak of what this method does to this model",
        );
        for (position, constant) in bound.constants.iter().enumerate() {
            let field = format!("/bounds/{index}/constants/{position}");
            is_stated(certificate, bound, constant, &format!("{field}/value"), all);
            claims_no_more(theorem, constant, format!("{field}/provenance"), all);
            is_reached(theorem, constant, format!("{field}/value"), all);
        }
        let one_function = model.statistics == 0 || !theorem.needs_smoothness();
        all.require(
            one_function || bound.excluded.is_some(),
            format!("/bounds/{index}/theorem"),
            theorem,
            "a theorem that holds with batch norm",
            "batch norm's statistics would be others without the forgotten records, so that the \
             two sides are minima of two functions",
        );
        all.require(
            theorem != Theorem::NewtonStep || measures_a_bound(&certificate.method),
            format!("/bounds/{index}/theorem"),
            theorem,
            "another, without /method/settings/constants/hessian_lipschitz",
            "a Newton step has this theorem only where a Hessian-Lipschitz constant was given",
        );
        if theorem == Theorem::RewindToDelete {
            rewinding::agrees(certificate, index, bound, all);
        }
    }
}

/// A constant's provenance is one that it can have.
fn claims_no_more(theorem: Theorem, constant: &Constant, field: String, all: &mut Collector) {
    let of = (theorem, constant.symbol());
    if let Some((_, _, kinds)) = ONLY
        .iter()
        .find(|(theorem, symbol, _)| (*theorem, *symbol) == of)
    {
        let kind = constant.provenance().kind();
        let known: Vec<String> = kinds.iter().map(ToString::to_string).collect();
        all.require(
            kinds.contains(&kind),
            &*field,
            kind,
            known.join(" or "),
            "it is found out in no other way",
        );
    }
    let mut rows = AT_BEST.iter();
    let row = rows.find(|(of, symbol, _)| (*of, *symbol) == (theorem, constant.symbol()));
    let Some((_, _, best)) = row else { return };
    let kind = constant.provenance().kind();
    all.require(
        kind >= *best,
        field,
        kind,
        format!("{best} at best"),
        "no program can know more of it",
    );
}

/// A gradient that a proof relies on is one that arithmetic can tell from 0.
fn is_reached(theorem: Theorem, constant: &Constant, field: String, all: &mut Collector) {
    let reached = (theorem, constant.symbol()) == (Theorem::StronglyConvex, Symbol::GradientBound);
    let value = constant.value();
    all.require(
        !reached || value >= LEAST_GRADIENT_BOUND,
        field,
        value,
        format!("at least {LEAST_GRADIENT_BOUND:e}"),
        "below this the rounding of a gradient in binary64 is no longer small beside it",
    );
}

/// A constant has the value that the rest of the certificate states.
fn is_stated(
    certificate: &Certificate,
    bound: &BoundRecord,
    constant: &Constant,
    field: &str,
    all: &mut Collector,
) {
    let rows = CONSTANTS
        .iter()
        .filter(|(theorem, symbol, _)| (*theorem, *symbol) == (bound.theorem, constant.symbol()));
    for (_, _, stated) in rows {
        let value = constant.value();
        let measured = comes_from_records(constant.provenance());
        let failure = constant.provenance().failure_probability();
        let setting = |pointer| certificate.method.number(pointer);
        let (value, pointer) = match *stated {
            Stated::Radius => {
                let radius = certificate.model.ball.radius;
                let equal = value.to_bits() == radius.to_bits();
                let why = "it is the radius of the ball";
                all.require(equal, field, value, radius, why);
                continue;
            }
            Stated::Diameter => {
                let diameter = 2.0 * certificate.model.ball.radius;
                let holds = constant.provenance() != Provenance::Proved || value >= diameter;
                let why = "only the ball proves a distance, its diameter";
                all.require(holds, field, value, diameter, why);
                continue;
            }
            Stated::SettingUnlessMeasured(_) if measured => continue,
            Stated::SettingIfGiven(pointer) if setting(pointer).is_none() => continue,
            Stated::SettingOrMeasured(pointer) if setting(pointer).is_none() && measured => {
                continue;
            }
            Stated::FailureSetting(_) if failure == 0.0 => continue,
            Stated::FailureSetting(pointer) => (failure, pointer),
            Stated::Setting(pointer)
            | Stated::SettingUnlessMeasured(pointer)
            | Stated::SettingIfGiven(pointer)
            | Stated::SettingOrMeasured(pointer) => (value, pointer),
        };
        let setting = setting(pointer);
        all.require(
            setting.is_some_and(|setting| setting.to_bits() == value.to_bits()),
            field,
            value,
            setting.map_or_else(
                || format!("/method/settings{pointer}, which is no number"),
                |setting| setting.to_string(),
            ),
            "the bound must use the settings that the method used",
        );
    }
}
