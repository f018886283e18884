//! Forgetting in a convex model: the descent that training was, from where it ended.

use super::answer::{Outcome, Way};
use super::{Method, MethodReport};
use crate::Error;
use crate::methods::convex::{self, ConvexReport, Minimiser};
use crate::methods::newton;
use crate::observer::Observer;
use crate::run::{Parameterisation, Run, Scaling};
use crate::training::{
    TrainingEnding, TrainingState, convex_objective, convex_settings, narrowed, widened,
};
use rescind_data::Selection;
use rescind_privacy::sensitivity::SensitivityBound;

impl Run {
    /// Refuses a method that would prove nothing, or work on another objective than the run's.
    pub(super) fn check_suits(&self, method: &Method) -> Result<(), Error> {
        use Parameterisation::{Full, Head, Tangent};
        let reason = match (method, self.config.parameterisation) {
            (Method::Retrain, _) | (Method::Tangent, Tangent) | (Method::Head, Head) => {
                return Ok(());
            }
            (Method::Tangent | Method::Head, Full) => {
                "this run trains all weights of a network, whose loss is not convex in them, so \
                 this method would prove nothing: train a tangent model or a convex head, or use \
                 another method"
            }
            (_, Full) => return Ok(()),
            _ => {
                "this run's model is convex, and its own method proves what others can only assume: \
                 use tangent for a tangent model and head for a convex head"
            }
        };
        let reason = reason.to_owned();
        Err(Error::NotProvable { reason })
    }

    /// Descends on the records that stay until the gradient is as small as training made it.
    pub(super) fn convex<'o>(
        &self,
        state: &TrainingState,
        forget: &Selection,
        retained: &Selection,
        observer: &mut dyn Observer,
    ) -> Result<Outcome<'o>, Error> {
        let settings = convex_settings(&self.config.training)?;
        let model = self.model(Vec::new());
        let features = self.features.as_ref();
        let retain = convex_objective(&model, features, &self.records.train, retained)?;
        let w = match &state.exact {
            Some(exact) => exact.clone(),
            None => widened(&state.weights.parameters),
        };
        let arrived = matches!(
            state.progress.ending,
            Some(TrainingEnding::GradientReached { .. })
        );
        // Scaling that changes with the records moves the gradient of every one of them.
        let moved = self.config.scaling == Scaling::Computed;
        let mut gradient_norm_before = None;
        let mut descent = if arrived && !moved {
            let influence = self.influence(&model, &w, forget, retained)?;
            Minimiser::start_with(&*retain, w, influence, settings)?
        } else {
            let descent = Minimiser::start(&*retain, w, settings)?;
            gradient_norm_before = descent.exact_gradient_norm();
            descent
        };
        while !descent.has_arrived() {
            descent.step(observer)?;
        }
        let gradient_norm = descent.gradient_norm();
        let report = Box::new(ConvexReport {
            settings,
            retained: retained.len(),
            forgotten: forget.len(),
            gradient_norm_before,
            gradient_norm_after: gradient_norm,
            effort: descent.effort(),
        });
        let exact = descent.into_weights();
        let mut next = state.clone();
        next.weights.parameters = narrowed(&exact);
        next.exact = Some(exact);
        // Also where training had not ended: it ends here, on the records that stay.
        next.progress.ending = Some(TrainingEnding::GradientReached { gradient_norm });
        Ok(Outcome {
            state: next,
            way: Way::Bounded(self.bounds_of_reached()?),
            method: match self.config.parameterisation {
                Parameterisation::Head => MethodReport::Head { report },
                _ => MethodReport::Tangent { report },
            },
        })
    }

    /// The retain gradient at a minimum over all records: `−(n_u/n_r) ∇F_u` (THEORY §2).
    fn influence(
        &self,
        model: &crate::NetworkModel<'_>,
        w: &[f64],
        forget: &Selection,
        retained: &Selection,
    ) -> Result<Vec<f64>, Error> {
        let going = self.objective(model, forget)?;
        let mut influence = vec![0.0; w.len()];
        going.exact_gradient(w, &mut influence)?;
        let share = forget.len() as f64 / retained.len() as f64;
        influence.iter_mut().for_each(|g| *g *= -share);
        Ok(influence)
    }

    /// Bounds for weights that training's own stopping rule accepted.
    pub(crate) fn bounds_of_reached(&self) -> Result<Vec<SensitivityBound>, Error> {
        match self.config.parameterisation.is_convex() {
            true => {
                let settings = convex_settings(&self.config.training)?;
                convex::bounds(&self.ball, &settings)
            }
            false => Ok(vec![newton::diameter(&self.ball)?]),
        }
    }

    /// The seed that the centre was drawn from, where the run drew it.
    pub(super) fn centre_seed(&self) -> Option<u64> {
        let drawn = self.config.parameterisation.is_convex() && !self.config.centre_declared_public;
        drawn.then_some(self.config.training.seed)
    }
}
