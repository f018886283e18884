//! The spectrum of the Hessian.

use super::ReportError;
use super::sources::Sources;
use crate::report::chart::{Axis, Chart, Mark, Scale, Series};
use crate::report::page::{Block, Figure, Section};
use crate::report::words::number;
use rescind::PrivateModel;
use rescind::{Curvature, ModelError, Observer, Phase, Progress, Watched};
use rescind_curvature::{Control, DensitySettings, SpectralDensity, SpectrumError};
use rescind_data::{Selection, epoch_order};

/// Records the Hessian is taken over at most, drawn by this seed.
const RECORDS: usize = 5000;
const SETTINGS: DensitySettings = DensitySettings {
    starts: 3,
    steps: 60,
    seed: 0,
};
/// Places where the density is drawn.
const PLACES: u32 = 200;

pub(super) fn section(
    sources: &Sources<'_>,
    observer: &mut dyn Observer,
) -> Result<Section, ReportError> {
    let title = "Spectrum of the Hessian";
    let run = sources.run;
    let weights = match run.state() {
        Some(_) if !run.model_is_absent() => run.private_model(PrivateModel::Current)?,
        _ => None,
    };
    let Some(weights) = weights else {
        return Ok(Section::new(title, Vec::new()));
    };
    let mut some = epoch_order(run.retained(), SETTINGS.seed, 0);
    some.truncate(RECORDS);
    let records = some.len();
    let some = Selection::new(run.model().records(), some).map_err(rescind::Error::from)?;
    let objective = run.objective(&some, &weights.statistics)?;
    let hessian = objective.curvature(&weights.parameters, Curvature::Hessian);
    let hessian = Watched::new(hessian.map_err(rescind::Error::from)?);
    let total = SETTINGS.starts * SETTINGS.steps.min(objective.dim()) as u64;
    let mut relay = |step: rescind_curvature::Progress| {
        observer.observe(&Progress {
            phase: Phase::Spectrum,
            done: step.products,
            total: Some(total),
            epoch: None,
            relative_residual: None,
        })
    };
    let mut control = Control::new(&mut relay);
    let density = SpectralDensity::estimate(&hessian, SETTINGS, &mut control);
    let density = density.map_err(|error| match error {
        SpectrumError::Interrupted { .. } => ModelError::Interrupted {
            phase: Phase::Spectrum,
        },
        other => other.into(),
    });
    let density = hessian.outcome(density).map_err(rescind::Error::from)?;
    Ok(Section::new(
        title,
        blocks(&density, objective.dim(), records)?,
    ))
}

fn blocks(
    density: &SpectralDensity,
    dim: usize,
    records: usize,
) -> Result<Vec<Block>, ReportError> {
    let (Some(&(least, _)), Some(&(largest, _))) = (density.nodes.first(), density.nodes.last())
    else {
        return Ok(Vec::new());
    };
    let span = (largest - least).max(1e-12 * largest.abs()).max(1e-30);
    let width = span / 100.0;
    let mut points = Vec::new();
    for place in 0..=PLACES {
        let share = -0.03 + 1.06 * f64::from(place) / f64::from(PLACES);
        let at = least + share * span;
        let height = density.at(at, width).map_err(ModelError::from);
        let height = height.map_err(rescind::Error::from)?;
        // Below one eigenvalue in all there is nothing to see.
        points.push((at, height.max(1e-3 / (dim as f64 * width))));
    }
    let chart = Chart {
        x: Axis::new("eigenvalue of the Hessian", Scale::Linear),
        y: Axis::new("density of eigenvalues (share per unit)", Scale::Log),
        series: vec![Series::new("density", points, Mark::Line)],
        references: Vec::new(),
    };
    let text = format!(
        "Smallest Ritz value {}, largest {}, over {records} retained records, with {} products. A \
         Newton step on the Hessian needs a damping above the smallest eigenvalue's size where that \
         is negative.",
        number(least),
        number(largest),
        density.products
    );
    Ok(vec![
        Figure::block(
            "spectrum",
            "Spectrum of the Hessian at the private weights",
            "By stochastic Lanczos quadrature, every node widened by a hundredth of the range: for \
             looking at, not for bounds. Where the line runs along the bottom there is none.",
            chart,
        ),
        Block::text(text),
    ])
}
