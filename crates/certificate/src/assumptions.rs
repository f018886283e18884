//! Which assumptions the other fields of a certificate entail.

use super::arithmetic::comes_from_records;
use super::assumption::{Assumption, AssumptionName as Name};
use super::bound_choice::BoundChoice;
use super::declaration::Declared;
use super::facts::InputScaling;
use super::identity::BatchNorm;
use super::record::{Certificate, Exclusion};
use rescind_privacy::NoiseChoice;
use rescind_privacy::noise::Origin;
use rescind_privacy::sensitivity::{Provenance, Symbol, Theorem};

/// From here on ε promises nothing of practical worth.
pub const VACUOUS_EPSILON: f64 = 10.0;

/// The assumptions that the other fields of a certificate entail, in the order in which a reader
/// should meet them.
#[must_use]
pub fn assumptions(certificate: &Certificate) -> Vec<Assumption> {
    let bound = certificate.binding();
    let constants = bound.map_or(&[][..], |bound| &bound.constants);
    let which = |wanted: &dyn Fn(Provenance) -> bool| -> Vec<Symbol> {
        let found = constants.iter().filter(|c| wanted(c.provenance()));
        found.map(|constant| constant.symbol()).collect()
    };
    let assumed = which(&|p| p == Provenance::Assumed);
    let estimated = which(&|p| p == Provenance::Estimated);
    let failing = which(&|p| p.failure_probability() > 0.0);
    let measured = which(&comes_from_records);
    let noise = &certificate.noise;
    let promised = matches!(noise.choice, NoiseChoice::Promise { .. });
    let rough = |excluded| excluded == Some(Exclusion::HessianNotLipschitz);

    let plain = |name, entailed: bool| (name, Vec::new(), entailed);
    let about = |name, constants: &Vec<Symbol>, entailed: bool| {
        let entailed = entailed && !constants.is_empty();
        (name, constants.clone(), entailed)
    };
    // Of which bound binds, also where it rests on nothing measured itself.
    let chosen = certificate.bound_choice() == BoundChoice::Measured;
    let depends = |name, entailed: bool| {
        let entailed = entailed && (chosen || !measured.is_empty());
        (name, measured.clone(), entailed)
    };
    let binding = certificate.guarantee.binding;
    let declared = |name, what: Declared| {
        let mut all = certificate.declarations.iter();
        let any = all.any(|declaration| declaration.what == what);
        plain(name, any && what.matters_to(binding))
    };
    let all = [
        plain(Name::InsecureNoise, noise.origin == Origin::InsecureSeed),
        plain(
            Name::VacuousEpsilon,
            certificate.guarantee.epsilon.value() >= VACUOUS_EPSILON,
        ),
        plain(Name::LargeDelta, large_delta(certificate)),
        plain(Name::Reference, true),
        about(Name::AssumedConstants, &assumed, true),
        about(Name::EstimatedConstants, &estimated, true),
        about(Name::ProbabilisticConstants, &failing, true),
        depends(Name::NoiseDependsOnRecords, promised),
        depends(Name::EpsilonDependsOnRecords, !promised),
        about(Name::QuotedMeasurements, &measured, true),
        plain(
            Name::HessianNotLipschitz,
            certificate.bounds.iter().any(|bound| rough(bound.excluded)),
        ),
        declared(Name::PublicCentre, Declared::PublicCentre),
        declared(Name::InputScalingGiven, Declared::InputScaling),
        declared(Name::InputEncodingGiven, Declared::InputEncoding),
        declared(
            Name::ClassesReadFromRecords,
            Declared::ClassesReadFromRecords,
        ),
        declared(Name::ImportedWeights, Declared::ImportedWeights),
        declared(Name::OutsideModel, Declared::OutsideModel),
        plain(Name::SettingsNotTuned, true),
        plain(Name::RecordsMadeAlone, true),
        plain(Name::Copies, true),
        plain(Name::EarlierReleases, certificate.earlier.releases > 0),
        plain(Name::LaterReleases, true),
        plain(Name::ChoiceOfRecords, true),
        plain(Name::PrivateState, true),
        plain(Name::RunNotCopied, true),
        plain(
            Name::BatchNormStatistics,
            certificate.model.batch_norm == BatchNorm::RecomputedAfterNoise,
        ),
        plain(
            Name::InputScaling,
            certificate.data.input_scaling == InputScaling::FromRetained,
        ),
        plain(
            Name::NoiseGenerator,
            noise.origin == Origin::OperatingSystem,
        ),
        plain(Name::FloatingPoint, true),
        plain(Name::GradientRounding, binding == Theorem::StronglyConvex),
    ];
    let entailed = all.into_iter().filter(|(_, _, entailed)| *entailed);
    let assumption = |(name, constants, _)| Assumption { name, constants };
    entailed.map(assumption).collect()
}

/// Whether δ exceeds a tenth of one record's share: publishing one record in n without any noise
/// keeps (0, 1/n), and protects nobody.
fn large_delta(certificate: &Certificate) -> bool {
    let records = certificate
        .data
        .retained
        .saturating_add(certificate.forgotten());
    certificate.guarantee.delta.value() > largest_sensible_delta(records)
}

/// 1/(10 n): from here on δ may stand for records that are not protected at all.
#[must_use]
pub fn largest_sensible_delta(records: u64) -> f64 {
    0.1 / records.max(1) as f64
}
