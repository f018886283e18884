//! The noise is Gaussian, independent, on its grid, and says where it came from. Seeds are fixed,
//! so a statistic either passes for ever or the sampler has changed.

use rescind_privacy::noise::{NoiseReport, NoiseSource, Origin, ReleaseFormat};
use rescind_privacy::{NoiseScale, PrivacyError};
use statrs::distribution::{ContinuousCDF, Normal};

const COUNT: usize = 1_000_000;

/// Noise alone, in units of σ.
fn deviates(sigma: f64, seed: u64) -> Vec<f64> {
    let mut values = vec![0.0; COUNT];
    NoiseSource::insecure_from_seed(seed)
        .add_gaussian(
            NoiseScale::new(sigma).unwrap(),
            0.0,
            ReleaseFormat::F64,
            &mut values,
        )
        .unwrap();
    values.iter().map(|value| value / sigma).collect()
}

#[test]
fn moments_are_those_of_the_normal() {
    for (sigma, seed) in [(1.0, 1), (1e-3, 2), (37.5, 3)] {
        let deviates = deviates(sigma, seed);
        let moment = |power| deviates.iter().map(|z| z.powi(power)).sum::<f64>() / COUNT as f64;
        // Four standard errors: Var(zᵏ)/n with E z⁸ = 105, E z⁶ = 15, E z⁴ = 3.
        let scale = 4.0 / (COUNT as f64).sqrt();
        assert!(moment(1).abs() < scale, "mean {}", moment(1));
        assert!(
            (moment(2) - 1.0).abs() < scale * 2f64.sqrt(),
            "variance {}",
            moment(2)
        );
        assert!(
            moment(3).abs() < scale * 15f64.sqrt(),
            "third moment {}",
            moment(3)
        );
        assert!(
            (moment(4) - 3.0).abs() < scale * 96f64.sqrt(),
            "fourth moment {}",
            moment(4)
        );
    }
}

#[test]
fn distribution_is_normal_tails_included() {
    let normal = Normal::new(0.0, 1.0).unwrap();
    let mut sorted = deviates(0.02, 11);
    sorted.sort_by(f64::total_cmp);
    let farthest = sorted.iter().enumerate().map(|(i, z)| {
        let below = normal.cdf(*z);
        (below - i as f64 / COUNT as f64)
            .abs()
            .max(((i + 1) as f64 / COUNT as f64 - below).abs())
    });
    // Kolmogorov-Smirnov at the 0.1 % level
    let distance = farthest.fold(0.0, f64::max) * (COUNT as f64).sqrt();
    assert!(distance < 1.95, "{distance}");
    for beyond in [2.0, 3.0, 3.7, 4.2] {
        let expected = 2.0 * normal.sf(beyond) * COUNT as f64;
        let found = sorted.iter().filter(|z| z.abs() > beyond).count() as f64;
        assert!(
            (found - expected).abs() < 4.0 * expected.sqrt(),
            "{beyond}: {found}"
        );
    }
}

#[test]
fn successive_values_are_independent() {
    let deviates = deviates(1.0, 5);
    for lag in [1, 2, 7, 64] {
        // of the values and of their squares: variance 1 and 4 per product
        let pairs = || deviates.iter().zip(&deviates[lag..]);
        let count = (COUNT - lag) as f64;
        let linear = pairs().map(|(x, y)| x * y).sum::<f64>() / count.sqrt();
        let square = pairs()
            .map(|(x, y)| (x * x - 1.0) * (y * y - 1.0))
            .sum::<f64>();
        assert!(linear.abs() < 4.0, "lag {lag}: {linear}");
        assert!(
            (square / (2.0 * count.sqrt())).abs() < 4.0,
            "lag {lag}: {square}"
        );
    }
}

#[test]
fn releases_lie_on_the_grid_and_in_the_format() {
    for (sigma, scale) in [(1e-3, 1.0), (1e-7, 3.0), (2.0, 0.1)] {
        let weights: Vec<f64> = (0..5000).map(|i| scale * f64::from(i).sin()).collect();
        for format in [ReleaseFormat::F32, ReleaseFormat::F64] {
            let mut released = weights.clone();
            let report = NoiseSource::insecure_from_seed(9)
                .add_gaussian(
                    NoiseScale::new(sigma).unwrap(),
                    scale,
                    format,
                    &mut released,
                )
                .unwrap();
            assert_eq!((report.count, report.clamped), (5000, 0));
            for (value, weight) in released.iter().zip(&weights) {
                assert!((value / report.grid.spacing()).fract().abs() <= 0.0);
                assert!((value - weight).abs() < 6.0 * sigma + report.grid.spacing());
                if format == ReleaseFormat::F32 {
                    assert_eq!(f64::from(*value as f32).to_bits(), value.to_bits());
                }
            }
        }
    }
}

