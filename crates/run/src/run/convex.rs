//! What a run of a convex model must be, and what follows from its settings (docs/theory.md §3).

use super::config::RunConfig;
use crate::error::Error;
use rescind_certificate::{LEAST_GRADIENT_BOUND, is_name};
use rescind_network::{Network, Weights};
use rescind_unlearn::training::convex_settings;
use rescind_unlearn::{Parameterisation, Scaling, head_place};

/// The greatest seed that every reader of JSON reads back, so that a verifier can draw from it.
const MOST_SEED: u64 = 1 << 53;

/// Refuses a centre that nobody vouches for, and a convex model whose guarantee could not be proved;
/// sets the radius that its penalty proves. Returns the content of the centre's file: the one given, or one drawn here.
pub(super) fn complete_config(
    config: &mut RunConfig,
    network: &Network,
    centre: Option<&[u8]>,
) -> Result<Option<Vec<u8>>, Error> {
    let given = centre.map(<[u8]>::to_vec);
    check_declared(given.is_some(), config.declared_by.as_deref())?;
    if !config.parameterisation.is_convex() {
        return Ok(given);
    }
    let refuse = |reason: &str| {
        let reason = reason.to_owned();
        Err(rescind_unlearn::Error::NotProvable { reason }.into())
    };
    if config.training.penalty <= 0.0 {
        return refuse(
            "the penalty is 0, so that the objective need not be strongly convex and its minimiser \
             may move freely: give a penalty above 0",
        );
    }
    if network.statistic_count() > 0 {
        return refuse(
            "the network has batch norm, whose statistics no noise would cover: use group norm or \
             none",
        );
    }
    if config.training.early_stopping.is_some() {
        return refuse(
            "early stopping would end training before the gradient is small: leave it out",
        );
    }
    if config.training.early_checkpoint.is_some() {
        return refuse("its training has no epochs to keep an early checkpoint of: leave it out");
    }
    let head = config.parameterisation == Parameterisation::Head;
    if head && given.is_none() {
        return refuse(
            "a convex head needs a backbone: give the weights of one that never saw the records as \
             the centre, and say who declares that",
        );
    }
    if head && config.scaling == Scaling::Computed {
        return refuse(
            "inputs scaled by constants of the records would give the frozen backbone other \
             features after every request: scale by fixed constants, or not at all",
        );
    }
    let settings = convex_settings(&config.training)?;
    if settings.gradient_bound < LEAST_GRADIENT_BOUND {
        return refuse(
            "the gradient norm to reach is below 1e-10, where the rounding of a gradient in double \
             precision is no longer small beside it: ask for a larger one",
        );
    }
    config.radius = proved_radius(network.outputs(), settings.penalty, settings.gradient_bound);
    match given {
        Some(centre) if head => Ok(Some(without_head(network, &centre)?)),
        Some(centre) => Ok(Some(centre)),
        None if config.training.seed > MOST_SEED => refuse(
            "the seed that the centre is drawn from is above 2^53, which not every reader of a \
             certificate can read: choose a smaller one",
        ),
        None => {
            let parameters: Vec<f32> = network.initialise(config.training.seed);
            let statistics = network.initial_statistics();
            let drawn = Weights {
                parameters,
                statistics,
            };
            Ok(Some(drawn.to_safetensors(network)?))
        }
    }
}

/// Refuses a centre that nobody vouches for, and a name that is none.
///
/// # Errors
/// [`rescind_unlearn::Error::NotProvable`]; [`rescind_unlearn::Error::Setting`].
pub(super) fn check_declared(centre_given: bool, by: Option<&str>) -> Result<(), Error> {
    if let Some(name) = by {
        if !is_name(name) {
            return Err(rescind_unlearn::Error::Setting {
                setting: "declared_by",
                found: format!("{name:?}"),
                expected: "a name of 1 to 200 characters, all of them shown on one line",
            }
            .into());
        }
    } else if centre_given {
        let reason = "a centre is given and nobody declares that it does not depend on the \
                      records: weights that were trained on a record go on holding it, however \
                      close to them the ball keeps the others. Say who vouches for it (declared_by, \
                      --declared-by NAME), or leave it out";
        let reason = reason.to_owned();
        return Err(rescind_unlearn::Error::NotProvable { reason }.into());
    }
    Ok(())
}

/// The centre of a convex head: the backbone's weights, and zeros for the layer to be trained.
pub(super) fn without_head(network: &Network, centre: &[u8]) -> Result<Vec<u8>, Error> {
    let mut centre = Weights::<f32>::from_safetensors(network, centre)?;
    if let Some(place) = head_place(network) {
        centre.parameters[place].fill(0.0);
    }
    Ok(centre.to_safetensors(network)?)
}

/// A radius that holds every point with `‖∇F‖ ≤ G`, whatever the records: at the centre each of k
/// classes is as likely as any other, so `(μ/2)‖v*‖² ≤ F(v*) ≤ F(0) = ln k`, and such a point lies
/// within G/μ of the minimiser v*. Rounded up, with room for the rounding of weights.
fn proved_radius(classes: usize, penalty: f64, bound: f64) -> f64 {
    let minimiser = (2.0 * (classes as f64).ln() / penalty).sqrt();
    (minimiser + bound / penalty) * (1.0 + 1e-5) + 1e-3
}
