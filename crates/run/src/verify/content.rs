//! What the released files hold.

use super::noise;
use crate::disk;
use crate::release::centre_digest;
use crate::run::proved_radius;
use crate::tensors;
use rescind_certificate::verify::{Checks, Subject};
use rescind_certificate::{Certificate, FollowedBy};
use rescind_network::{Loss, Network, Weights};
use rescind_unlearn::{ModelDescription, Moving, OutputLoss, Parameterisation, describe};
use std::path::Path;

/// What the certificate says about the content of weights and description; the centre may lie in one
/// of the folders.
pub(super) fn fits(
    certificate: &Certificate,
    (weights, given): (&[u8], &[u8]),
    folders: &[&Path],
    checks: &mut Checks,
) {
    let subject = Subject::Files;
    let model = &certificate.model;
    let description: ModelDescription = match serde_json::from_slice(given) {
        Ok(description) => description,
        Err(error) => {
            let why = "it cannot be read";
            checks.failed(subject, "model.json", "a model's description", error, why);
            return;
        }
    };
    let written = description.to_json().ok();
    hold_no_more("model.json", written.as_deref() == Some(given), checks);
    let count = description.parameters() as u64;
    let why = "the model has as many parameters as stated";
    checks.equal(subject, "/model/parameters", count, model.parameters, why);
    let count = description.frozen() as u64;
    let why = "as many of them stay at the centre as stated";
    checks.equal(subject, "/model/frozen", count, model.frozen, why);
    let count = description.statistic_count() as u64;
    let why = "the model has as many statistics as stated";
    checks.equal(subject, "/model/statistics", count, model.statistics, why);
    let (rough, stated) = (
        description.smoothness.rough_parts().join(", "),
        model.rough_parts.join(", "),
    );
    let why = "the parts without a Lipschitz Hessian are those stated";
    checks.equal(subject, "/model/rough_parts", rough, stated, why);
    let why = "the model is of the kind stated";
    let (kind, stated) = (description.kind.as_str(), model.kind.as_str());
    checks.equal(subject, "/model/kind", kind, stated, why);
    if let Some(own) = Parameterisation::of_kind(kind) {
        is_what_its_layers_make(certificate, own, &description, checks);
    }
    let read: Result<Weights<f32>, _> = tensors::from_bytes(&description, weights);
    match read {
        Ok(own) => {
            let (parameters, statistics) = (&own.parameters, &own.statistics);
            let written = tensors::to_bytes(&description, parameters, statistics).ok();
            hold_no_more(
                "weights.safetensors",
                written.as_deref() == Some(weights),
                checks,
            );
            holds(certificate, &description, parameters, folders, checks);
        }
        Err(error) => {
            let why = "the weights do not fit the model";
            checks.failed(subject, "weights.safetensors", "its weights", &error, why);
        }
    }
}

/// Whether a file is what its content is written as, to the byte: nothing else was put in it.
fn hold_no_more(name: &str, same: bool, checks: &mut Checks) {
    let subject = Subject::Files;
    checks.passed_if(
        same,
        subject,
        &format!("{name} holds what it is read for, and no more"),
    );
    if !same {
        let expected = "its content as this program writes it";
        let why = "something else stands in it: a note, spaces, or another order";
        checks.failed(subject, name, expected, "more, or other bytes", why);
    }
}

/// What the certificate says of the released numbers: those that carry noise, and those that are the
/// centre's.
fn holds(
    certificate: &Certificate,
    description: &ModelDescription,
    weights: &[f32],
    folders: &[&Path],
    checks: &mut Checks,
) {
    let (subject, model) = (Subject::Files, &certificate.model);
    let moving = description.moving();
    let is_head = model.kind == Parameterisation::Head.kind();
    let centre = match is_head {
        // Its backbone and zeros, wherever else a centre may lie.
        true => centre_within(certificate, &moving, weights),
        false => centre(certificate, description, folders),
    };
    match &centre {
        Some(centre) => {
            let stays = is_the_centre_elsewhere(&moving, weights, centre);
            let why = "what training leaves alone is the centre's";
            checks.passed_if(stays, subject, why);
            if !stays {
                let field = "weights.safetensors";
                let expected = "the centre's values in frozen tensors";
                let why = "a frozen tensor, which carries no noise, is not the centre's";
                checks.failed(subject, field, expected, "others", why);
            }
            let largest = centre
                .iter()
                .map(|c| f64::from(c.abs()))
                .fold(0.0, f64::max);
            let why = "the greatest coordinate of the centre is the one stated";
            let (field, stated) = ("/model/ball/largest_centre", model.ball.largest_centre);
            checks.equal(subject, field, largest, stated, why);
        }
        None if is_head => {
            let field = "weights.safetensors";
            let expected = "the centre's values in frozen tensors";
            let why =
                "the centre of a head is its backbone and zeros, and this backbone is another";
            checks.failed(subject, field, expected, "others", why);
        }
        None => {}
    }
    // What training made of noised numbers lies on no grid, and anywhere.
    if certificate.noise.followed_by == FollowedBy::Recovery {
        return;
    }
    let released = moving.of(weights);
    lies_on_the_grid(certificate, &released, checks);
    match centre {
        Some(centre) => {
            noise::reaches_as_far(certificate, &released, &moving.of(&centre), checks);
        }
        None => checks.skipped(
            subject,
            "how far the released weights lie from the centre, which is not at hand",
        ),
    }
}

