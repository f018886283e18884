//! The Newton step as a method.

use super::choices::{Preconditioning, SolverChoice};
use super::damping::{Damping, SIZE_RECORDS, SIZE_STEPS};
use super::effort::Retraining;
use super::exact::residuals;
use super::fit::fit_records;
use super::kept;
use super::report::NewtonReport;
use super::settings::{NewtonSettings, RightHandSide};
use super::step::step;
use super::task::NewtonTask;
use crate::error::Error;
use crate::methods::diameter::diameter;
use crate::methods::method::{
    AccuracyForecast, Forecast, Method, Outcome, Outlook, Promise, Public, Recomputed, Step, Task,
    members,
};
use crate::methods::report::{MethodReport, SolveReport};
use crate::model::{Capability, Model};
use crate::objective::{Objective, exact_gradient_norm};
use crate::observer::Observer;
use crate::training::TrainingState;
use serde_json::Value;

const NAME: &str = "newton";

/// Products that a solve takes for every digit of its residual (MNIST, the digits and made-up records,
/// a preconditioner of rank 32).
const PRODUCTS_A_DIGIT: f64 = 12.0;

/// Whether more records go than stay: too many for a step from weights that most of them made.
pub(in crate::methods) fn most_go(forgotten: usize, retained: usize) -> bool {
    forgotten > retained
}

impl Method for NewtonSettings {
    fn name(&self) -> &'static str {
        NAME
    }

    fn needs(&self) -> &'static [Capability] {
        match self.checks() {
            true => &[Capability::CurvatureProducts, Capability::DoublePrecision],
            false => &[Capability::CurvatureProducts],
        }
    }

    fn unsuited_to(&self, model: &dyn Model) -> Option<&'static str> {
        Capability::LinearOutputs.is_of(model).then_some(
            "this run's model is convex, and its own method proves what others can only assume",
        )
    }

    /// The ball's diameter. A Hessian-Lipschitz constant may give a smaller bound, once the step
    /// is measured.
    fn promise(&self, public: &Public<'_>) -> Result<Promise, Error> {
        self.validate()?;
        let (forgotten, retained) = (public.forgotten, public.retained);
        if most_go(forgotten, retained) {
            return Err(Error::MostRecordsGo {
                forgotten,
                retained,
            });
        }
        Ok(Promise {
            settled: self.constants.hessian_lipschitz.is_none(),
            ..Promise::settled(vec![diameter(public.ball)?])
        })
    }

    fn forecast(&self, outlook: &Outlook<'_>) -> Result<Forecast, Error> {
        let public = &outlook.public;
        let retraining = Retraining::of(public.model, public.retained, public.training.epochs);
        let fitted = self.fitted(retraining);
        Ok(Forecast {
            seconds: fitted.estimated_seconds(outlook),
            time: "so many products with the curvature as such steps take, of which a few were timed"
                .to_owned(),
            accuracy: AccuracyForecast::Noised,
            how: "accuracy: the private weights with noise of this sigma, in memory; bound: the ball's \
                  diameter, which alone is proved for a network"
                .to_owned(),
        })
    }

    fn works_without_a_run(&self) -> bool {
        true
    }

    fn step<'a>(&self, task: Task<'a>, observer: &mut dyn Observer) -> Result<Step<'a>, Error> {
        task.load(observer)?;
        let (stay, epochs) = (task.retained.len(), task.training.epochs);
        let fitted = self.fitted(Retraining::of(task.model, stay, epochs));
        let kept = kept::kept(task.kept, fitted.preconditioning);
        let statistics = &task.state.weights.statistics;
        let retain = task.objective(task.retained, statistics)?;
        let forget = forget_objective(self, &task, statistics)?;
        let outcome = step(
            &NewtonTask {
                weights: &task.state.weights.parameters,
                retain: &*retain,
                forget: forget.as_deref(),
                forgotten: task.forget.len(),
                ball: task.ball,
                gradient_stop: task.training.until_gradient,
                batch_norm: task.model.batch_norm().is_some(),
                kept: kept.as_ref(),
            },
            &fitted,
            observer,
        )?;
        if let Some(made) = &outcome.made {
            kept::keep(task.kept, fitted.preconditioning, made)?;
        }
        Ok(Step::Taken(Box::new(Outcome {
            state: task.moved_to(outcome.weights)?,
            bounds: outcome.candidates,
            report: report(&outcome.report)?,
        })))
    }

    fn recompute(
        &self,
        task: &Task<'_>,
        after: &TrainingState,
        report: &MethodReport,
    ) -> Result<Recomputed, Error> {
        // Without a check nothing is quoted, and the model may have no double precision.
        let report = report.details::<NewtonReport>();
        let Some(report) = report.filter(|report| report.check.is_some()) else {
            return Ok(Recomputed::default());
        };
        let start = &task.state.weights;
        let retain = task.objective(task.retained, &start.statistics)?;
        let forget = forget_objective(&report.settings, task, &start.statistics)?;
        let mut again = Recomputed {
            gradient_norm_before: Some(exact_gradient_norm(&*retain, &start.parameters)?),
            gradient_norm_after: Some(exact_gradient_norm(&*retain, &after.weights.parameters)?),
            ..Recomputed::default()
        };
        if !report.projected {
            let task = NewtonTask {
                weights: &start.parameters,
                retain: &*retain,
                forget: forget.as_deref(),
                forgotten: task.forget.len(),
                ball: task.ball,
                gradient_stop: None,
                batch_norm: task.model.batch_norm().is_some(),
                kept: None,
            };
            let (residual, theorem) = residuals(&task, &report, &after.weights.parameters)?;
            again.residual = Some(residual);
            again.theorem_residual = Some(theorem);
        }
        Ok(again)
    }
}

