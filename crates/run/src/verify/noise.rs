//! Whether released weights lie where noise of the size stated leaves them.

use crate::disk;
use crate::error::Error;
use crate::ledger::release_folder;
use crate::run::Run;
use crate::tensors;
use rescind_certificate::verify::{Checks, Subject};
use rescind_certificate::{Certificate, FollowedBy, released_parts};
use rescind_network::Weights;
use rescind_privacy::sensitivity::Theorem;
use rescind_unlearn::norm_above;

/// ln(1e20): of honest releases no more than one in 1e20 fails a check of this module.
const EXPONENT: f64 = 46.051_701_859_880_92;

/// Between what the length of so many standard normal numbers lies, but with a probability of 1e-20
/// on either side (Laurent & Massart 2000, Lemma 1).
fn lengths(count: usize) -> (f64, f64) {
    let count = count as f64;
    let spread = 2.0 * (count * EXPONENT).sqrt();
    let least = (count - spread).max(0.0).sqrt();
    (least, (count + spread + 2.0 * EXPONENT).sqrt())
}

/// `‖released − from‖`, what lies between the two being Gaussian of this standard deviation and
/// something no longer than `reach`: whether it can be.
fn can_be(
    (released, from): (&[f32], &[f64]),
    (reach, deviation): (f64, f64),
    spacing: f64,
) -> Result<(), (String, f64)> {
    let apart = released
        .iter()
        .zip(from)
        .map(|(&released, from)| f64::from(released) - from);
    let distance = norm_above(apart);
    let (least, most) = lengths(released.len());
    // Every number was brought to a grid.
    let room = reach + spacing * (released.len() as f64).sqrt();
    let (least, most) = (deviation * least - room, deviation * most + room);
    match distance >= least && distance <= most {
        true => Ok(()),
        false => Err((format!("{:.6e} to {most:.6e}", least.max(0.0)), distance)),
    }
}

/// The released weights, as far as they are noised, lie as far from the centre as radius and noise can
/// bring them, and as the noise must.
pub(super) fn reaches_as_far(
    certificate: &Certificate,
    weights: &[f32],
    centre: &[f32],
    checks: &mut Checks,
) {
    let Ok(parts) = released_parts(certificate) else {
        return; // said where the figures are computed again
    };
    let centre: Vec<f64> = centre.iter().map(|&value| f64::from(value)).collect();
    if centre.len() != weights.len() {
        return; // said where they are counted
    }
    let spacing = certificate.noise.grid.spacing();
    match can_be((weights, &centre), parts, spacing) {
        Ok(()) => {
            let why = "the released weights lie where radius and noise can bring them";
            checks.passed_if(true, Subject::Files, why);
        }
        Err((expected, found)) => {
            let why = "radius and noise as stated do not bring weights to this distance from the \
                       centre";
            checks.failed(Subject::Files, "/model/ball/radius", expected, found, why);
        }
    }
}

/// The released weights differ from the private ones by noise of the size stated, where noise was
/// added to these once, and nothing followed.
pub(super) fn is_added(certificate: &Certificate, run: &Run, checks: &mut Checks) {
    let (subject, noise) = (Subject::Measurements, &certificate.noise);
    let once = noise.followed_by == FollowedBy::Nothing
        && !matches!(
            certificate.guarantee.binding,
            Theorem::NoisyFineTuning | Theorem::OutputPerturbation
        );
    let private = match run.iterate(certificate.release) {
        Ok((_, private)) if once => private,
        Ok(_) | Err(Error::IterateGone { .. }) => {
            let why = "that noise was added: what it was added to is not kept";
            checks.skipped(subject, why);
            return;
        }
        Err(error) => {
            let (expected, why) = ("the private weights", "they cannot be read");
            checks.failed(subject, "private/state", expected, error, why);
            return;
        }
    };
    let file = release_folder(run.root(), certificate.release).join("weights.safetensors");
    let Ok(bytes) = disk::read(&file) else {
        return; // said where the files are looked at
    };
    let read: Result<Weights<f32>, _> = tensors::from_bytes(run.model().description(), &bytes);
    let Ok(released) = read else {
        return; // said there too
    };
    let narrow = private.weights.parameters.iter().map(|&w| f64::from(w));
    let private = private.exact.unwrap_or_else(|| narrow.collect());
    let moving = run.model().description().moving();
    let (released, private) = (moving.of(&released.parameters), moving.of(&private));
    let parts = (0.0, noise.sigma.value());
    match can_be((&released, &private), parts, noise.grid.spacing()) {
        Ok(()) => {
            let why = "the released weights differ from the private ones as noise of the size stated \
                       makes them";
            checks.passed_if(true, subject, why);
        }
        Err((expected, found)) => {
            let why = "released and private weights do not differ as noise of the size stated makes \
                       them";
            checks.failed(subject, "/noise/sigma", expected, found, why);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rescind_privacy::NoiseScale;
    use rescind_privacy::noise::{NoiseSource, ReleaseFormat};

    /// Weights and what σ = 0.01 makes of them.
    fn noised(count: usize) -> (Vec<f64>, Vec<f32>, f64) {
        let weights: Vec<f64> = (0..count).map(|i| (i as f64).sin()).collect();
        let mut noised = weights.clone();
        let mut source = NoiseSource::insecure_from_seed(count as u64);
        let sigma = NoiseScale::new(0.01).unwrap();
        let report = source.add_gaussian(sigma, 1.0, ReleaseFormat::F32, &mut noised);
        let spacing = report.unwrap().grid.spacing();
        (weights, noised.iter().map(|&w| w as f32).collect(), spacing)
    }

    #[test]
    fn noise_is_told_from_none_and_from_noise_of_another_size() {
        for count in [1_000, 100_000] {
            let (weights, released, spacing) = noised(count);
            let check = |released: &[f32], deviation: f64| {
                can_be((released, &weights), (0.0, deviation), spacing).is_ok()
            };
            assert!(check(&released, 0.01));
            let bare: Vec<f32> = weights.iter().map(|&w| w as f32).collect();
            assert!(!check(&bare, 0.01), "none");
            for wrong in [0.005, 0.02] {
                assert!(!check(&released, wrong), "{wrong}");
            }
            // Something no longer than the reach may lie between as well.
            let moved: Vec<f64> = weights.iter().map(|w| w + 0.1).collect();
            let far = 0.1 * (count as f64).sqrt();
            for (reach, holds) in [(far, true), (0.5 * far, false)] {
                let found = can_be((&released, &moved), (reach, 0.01), spacing);
                assert_eq!(found.is_ok(), holds, "{reach}");
            }
        }
    }

    /// Of few numbers the length may be anything down to 0, and not anything upwards.
    #[test]
    fn lengths_hold_all_that_chance_does() {
        let (least, most) = lengths(1);
        assert!(least <= 0.0 && (9.5..13.0).contains(&most), "{most}");
        let (least, most) = lengths(1_000_000);
        assert!((985.0..1000.0).contains(&least) && (1000.0..1015.0).contains(&most));
    }
}
