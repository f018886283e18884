//! What an assumption says.

use super::assumption::{Assumption, AssumptionName as Name};
use super::assumptions::largest_sensible_delta;
use super::declaration::Declared;
use super::facts::FollowedBy;
use super::figures::{nearest, upward};
use super::noising::schedule;
use super::printable::quoted;
use super::printable::quoted_all;
use super::record::Certificate;
use rescind_privacy::sensitivity::Constant;

impl Assumption {
    /// The assumption in words, about the certificate it is taken from.
    #[must_use]
    pub fn text(&self, certificate: &Certificate) -> String {
        let list = self.listed(certificate);
        match self.name {
            Name::InsecureNoise => "The noise came from a fixed seed. This certifies nothing against \
                anyone who knows or guesses the seed: they can take the noise off."
                .into(),
            Name::VacuousEpsilon => "An epsilon this large promises nothing of practical worth: an \
                observer may be all but certain whether the records were ever used."
                .into(),
            Name::LargeDelta => {
                let records = certificate.data.retained.saturating_add(certificate.forgotten());
                format!(
                    "Delta = {} is large for {records} records: publishing one of them as it is, \
                     picked at random, keeps a delta of {}. Ask for at most {}.",
                    upward(certificate.guarantee.delta.value()),
                    nearest(10.0 * largest_sensible_delta(records)),
                    nearest(largest_sensible_delta(records)),
                )
            }
            Name::Reference => reference(certificate),
            Name::AssumedConstants => {
                format!("Nobody checked {list}. If a value is wrong, the promise does not hold.")
            }
            Name::EstimatedConstants => format!(
                "{list}: an estimate whose error nobody bounds. This is evidence, not a proof."
            ),
            Name::ProbabilisticConstants => {
                format!("{list} may be wrong with a known probability, which delta includes.")
            }
            Name::NoiseDependsOnRecords if self.constants.is_empty() => "Which of several bounds \
                binds, and sigma with it, was decided by measurements on the records: that this one \
                does tells something about them. Strictly, the promise needs that the same bound \
                would bind without the forgotten records."
                .into(),
            Name::EpsilonDependsOnRecords if self.constants.is_empty() => "Which of several bounds \
                binds, and epsilon with it, was decided by measurements on the records: that this \
                one does tells something about them, and was not promised beforehand."
                .into(),
            Name::NoiseDependsOnRecords => "Sigma was computed from constants that were computed from \
                the records, so it depends on them too. Strictly, the promise needs each of these \
                constants to stay below a value declared beforehand."
                .into(),
            Name::EpsilonDependsOnRecords => "Epsilon was computed from constants that were computed \
                from the records: it describes this release, and was not promised beforehand."
                .into(),
            Name::QuotedMeasurements => format!(
                "The promise rests on {list}, so this certificate quotes them. They were computed \
                 from the records and carry no noise: epsilon and delta cover the released files, \
                 not these figures. Show them to those who may know them."
            ),
            Name::HessianNotLipschitz => format!(
                "Parts {} have no second derivative everywhere, so the assumption of a Lipschitz \
                 Hessian does not hold for this model. A bound that needs it is listed, but nothing \
                 rests on it.",
                quoted_all(&certificate.model.rough_parts)
            ),
            Name::PublicCentre => {
                let centre = certificate.model.ball.centre;
                let digest = centre.map_or_else(|| "none".to_owned(), |centre| centre.to_string());
                declared(
                    certificate,
                    Declared::PublicCentre,
                    &format!(
                        "the centre of the ball (digest {digest}), weights given from outside, does \
                         not depend on the records: no record of the run went into it, nor into a \
                         network that it was made from"
                    ),
                )
            }
            Name::InputScalingGiven => declared(
                certificate,
                Declared::InputScaling,
                "the constants that scale the inputs, given from outside, do not depend on the \
                 records",
            ),
            Name::InputEncodingGiven => declared(
                certificate,
                Declared::InputEncoding,
                "the categories, ranges and replacements that encode the table's columns, given from \
                 outside, do not depend on the records",
            ),
            Name::ClassesReadFromRecords => declared(
                certificate,
                Declared::ClassesReadFromRecords,
                "the set of classes, which was read off the records, would have been the same had \
                 the forgotten ones never been there",
            ),
            Name::ImportedWeights => declared(
                certificate,
                Declared::ImportedWeights,
                "the weights, which were trained elsewhere and found to lie in the ball when they \
                 were imported, came about by the training described here, and that training stays \
                 in the ball and stops where it says",
            ),
            Name::OutsideModel => declared(
                certificate,
                Declared::OutsideModel,
                "the model's own code computes losses, gradients and identities of the records it \
                 is asked for, correctly and without looking at any others, and no record went into \
                 what of it training leaves as it was: a backbone, frozen tensors, kept statistics, \
                 numbers in its code such as a bound of its targets",
            ),
            Name::SettingsNotTuned => "Method, radii, damping, steps, noise and stopping rules were \
                not chosen by looking at the forgotten records, nor by how an earlier attempt to forget \
                them ended. Nobody checked."
                .into(),
            Name::RecordsMadeAlone => "Each record, as it was read, was made without the others: no \
                network trained on them, and no mean, range or list computed over them, went into its \
                numbers. Nobody checked."
                .into(),
            Name::Copies => "Only the listed records were forgotten. Copies of them, exact or nearly \
                so, that remain among the retained records still act on the model."
                .into(),
            Name::EarlierReleases => format!(
                "{} earlier release(s) of this run were made while these records were still in the \
                 model. Whoever kept one has what it reveals.",
                certificate.earlier.releases
            ),
            Name::LaterReleases => "Epsilon and delta speak of this release alone. Every later \
                release of the same run weakens them; the run's ledger states what holds today."
                .into(),
            Name::ChoiceOfRecords => "That records were forgotten, on which days and how many is not \
                hidden. If the choice of records depended on others, or on an earlier release, the \
                choice itself may reveal something."
                .into(),
            Name::PrivateState => "Un-noised weights, optimiser state, checkpoints and everything \
                measured stay in the run's private folder and reach nobody."
                .into(),
            Name::RunNotCopied => "There is one run: no copy of it, and no older state of it put \
                back, makes a release of the same weights. Two noises on the same weights reveal more \
                than one, and no program sees a copy that is kept elsewhere."
                .into(),
            Name::BatchNormStatistics => "Batch-norm statistics were recomputed on the retained \
                records with the noised weights. They protect the forgotten records, and say \
                something about the retained ones."
                .into(),
            Name::InputScaling => "The constants that scale the inputs were computed on the retained \
                records, as retraining would compute them. They carry no noise and are no part of the \
                release: whoever hands them out beside it tells something about the retained records."
                .into(),
            Name::NoiseGenerator => "The noise comes from ChaCha20. Its seed is derived by BLAKE3 from \
                a secret that the operating system drew for the run. The promise holds against \
                whoever can tell the output of neither from chance, and has not read that secret."
                .into(),
            Name::GradientRounding => "The gradient that the bound rests on was computed in binary64, \
                with room for what rounding did to it: additions over records are counted one by one, \
                and what a record's own sums lose from layer to layer is an estimate."
                .into(),
            Name::FloatingPoint => "Noise is Gaussian up to floating-point rounding and rounded to a \
                grid; the theorem speaks of exact Gaussian noise."
                .into(),
        }
    }

