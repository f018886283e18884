//! What a promise takes for granted, in words.

use super::arithmetic::comes_from_records;
use super::declaration::{Declaration, Declared};
use super::facts::{FollowedBy, InputScaling};
use super::identity::BatchNorm;
use super::noising::schedule;
use super::record::{BoundRecord, Certificate};
use rescind_privacy::NoiseChoice;
use rescind_privacy::noise::Origin;
use rescind_privacy::sensitivity::{Constant, Provenance, Theorem};
use serde::{Deserialize, Serialize};

/// One assumption.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assumption {
    /// Its name.
    pub name: AssumptionName,
    /// What it says.
    pub text: String,
}

/// The name of an assumption; `docs/guarantees.md` explains each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssumptionName {
    /// What the release is compared with.
    Reference,
    /// It speaks of one release.
    LaterReleases,
    /// Earlier releases held the records.
    EarlierReleases,
    /// The choice of records is not protected.
    ChoiceOfRecords,
    /// Copies among the retained records.
    Copies,
    /// Un-noised files stay private.
    PrivateState,
    /// Settings were not tuned on forgotten records.
    SettingsNotTuned,
    /// The centre given does not depend on the records.
    PublicCentre,
    /// The constants given that scale the inputs do not depend on the records.
    InputScalingGiven,
    /// The set of classes was read off the records.
    ClassesReadFromRecords,
    /// The weights were trained elsewhere.
    ImportedWeights,
    /// The model's own code keeps to the records it is asked for.
    OutsideModel,
    /// Some constants are assumed.
    AssumedConstants,
    /// Somebody vouches for some constants.
    DeclaredConstants,
    /// Some constants are estimates.
    EstimatedConstants,
    /// Some constants may be wrong with a known probability.
    ProbabilisticConstants,
    /// σ was computed from the records.
    NoiseDependsOnRecords,
    /// ε was computed from the records.
    EpsilonDependsOnRecords,
    /// The Hessian has no Lipschitz constant.
    HessianNotLipschitz,
    /// Batch-norm statistics carry no noise.
    BatchNormStatistics,
    /// Constants that scale the inputs carry no noise.
    InputScaling,
    /// Figures quoted here carry no noise.
    QuotedMeasurements,
    /// Noise is computed with finite precision.
    FloatingPoint,
    /// The noise is repeatable.
    InsecureNoise,
    /// The operator accepted noise that outweighs the weights.
    DestructiveNoise,
    /// ε is too large to protect anybody.
    VacuousEpsilon,
}

/// From here on ε promises nothing of practical worth.
pub(super) const VACUOUS: f64 = 10.0;

/// The assumptions that the other fields of a certificate entail.
#[must_use]
pub fn assumptions(certificate: &Certificate) -> Vec<Assumption> {
    use AssumptionName as Name;
    let mut all = Vec::new();
    let mut say = |name, text: String| all.push(Assumption { name, text });
    let binding = certificate
        .bounds
        .iter()
        .find(|bound| bound.theorem == certificate.guarantee.binding);
    let constants = binding.map_or(&[][..], |bound| &bound.constants);

    if certificate.noise.origin == Origin::InsecureSeed {
        say(
            Name::InsecureNoise,
            "The noise came from a fixed seed. This certifies nothing against \
            anyone who knows or guesses the seed: they can take the noise off."
                .into(),
        );
    }
    if certificate.guarantee.epsilon.value() >= VACUOUS {
        say(
            Name::VacuousEpsilon,
            "An epsilon this large promises nothing of practical worth: an \
            observer may be all but certain whether the records were ever used."
                .into(),
        );
    }
    say(Name::Reference, reference(certificate));
    if let Some(list) = listed(constants, |p| p == Provenance::Assumed) {
        say(
            Name::AssumedConstants,
            format!(
                "Nobody checked {list}. If a value is wrong, the \
            promise does not hold."
            ),
        );
    }
    if let Some(list) = listed(constants, |p| p == Provenance::Declared) {
        say(
            Name::DeclaredConstants,
            format!(
                "Somebody vouches for {list}, which no program can check. If a \
            value is wrong, the promise does not hold."
            ),
        );
    }
    if let Some(list) = listed(constants, |p| p == Provenance::Estimated) {
        say(
            Name::EstimatedConstants,
            format!(
                "{list}: an estimate whose error nobody bounds. \
            This is evidence, not a proof."
            ),
        );
    }
    if let Some(list) = listed(constants, |p| p.failure_probability() > 0.0) {
        say(
            Name::ProbabilisticConstants,
            format!(
                "{list} may be wrong with a known probability, \
            which delta includes."
            ),
        );
    }
    if constants
        .iter()
        .any(|constant| comes_from_records(constant.provenance()))
    {
        match certificate.noise.choice {
            NoiseChoice::Promise { .. } => say(
                Name::NoiseDependsOnRecords,
                "Sigma was computed \
                from constants that were computed from the records, so it depends on them too. \
                Strictly, the promise needs each of these constants to stay below a value declared \
                beforehand."
                    .into(),
            ),
            NoiseChoice::Sigma { .. } => say(
                Name::EpsilonDependsOnRecords,
                "Epsilon was computed \
                from constants that were computed from the records: it describes this release, and \
                was not promised beforehand."
                    .into(),
            ),
        }
    }
    let rough = &certificate.model.rough_parts;
    if !rough.is_empty() && certificate.bounds.iter().any(is_newton) {
        say(
            Name::HessianNotLipschitz,
            format!(
                "Parts {} have no second derivative everywhere, so \
            the assumption of a Lipschitz Hessian does not hold for this model. The bound of the \
            Newton step is listed, but nothing rests on it.",
                rough.join(", ")
            ),
        );
    }
    for declaration in &certificate.declarations {
        let (name, text) = declared(declaration, certificate);
        say(name, text);
    }
    say(
        Name::SettingsNotTuned,
        "Radii, damping, steps, noise and stopping rules were not chosen by \
        looking at the forgotten records. Nobody checked."
            .into(),
    );
    say(
        Name::Copies,
        "Only the listed records were forgotten. Copies of them, exact or nearly so, \
        that remain among the retained records still act on the model."
            .into(),
    );
    if certificate.earlier.releases > 0 {
        say(
            Name::EarlierReleases,
            format!(
                "{} earlier release(s) of this run were made while these \
            records were still in the model. Whoever kept one has what it reveals.",
                certificate.earlier.releases
            ),
        );
    }
    say(
        Name::LaterReleases,
        "Epsilon and delta speak of this release alone. Every later release \
        of the same run weakens them; the run's ledger states what holds today."
            .into(),
    );
    say(
        Name::ChoiceOfRecords,
        "That records were forgotten, when and how many is not hidden. If \
        the choice of records depended on others, or on an earlier release, the choice itself may \
        reveal something."
            .into(),
    );
    say(
        Name::PrivateState,
        "Un-noised weights, optimiser state and checkpoints stay in the run's \
        private folder and reach nobody."
            .into(),
    );
    if certificate.model.batch_norm == BatchNorm::RecomputedAfterNoise {
        say(
            Name::BatchNormStatistics,
            "Batch-norm statistics were recomputed on the retained \
            records with the noised weights. They protect the forgotten records, and say something \
            about the retained ones."
                .into(),
        );
    }
    if certificate.data.input_scaling == InputScaling::FromRetained {
        say(Name::InputScaling, "The constants that scale the inputs were computed on the retained \
            records, without noise. They protect the forgotten records, and say something about the \
            retained ones.".into());
    }
    say(
        Name::QuotedMeasurements,
        "Gradient norms, residual and times quoted here were computed \
        from the records and carry no noise: epsilon and delta cover the released file, not these \
        figures. Show this certificate to those who may know them."
            .into(),
    );
    say(
        Name::FloatingPoint,
        "Noise is Gaussian up to floating-point rounding and rounded to a grid; \
        the theorem speaks of exact Gaussian noise."
            .into(),
    );
    if let NoiseChoice::Promise {
        accept_noise: true, ..
    } = certificate.noise.choice
    {
        say(
            Name::DestructiveNoise,
            "The operator accepted noise even if it outweighs the weights; \
            the released model may be of no use."
                .into(),
        );
    }
    all
}