/// The objective over the records that go, where the step needs it: they may have left their
/// source already.
fn forget_objective<'a>(
    settings: &NewtonSettings,
    task: &Task<'a>,
    statistics: &[f32],
) -> Result<Option<Box<dyn Objective + 'a>>, Error> {
    match settings.right_hand_side {
        RightHandSide::RetainGradient => Ok(None),
        RightHandSide::ForgetInfluence => Ok(Some(task.objective(task.forget, statistics)?)),
    }
}

impl NewtonSettings {
    /// Seconds of a step, from the time of a product.
    fn estimated_seconds(&self, outlook: &Outlook<'_>) -> f64 {
        let all = outlook.public.retained;
        let curved = self.subsample.map_or(all, |records| records.min(all)) as f64;
        let products = match self.solver {
            SolverChoice::Cg { stopping } | SolverChoice::Minres { stopping } => {
                let digits = -stopping.relative_tolerance.max(1e-6).log10();
                (PRODUCTS_A_DIGIT * digits.max(1.0)).min(stopping.max_products as f64)
            }
            SolverChoice::Lissa {
                chains,
                depth,
                minibatch,
                ..
            } => (chains * depth) as f64 * minibatch as f64 / curved,
            SolverChoice::Dense { .. } => outlook.public.model.description().parameters() as f64,
        };
        let sketch = match self.preconditioning {
            Preconditioning::Nystrom { rank, records } => {
                rank as f64 * records.map_or(curved, |records| curved.min(records as f64))
            }
            Preconditioning::None => 0.0,
        };
        // The outputs of all records say which of them the curvature is taken over, those of some
        // whether the fit is kept: a third of the passes that a product makes.
        let all = all as f64;
        let drawn = if curved < all { all / 3.0 } else { 0.0 };
        let fit = fit_records(curved as usize) as f64;
        let fit = self.loss_growth.map_or(0.0, |_| fit.min(all));
        let size = match self.damping {
            Damping::Given { .. } => 0.0,
            Damping::Sampling { .. } => SIZE_STEPS as f64 * curved.min(SIZE_RECORDS as f64),
            Damping::FromSpectrum { steps, .. } => steps as f64 * curved,
        };
        outlook.speed.product.unwrap_or(f64::NAN)
            * (products * curved + sketch + drawn + fit + size)
    }
}

fn report(report: &NewtonReport) -> Result<MethodReport, Error> {
    let mut settings = members(NAME, &report.settings)?;
    // As asked for: one that was chosen from a measured spectrum is no setting, and stays in the details.
    if let Damping::Given { value } = report.settings.damping {
        settings.insert("damping".to_owned(), value.into());
    }
    settings.insert(
        "curvature_records".to_owned(),
        report.curvature_records.into(),
    );
    let solver = settings.get("solver").and_then(|solver| solver.get("kind"));
    let solver = solver
        .and_then(Value::as_str)
        .unwrap_or("unknown")
        .to_owned();
    Ok(MethodReport {
        method: NAME.to_owned(),
        settings,
        explanation: Some(report.damping.explanation.clone()),
        gradient_norm_before: report.check.map(|check| check.gradient_norm_before),
        gradient_norm_after: report.check.map(|check| check.gradient_norm_after),
        solve: Some(SolveReport {
            solver,
            ending: report.ending.to_string(),
            products: report.products,
            residual: report.check.map(|check| check.residual),
            right_hand_side: report.right_hand_side,
            theorem_residual: report.theorem_residual,
        }),
        details: Value::Object(members(NAME, report)?),
    })
}
