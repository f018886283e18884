//! Audits: can unlearned releases be told from retrained ones better than their certificate allows?
//!
//! N pairs of releases are drawn. A test (a statistic and a threshold on it) is chosen on the first
//! half and measured on the second; Clopper–Pearson bounds on its two error probabilities give
//! lower bounds on ε at the certificate's δ and on μ (docs/theory.md §7; Jagielski, Ullman & Oprea 2020;
//! Nasr et al. 2023). A lower bound above what the certificate promises means that the promise is
//! broken. An audit that finds nothing proves nothing.

mod bound;
mod error;
mod releases;
mod statistic;
mod threshold;

pub use bound::Rate;
pub use error::AuditError;
pub use releases::{Afresh, Pair, Rehearsed, Releases};
pub use statistic::{ForgottenLoss, Projection, Statistic};
pub use threshold::LowerBound;

use bound::{Parameter, UpperBounds};
use rescind::certificate::Certificate;
use rescind::evaluation::distance;
use rescind::{Observer, Phase, Progress, Run};
use rescind_privacy::noise::NoiseSource;
use rescind_privacy::sensitivity::Theorem;
use rescind_privacy::{Delta, Gdp};
use serde::Serialize;
use threshold::{Scores, lower_bound};

/// What is promised, and what an audit may find broken.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Claim {
    /// ε, at least 0.
    pub epsilon: f64,
    /// δ, in (0, 1).
    pub delta: f64,
    /// The parameter μ of Gaussian differential privacy.
    pub mu: f64,
}

impl Claim {
    /// What a certificate promises.
    ///
    /// # Errors
    /// [`AuditError::NoiseAtEveryStep`].
    pub fn of(certificate: &Certificate) -> Result<Self, AuditError> {
        let guarantee = &certificate.guarantee;
        if guarantee.binding == Theorem::NoisyFineTuning {
            return Err(AuditError::NoiseAtEveryStep);
        }
        Ok(Claim {
            epsilon: guarantee.epsilon.value(),
            delta: guarantee.delta.value(),
            mu: guarantee.gdp.mu(),
        })
    }
}

/// Pairs that fit into memory and a day.
const MOST_PAIRS: usize = 10_000_000;

/// How to audit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct AuditSettings {
    /// N, from 10 to 10 million: half of the pairs choose the test, half measure it.
    pub pairs: usize,
    /// Probability with which both lower bounds hold together, in (0, 1).
    pub confidence: f64,
}

impl Default for AuditSettings {
    /// 2000 pairs, 95 %.
    fn default() -> Self {
        AuditSettings {
            pairs: 2000,
            confidence: 0.95,
        }
    }
}

/// What an audit found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Audit {
    /// What was promised.
    pub claim: Claim,
    /// Pairs of releases drawn.
    pub pairs: usize,
    /// Probability with which both lower bounds hold together.
    pub confidence: f64,
    /// Lower bound on ε at the claim's δ, by error probabilities alone.
    pub epsilon: LowerBound,
    /// Lower bound on μ.
    pub mu: LowerBound,
    /// The ε that the lower bound on μ means at the claim's δ if the noise is Gaussian.
    pub epsilon_by_mu: f64,
    /// The largest lower bound on ε that so many pairs can show.
    pub most_epsilon: f64,
    /// The largest lower bound on μ that so many pairs can show.
    pub most_mu: f64,
    /// The distance between the two sides, where they are fixed.
    pub distance: Option<Distance>,
}

/// How far unlearned weights are from retrained ones.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Distance {
    /// Measured.
    pub measured: f64,
    /// The bound Δ that the certificate rests on.
    pub bound: f64,
}

impl Audit {
    /// Whether nothing was found that breaks the promise.
    pub fn holds(&self) -> bool {
        let near = self.distance.is_none_or(|far| far.measured <= far.bound);
        near && self.epsilon.value <= self.claim.epsilon && self.mu.value <= self.claim.mu
    }
}