/// Something taken on somebody's word.
fn declared(declaration: &Declaration, certificate: &Certificate) -> (AssumptionName, String) {
    use AssumptionName as Name;
    let (name, what) = match declaration.what {
        Declared::PublicCentre => {
            let centre = certificate.model.ball.centre;
            let digest = centre.map_or_else(|| "none".to_owned(), |centre| centre.to_string());
            let what = format!(
                "the centre of the ball (digest {digest}), weights given from outside, does not \
                 depend on the records: no record of the run went into it, nor into a network that \
                 it was made from"
            );
            (Name::PublicCentre, what)
        }
        Declared::InputScaling => (
            Name::InputScalingGiven,
            "the constants that scale the inputs, given from outside, do not depend on the records"
                .to_owned(),
        ),
        Declared::ClassesReadFromRecords => (
            Name::ClassesReadFromRecords,
            "the set of classes, which was read off the records, would have been the same had the \
             forgotten ones never been there"
                .to_owned(),
        ),
        Declared::ImportedWeights => (
            Name::ImportedWeights,
            "the weights, which were trained elsewhere and found to lie in the ball when they were \
             imported, came about by the training described here, and that training stays in the \
             ball and stops where it says"
                .to_owned(),
        ),
        Declared::OutsideModel => (
            Name::OutsideModel,
            "the model's own code computes losses, gradients and identities of the records it is \
             asked for, correctly and without looking at any others"
                .to_owned(),
        ),
    };
    let who = match &declaration.by {
        Some(name) => format!("{name} declares"),
        None => "Nobody vouches, and it is taken for granted,".to_owned(),
    };
    (name, format!("{who} that {what}. No program can check it."))
}

/// What retraining would have been put through.
fn reference(certificate: &Certificate) -> String {
    let radius = certificate.model.ball.radius;
    let training = format!(
        "The release is compared with the same training run on the retained records alone, with \
         the same settings, whose weights are projected into the same ball (radius {radius}) and "
    );
    let then = match (schedule(&certificate.bounds), certificate.noise.followed_by) {
        (None, _) => "released with the same noise.".to_owned(),
        (Some(schedule), followed) => {
            let steps = match schedule.noisy_steps {
                0 => format!(
                    "projected and noised in the same way (start radius {})",
                    schedule.radius
                ),
                steps => format!(
                    "put through the same noisy fine-tuning (start radius {}, {steps} noisy steps)",
                    schedule.radius
                ),
            };
            match followed {
                FollowedBy::Nothing => format!("{steps}."),
                FollowedBy::Recovery => format!("{steps} and the same recovery."),
            }
        }
    };
    training + &then
}

fn is_newton(bound: &BoundRecord) -> bool {
    bound.theorem == Theorem::NewtonStep
}

/// `M (Lipschitz …) = 1, …` of the constants whose provenance is wanted.
fn listed(constants: &[Constant], wanted: impl Fn(Provenance) -> bool) -> Option<String> {
    let list: Vec<String> = constants
        .iter()
        .filter(|constant| wanted(constant.provenance()))
        .map(|c| format!("{} ({}) = {}", c.symbol(), c.symbol().meaning(), c.value()))
        .collect();
    if list.is_empty() {
        None
    } else {
        Some(list.join(", "))
    }
}
