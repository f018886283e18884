//! What a run of a convex model must be, and what follows from its settings (docs/theory.md §3).

use super::config::{RunConfig, RunSettings};
use crate::error::Error;
use rescind_certificate::{LEAST_GRADIENT_BOUND, is_name};
use rescind_network::{Loss, Network, Weights};
use rescind_unlearn::descent::ConvexSettings;
use rescind_unlearn::training::{TrainingSettings, convex_settings};
use rescind_unlearn::{
    Linearisation, ModelDescription, OutputLoss, Parameterisation, Scaling, head_place, norm_above,
};

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
    if config.radius.is_none() {
        config.radius = Some(usual_radius(network, config.training.seed, given.is_some()));
    }
    if !config.parameterisation.is_convex() {
        return match config.loss {
            Loss::SoftmaxCrossEntropy => Ok(given),
            Loss::SquaredError => Err(not_provable(
                "squared error is the loss of a tangent model or of a convex head: train one of \
                 them, or leave the loss out",
            )),
        };
    }
    let refuse = |reason: &str| Err(not_provable(reason));
    let settings = provable(&config.training)?;
    if network.statistic_count() > 0 {
        return refuse(
            "the network has batch norm, whose statistics no noise would cover: use group norm or \
             none",
        );
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
    let at_zero = OutputLoss::from(config.loss).at_zero(network.outputs());
    config.radius = Some(proved_radius(
        at_zero,
        settings.penalty,
        settings.gradient_bound,
    ));
    match given {
        Some(centre) if head => Ok(Some(without_head(network, &centre)?)),
        Some(centre) => Ok(Some(centre)),
        None => {
            check_seed(config.training.seed)?;
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

/// The radius where none was chosen: room for training around where it starts. It follows from the
/// network and the seed, never from records.
fn usual_radius(network: &Network, seed: u64, centred: bool) -> f64 {
    let usual = RunSettings::default().radius;
    if centred {
        return usual;
    }
    let start: Vec<f32> = network.initialise(seed);
    let length = norm_above(start.iter().map(|&weight| f64::from(weight)));
    // In tens, so that one reads it at a glance.
    usual.max(10.0 * (0.15 * length).ceil())
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
                expected: "a name of 1 to 100 characters, single spaces, all of it shown on one line",
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

/// What a convex outside model's centre is: the ball's, nothing for the origin; and the seed that it
/// was drawn from, where it was. Sets the radius that the penalty proves.
///
/// # Errors
/// Settings that prove nothing; a centre that is another than the one given, the origin, or the one
/// that the training's seed draws.
pub(super) fn complete_outside(
    settings: &mut RunSettings,
    description: &ModelDescription,
    model: &dyn Linearisation,
    given: Option<&[f32]>,
) -> Result<(Option<Vec<f32>>, Option<u64>), Error> {
    let convex = provable(&settings.training)?;
    let described = description.linearised && description.loss == Some(model.loss());
    if !described || !description.statistics.is_empty() {
        return Err(not_provable(
            "the model's outputs are linear in its weights and its description does not say so, or \
             names another loss, or has statistics: describe it as linearised, with its loss, and \
             without any",
        ));
    }
    let at_zero = model.loss().at_zero(model.outputs());
    settings.radius = proved_radius(at_zero, convex.penalty, convex.gradient_bound);
    let centre = model.centre();
    let seed = settings.training.seed;
    if given == Some(centre) {
        return Ok((Some(centre.to_vec()), None));
    }
    let origin = centre.len() == description.parameters() && centre.iter().all(|c| c.abs() <= 0.0);
    if given.is_none() && origin {
        return Ok((None, None));
    }
    if given.is_none() && description.draw(seed) == centre {
        check_seed(seed)?;
        return Ok((Some(centre.to_vec()), Some(seed)));
    }
    Err(not_provable(
        "the point that the model is linearised at is neither the centre given, nor the origin, nor \
         what its description draws from the training's seed: give it as the centre, and say who \
         declares that it does not depend on the records",
    ))
}

/// The descent that these settings ask for, if a guarantee can be proved of it.
fn provable(training: &TrainingSettings) -> Result<ConvexSettings, Error> {
    if training.penalty <= 0.0 {
        return Err(not_provable(
            "the penalty is 0, so that the objective need not be strongly convex and its minimiser \
             may move freely: give a penalty above 0",
        ));
    }
    if training.early_stopping.is_some() {
        return Err(not_provable(
            "early stopping would end training before the gradient is small: leave it out",
        ));
    }
    if training.early_checkpoint.is_some() {
        return Err(not_provable(
            "its training has no epochs to keep an early checkpoint of: leave it out",
        ));
    }
    let settings = convex_settings(training)?;
    if settings.gradient_bound < LEAST_GRADIENT_BOUND {
        return Err(not_provable(
            "the gradient norm to reach is below 1e-10, where the rounding of a gradient in double \
             precision is no longer small beside it: ask for a larger one",
        ));
    }
    Ok(settings)
}

fn check_seed(seed: u64) -> Result<(), Error> {
    match seed > MOST_SEED {
        true => Err(not_provable(
            "the seed that the centre is drawn from is above 2^53, which not every reader of a \
             certificate can read: choose a smaller one",
        )),
        false => Ok(()),
    }
}

fn not_provable(reason: &str) -> Error {
    let reason = reason.to_owned();
    rescind_unlearn::Error::NotProvable { reason }.into()
}

/// A radius that holds every point with `‖∇F‖ ≤ G`, whatever the records: at the centre, where all
/// outputs are 0, no loss is above `at_zero`, so `(μ/2)‖v*‖² ≤ F(v*) ≤ F(0) ≤ at_zero`, and such a
/// point lies within G/μ of the minimiser v*. Rounded up, with room for the rounding of weights.
pub(crate) fn proved_radius(at_zero: f64, penalty: f64, gradient_bound: f64) -> f64 {
    let minimiser = (2.0 * at_zero / penalty).sqrt();
    (minimiser + gradient_bound / penalty) * (1.0 + 1e-5) + 1e-3
}