    /// `M (Lipschitz …) = 1, …` of the constants that it is about.
    fn listed(&self, certificate: &Certificate) -> String {
        let constants = certificate.binding().map_or(&[][..], |b| &b.constants);
        let about = |constant: &&Constant| self.constants.contains(&constant.symbol());
        let list: Vec<String> = constants
            .iter()
            .filter(about)
            .map(|c| format!("{} ({}) = {}", c.symbol(), c.symbol().meaning(), c.value()))
            .collect();
        list.join(", ")
    }
}

/// Something taken on somebody's word.
fn declared(certificate: &Certificate, what: Declared, says: &str) -> String {
    let mut all = certificate.declarations.iter();
    let found = all.find(|declaration| declaration.what == what);
    let who = match found.and_then(|declaration| declaration.by.as_ref()) {
        Some(name) => format!("{} declares", quoted(name)),
        None => "Nobody vouches, and it is taken for granted,".to_owned(),
    };
    format!("{who} that {says}. No program can check it.")
}

/// What retraining would have been put through.
fn reference(certificate: &Certificate) -> String {
    let radius = certificate.model.ball.radius;
    let training = format!(
        "The release is compared with the same training run on the retained records alone, with \
         the same settings, whose weights are projected into the same ball (radius {}) and ",
        nearest(radius)
    );
    let then = match (schedule(&certificate.bounds), certificate.noise.followed_by) {
        (None, _) => "noised in the same way.".to_owned(),
        (Some(schedule), followed) => {
            let steps = match schedule.noisy_steps {
                0 => format!(
                    "projected and noised in the same way (start radius {})",
                    nearest(schedule.radius)
                ),
                steps => format!(
                    "put through the same noisy fine-tuning (start radius {}, {steps} noisy steps)",
                    nearest(schedule.radius)
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