/// What a model of this program's own says of itself follows from its layers, and so does what its
/// penalty proves.
fn is_what_its_layers_make(
    certificate: &Certificate,
    own: Parameterisation,
    description: &ModelDescription,
    checks: &mut Checks,
) {
    let subject = Subject::Files;
    // One that none of these is makes another description.
    let loss = match description.loss {
        Some(OutputLoss::SquaredError { .. }) => Loss::SquaredError,
        _ => Loss::SoftmaxCrossEntropy,
    };
    let network = serde_json::from_value(description.architecture.clone())
        .map_err(|error| error.to_string())
        .and_then(|layers| Network::new(layers).map_err(|error| error.to_string()));
    let made = network.and_then(|network| {
        let made = describe(&network, own, loss).map_err(|error| error.to_string())?;
        Ok((network, made))
    });
    let (network, made) = match made {
        Ok(made) => made,
        Err(error) => {
            let (expected, why) = ("layers of a network", "they make none");
            checks.failed(subject, "model.json", expected, error, why);
            return;
        }
    };
    let written = |description: &ModelDescription| {
        let mut all = serde_json::to_value(description).unwrap_or_default();
        // Read from the file and written by it: compared as part of neither.
        if let Some(members) = all.as_object_mut() {
            members.remove("architecture");
        }
        all.to_string()
    };
    let why = "tensors, statistics and smoothness of the model are those of its layers";
    let (made, found) = (written(&made), written(description));
    checks.equal(subject, "/model/description", made, found, why);
    let stated = |setting| certificate.method.number(setting);
    if let (true, Some(penalty)) = (own.is_convex(), stated("/penalty")) {
        // docs/theory.md §3, with the classes that the model has.
        let at_zero = OutputLoss::from(loss).at_zero(network.outputs());
        let gradient = stated("/gradient_bound").unwrap_or(0.0);
        let proved = proved_radius(at_zero, penalty, gradient);
        let radius = certificate.model.ball.radius;
        // A logarithm's last digit may differ between machines.
        let is_proved = (radius - proved).abs() <= 1e-12 * proved;
        let why = "the radius is what the penalty proves for the loss and as many classes";
        checks.passed_if(is_proved, subject, why);
        if !is_proved {
            let field = "/model/ball/radius";
            let why = "nothing but its penalty keeps a convex model in a ball";
            checks.failed(subject, field, proved, radius, why);
        }
    }
}

fn lies_on_the_grid(certificate: &Certificate, weights: &[f32], checks: &mut Checks) {
    let (subject, grid) = (Subject::Files, certificate.noise.grid);
    let mut values = weights.iter().map(|&value| f64::from(value));
    let off = values
        .find(|value| (value / grid.spacing()).fract().abs() > 0.0 || value.abs() > grid.limit());
    let why = "every released number lies on the grid";
    checks.passed_if(off.is_none(), subject, why);
    if let Some(off) = off {
        let expected = format!("a multiple of {}", grid.spacing());
        let why = "a weight is off the grid";
        checks.failed(subject, "/noise/grid", expected, off, why);
    }
}

/// The centre, where it is the released weights with zeros wherever the model moves: that of a head.
fn centre_within(certificate: &Certificate, moving: &Moving, weights: &[f32]) -> Option<Vec<f32>> {
    let stated = certificate.model.ball.centre?;
    let mut centre = weights.to_vec();
    for place in moving.places() {
        *centre.get_mut(place)? = 0.0;
    }
    Some(centre).filter(|centre| centre_digest(centre) == stated)
}

fn is_the_centre_elsewhere(moving: &Moving, weights: &[f32], centre: &[f32]) -> bool {
    let mut others = moving.others(weights.len());
    centre.len() == weights.len()
        && others.all(|place| weights[place].to_bits() == centre[place].to_bits())
}

/// The centre of the ball: the origin, what its seed draws, or what lies in one of the folders, if it
/// is the one certified.
fn centre(
    certificate: &Certificate,
    description: &ModelDescription,
    folders: &[&Path],
) -> Option<Vec<f32>> {
    let ball = &certificate.model.ball;
    let Some(stated) = ball.centre else {
        return Some(vec![0.0; description.parameters()]);
    };
    let is_stated = |centre: &Vec<f32>| centre_digest(centre) == stated;
    if let Some(seed) = ball.seed {
        return Some(description.draw(seed)).filter(is_stated);
    }
    let mut found = folders.iter().filter_map(|folder| {
        let bytes = disk::read(&folder.join("centre.safetensors")).ok()?;
        let read: Weights<f32> = tensors::from_bytes(description, &bytes).ok()?;
        Some(read.parameters)
    });
    found.find(is_stated)
}
