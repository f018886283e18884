//! Some forgotten records, and what the models say of them. Personal data: only if asked.

use super::ReportError;
use super::sources::Sources;
use crate::report::page::{Block, Picture, Section};
use crate::report::png;
use crate::report::words::percent;
use rescind::PrivateModel;
use rescind::Run;
use rescind_data::Dataset;
use rescind_network::Weights;

/// Records shown at most, spread over all.
const MOST: usize = 12;

pub(super) fn section(sources: &Sources<'_>) -> Result<Section, ReportError> {
    let title = "Some of the forgotten records";
    let text = |text: &str| Ok(Section::new(title, vec![Block::text(text)]));
    let run = sources.run;
    if run.config().is_none() {
        return text("The records are in the program that the model computes in.");
    }
    let dataset = run.classifier()?.train_records()?;
    let forgotten: Vec<usize> = sources
        .answers
        .iter()
        .flat_map(|request| request.forgotten.positions().iter().copied())
        .collect();
    if forgotten.is_empty() {
        return text("No record was forgotten, so there is none to show.");
    }
    let Some(shape) = shape(dataset) else {
        return text("The records are no pictures, so none are shown.");
    };
    let step = forgotten.len().div_ceil(MOST);
    let models = models(run)?;
    let mut pictures = Vec::new();
    for &position in forgotten.iter().step_by(step) {
        let (Some(input), Some(&label)) = (dataset.input(position), dataset.labels().get(position))
        else {
            continue;
        };
        let mut lines = Vec::new();
        for (name, weights) in &models {
            lines.push(format!("{name}: {}", opinion(run, weights, input)?));
        }
        pictures.push(Picture {
            png: picture(position, input, shape)?,
            title: format!("record {position}: {}", class(dataset, label as usize)),
            lines,
        });
    }
    let warning = "These are the records that were to be forgotten. Whoever keeps this page keeps \
                   them: delete it when it has been looked at.";
    Ok(Section::new(
        title,
        vec![Block::text(warning), Block::Pictures(pictures)],
    ))
}

/// Channels, height and width of a record that can be shown.
fn shape(dataset: &Dataset) -> Option<(usize, usize, usize)> {
    match *dataset.input_shape() {
        [channels @ (1 | 3), height, width] => Some((channels, height, width)),
        _ => None,
    }
}

fn models(run: &Run) -> Result<Vec<(&'static str, Weights<f32>)>, ReportError> {
    let mut models = Vec::new();
    for (name, which) in [
        ("before", PrivateModel::Original),
        ("after", PrivateModel::Current),
        ("retrained", PrivateModel::Retrained),
    ] {
        models.extend(run.private_model(which)?.map(|weights| (name, weights)));
    }
    Ok(models)
}

/// The class a model takes a record for, and how sure it is.
fn opinion(run: &Run, weights: &Weights<f32>, input: &[f32]) -> Result<String, ReportError> {
    let model = run.network_model(weights.statistics.clone())?;
    let logits = model
        .logits(&weights.parameters, input)
        .map_err(rescind::Error::from)?;
    let best = (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b]));
    let best = best.unwrap_or(0);
    let top = logits.get(best).copied().unwrap_or(0.0);
    let sum: f64 = logits.iter().map(|&z| f64::from(z - top).exp()).sum();
    let class = class(run.classifier()?.train_records()?, best);
    Ok(format!("{class}, {}", percent(1.0 / sum)))
}

fn class(dataset: &Dataset, index: usize) -> String {
    let named = dataset.class_names().get(index);
    named.cloned().unwrap_or_else(|| index.to_string())
}

/// The picture, its values spread from black to white: how inputs were scaled does not matter.
fn picture(
    position: usize,
    input: &[f32],
    shape: (usize, usize, usize),
) -> Result<Vec<u8>, ReportError> {
    let ends = input
        .iter()
        .fold((f32::INFINITY, f32::NEG_INFINITY), |(a, b), &v| {
            (a.min(v), b.max(v))
        });
    let range = (ends.1 - ends.0).max(f32::MIN_POSITIVE);
    let (channels, height, width) = shape;
    let pixels: Vec<u8> = (0..height * width)
        .flat_map(|pixel| (0..channels).map(move |channel| channel * height * width + pixel))
        .map(|index| (255.0 * (input[index] - ends.0) / range).round() as u8)
        .collect();
    png::encoded(&pixels, shape).map_err(|error| ReportError::Picture {
        position,
        reason: error.to_string(),
    })
}