/// Audits a claim on releases.
///
/// Of the probability `1 − confidence` to be wrong, each of the two error probabilities of each of
/// the two tests gets a quarter.
///
/// # Errors
/// Settings out of range; [`AuditError::NothingDiffers`]; whatever releases and statistics meet,
/// [`rescind::ModelError::Interrupted`] among them.
pub fn audit(
    claim: Claim,
    releases: &mut dyn Releases,
    statistics: &[&dyn Statistic],
    settings: &AuditSettings,
    observer: &mut dyn Observer,
) -> Result<Audit, AuditError> {
    let AuditSettings { pairs, confidence } = *settings;
    require(
        (10..=MOST_PAIRS).contains(&pairs),
        "the number of pairs",
        pairs as f64,
        "from 10 to 10 million",
    )?;
    let valid = confidence > 0.0 && confidence < 1.0;
    require(
        valid,
        "the confidence",
        confidence,
        "between 0 and 1, both excluded",
    )?;
    let delta = Delta::new(claim.delta)?;
    let mut scores: Vec<Scores> = statistics
        .iter()
        .map(|statistic| Scores {
            name: statistic.name(),
            unlearned: Vec::with_capacity(pairs),
            retrained: Vec::with_capacity(pairs),
        })
        .collect();
    for done in 0..pairs {
        let pair = releases.next(observer)?;
        for (scores, statistic) in scores.iter_mut().zip(statistics) {
            scores.unlearned.push(statistic.of(&pair.unlearned)?);
            scores.retrained.push(statistic.of(&pair.retrained)?);
        }
        report(observer, done as u64 + 1, pairs as u64)?;
    }
    let half = pairs / 2;
    let level = (1.0 - confidence) / 4.0;
    let chosen_by = UpperBounds::new(half, level);
    let measured_by = UpperBounds::new(pairs - half, level);
    let nothing = AuditError::NothingDiffers {
        statistics: statistics.len(),
    };
    let bound = |parameter| lower_bound(&scores, half, parameter, &chosen_by, &measured_by);
    let (epsilon, mu) = (Parameter::Epsilon(claim.delta), Parameter::Mu);
    let never = measured_by.rate(0).upper;
    let (Some(shown_epsilon), Some(shown_mu)) = (bound(epsilon), bound(mu)) else {
        return Err(nothing);
    };
    Ok(Audit {
        claim,
        pairs,
        confidence,
        epsilon_by_mu: Gdp::new(shown_mu.value)?.epsilon(delta)?.value(),
        epsilon: shown_epsilon,
        mu: shown_mu,
        most_epsilon: epsilon.least(never, never),
        most_mu: mu.least(never, never),
        distance: None,
    })
}

/// Where the pairs of a run's audit come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Fresh noise around the run's own unlearned and retrained weights.
    Noise,
    /// Everything from the start, with other seeds for every pair.
    Full,
}

/// Audits the newest release of a run, which must be one of its last request.
///
/// The retrained weights are those that [`Run::retrain`] keeps; they are trained now if they are
/// not there. With `seed` the noise can be repeated; without, the operating system's generator
/// gives it, as for a release. Nothing of what is drawn is written anywhere.
///
/// # Errors
/// As [`audit`], [`Run::sides`] and [`Run::sides_afresh`].
pub fn of_run(
    run: &Run,
    settings: &AuditSettings,
    extent: Extent,
    seed: Option<u64>,
    observer: &mut dyn Observer,
) -> Result<Audit, AuditError> {
    let certificate = run.newest_certificate()?;
    let claim = Claim::of(&certificate)?;
    let sides = run.sides(observer)?;
    let (unlearned, retrained) = (&sides.unlearned, &sides.retrained);
    let tensors = &run.model().description().tensors;
    let projections = Projection::of_sides(tensors, unlearned, retrained);
    let apart = Distance {
        measured: distance(unlearned.values(), retrained.values()),
        bound: certificate.sensitivity(),
    };
    let loss = ForgottenLoss::of_last_request(run)?;
    let mut statistics: Vec<&dyn Statistic> = Vec::new();
    statistics.extend(loss.iter().map(|loss| loss as &dyn Statistic));
    statistics.extend(projections.iter().map(|p| p as &dyn Statistic));
    let source = match seed {
        Some(seed) => NoiseSource::insecure_from_seed(seed),
        None => NoiseSource::from_operating_system()?,
    };
    match extent {
        Extent::Noise => {
            let mut releases =
                Rehearsed::new(run.model().description(), sides, &certificate.noise, source);
            let found = audit(claim, &mut releases, &statistics, settings, observer)?;
            let distance = Some(apart);
            Ok(Audit { distance, ..found })
        }
        Extent::Full => {
            let mut releases = Afresh {
                run,
                noise: certificate.noise,
                source,
                seed: seed.unwrap_or(1),
            };
            audit(claim, &mut releases, &statistics, settings, observer)
        }
    }
}

fn require(
    valid: bool,
    setting: &'static str,
    found: f64,
    expected: &'static str,
) -> Result<(), AuditError> {
    match valid {
        true => Ok(()),
        false => Err(AuditError::Setting {
            setting,
            found: found.to_string(),
            expected,
        }),
    }
}

fn report(observer: &mut dyn Observer, done: u64, total: u64) -> Result<(), AuditError> {
    let progress = Progress {
        phase: Phase::Audit,
        done,
        total: Some(total),
        epoch: None,
        relative_residual: None,
    };
    match observer.observe(&progress).is_continue() {
        true => Ok(()),
        false => Err(rescind::ModelError::Interrupted {
            phase: Phase::Audit,
        }
        .into()),
    }
}