#[test]
fn low_bits_of_the_weights_leave_no_trace() {
    // Two weights that differ below the grid: after rounding, both reach the same numbers.
    let sigma = NoiseScale::new(1e-3).unwrap();
    let reached = |weight: f64| {
        let mut values = vec![weight; 200_000];
        let report = NoiseSource::insecure_from_seed(21)
            .add_gaussian(sigma, 1.0, ReleaseFormat::F32, &mut values)
            .unwrap();
        let mut cells: Vec<i64> = values
            .iter()
            .map(|value| (value / report.grid.spacing()) as i64)
            .collect();
        cells.sort_unstable();
        cells.dedup();
        cells
    };
    let (one, other) = (reached(0.75), reached(0.75 + 1e-13));
    assert!(one.len() > 10_000);
    let shared = one
        .iter()
        .filter(|cell| other.binary_search(cell).is_ok())
        .count();
    assert!(
        shared as f64 > 0.999 * one.len() as f64,
        "{shared} of {}",
        one.len()
    );
}

#[test]
fn sums_beyond_the_limit_are_brought_back_and_counted() {
    let mut values = [0.5, 1e9, -1e9];
    let report = NoiseSource::insecure_from_seed(0)
        .add_gaussian(
            NoiseScale::new(0.01).unwrap(),
            1.0,
            ReleaseFormat::F32,
            &mut values,
        )
        .unwrap();
    assert_eq!(report.clamped, 2);
    assert_eq!(values[1..].iter().map(|v| v.log2()).next(), Some(1.0));
    assert_eq!(values[2].to_bits(), (-2.0f64).to_bits());
}

#[test]
fn broken_weights_are_refused_untouched() {
    for broken in [f64::NAN, f64::INFINITY] {
        let mut values = [1.0, broken];
        let error = NoiseSource::insecure_from_seed(0)
            .add_gaussian(
                NoiseScale::new(1.0).unwrap(),
                1.0,
                ReleaseFormat::F64,
                &mut values,
            )
            .unwrap_err();
        assert!(matches!(error, PrivacyError::OutOfRange { .. }));
        assert_eq!(values[0].to_bits(), 1f64.to_bits());
    }
}

#[test]
fn a_seed_repeats_and_the_operating_system_does_not() {
    assert_eq!(deviates(1.0, 4)[..100], deviates(1.0, 4)[..100]);
    assert_ne!(deviates(1.0, 4)[..100], deviates(1.0, 5)[..100]);
    assert_eq!(
        NoiseSource::insecure_from_seed(4).origin(),
        Origin::InsecureSeed
    );

    let draw = || {
        let mut source = NoiseSource::from_operating_system().unwrap();
        assert_eq!(source.origin(), Origin::OperatingSystem);
        assert_eq!(
            format!("{source:?}"),
            "NoiseSource { origin: OperatingSystem, .. }"
        );
        let mut values = vec![0.0; 100];
        source
            .add_gaussian_unrounded(NoiseScale::new(1.0).unwrap(), &mut values)
            .unwrap();
        // a chi-squared of 100 beyond these has a probability below 1e-16
        let energy: f64 = values.iter().map(|value| value * value).sum();
        assert!((15.0..260.0).contains(&energy), "{energy}");
        values
    };
    assert_ne!(draw(), draw());
}

#[test]
fn the_report_is_readable_and_strict() {
    let mut values = [0.0; 3];
    let report = NoiseSource::insecure_from_seed(1)
        .add_gaussian(
            NoiseScale::new(0.5).unwrap(),
            8.0,
            ReleaseFormat::F64,
            &mut values,
        )
        .unwrap();
    let written = serde_json::to_string(&report).unwrap();
    assert_eq!(
        written,
        r#"{"origin":"insecure_seed","sigma":0.5,"grid":{"spacing_exponent":-21,"limit_exponent":4},"count":3,"clamped":0}"#
    );
    assert_eq!(
        serde_json::from_str::<NoiseReport>(&written).unwrap(),
        report
    );
    assert!(serde_json::from_str::<NoiseReport>(&written.replace("0.5", "-0.5")).is_err());
}
