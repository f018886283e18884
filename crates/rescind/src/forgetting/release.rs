//! What a release is told about a request.

use super::{MethodReport, RequestRecord};
use crate::Error;
use crate::certificate::{DataFacts, InputScaling, MethodFacts, NoiseChoice, SolveFacts};
use crate::ledger::Budget;
use crate::methods::convex::ConvexReport;
use crate::methods::finetune::FinetuneSchedule;
use crate::methods::newton::NewtonReport;
use crate::release::{Ball, PrivateWeights, ReleaseOrder, Released, RequestFacts};
use crate::run::{Parameterisation, Run, Staged, StateRecord};
use crate::training::{TrainingEnding, TrainingState};
use rescind_data::{Provenance, Selection, Standardisation};
use rescind_privacy::sensitivity::SensitivityBound;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::time::{Duration, UNIX_EPOCH};

/// How to release.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseChoice {
    /// How much noise.
    pub noise: NoiseChoice,
    /// A seed for the noise, for experiments alone: whoever knows it can take the noise off.
    pub insecure_noise_seed: Option<u64>,
    /// The promise to every request, past ones included, that this release must not break.
    pub budget: Option<Budget>,
}

impl Run {
    /// Releases a staged state: from then on it counts.
    pub(super) fn release(
        &self,
        choice: ReleaseChoice,
        staged: &Staged,
        next: &StateRecord,
        state: &TrainingState,
        candidates: Vec<SensitivityBound>,
    ) -> Result<Released, Error> {
        let request = next.requests.last().ok_or(Error::NoRecords)?;
        let mut statistics = |w: &[f32]| {
            let computed = self.statistics_on(&next.retained, w);
            computed.map_err(|error| error.to_string())
        };
        let batch_norm = self.network.statistic_count() > 0;
        Ok(crate::release::release(ReleaseOrder {
            run: &self.root,
            state: staged.digest,
            network: &self.network,
            linearised: self.config.parameterisation == Parameterisation::Tangent,
            weights: match &state.exact {
                Some(exact) => PrivateWeights::exact(exact.clone()),
                None => PrivateWeights::new(state.weights.parameters.clone()),
            },
            ball: self.released_ball(),
            candidates,
            noise: choice.noise,
            insecure_noise_seed: choice.insecure_noise_seed,
            statistics: batch_norm.then_some(&mut statistics as _),
            budget: choice.budget,
            request: self.request_facts(request)?,
            data: self.data_facts(&next.retained),
            method: method_facts(request)?,
        })?)
    }

    pub(super) fn request_facts(&self, request: &RequestRecord) -> Result<RequestFacts, Error> {
        self.facts_of(request.number, request.requested_at, &request.forgotten)
    }

    /// A request made so many seconds after 1970.
    pub(super) fn facts_of(
        &self,
        number: u64,
        requested_at: u64,
        forgotten: &Selection,
    ) -> Result<RequestFacts, Error> {
        let made = UNIX_EPOCH + Duration::from_secs(requested_at);
        Ok(RequestFacts {
            number,
            requested_at: humantime::format_rfc3339_seconds(made).to_string(),
            records: self.manifest.hashes_of(forgotten)?,
        })
    }

    pub(super) fn released_ball(&self) -> Ball<'_> {
        Ball {
            radius: self.ball.radius(),
            centre: self.ball.centre().map(|centre| &**centre),
            seed: self.centre_seed(),
        }
    }

    /// The records, of which these stay, under the scaling now in force.
    pub(super) fn data_facts(&self, retained: &Selection) -> DataFacts {
        DataFacts {
            dataset: self.manifest.dataset().to_owned(),
            manifest: self.manifest.root(),
            records: self.manifest.records().len() as u64,
            retained: retained.len() as u64,
            validation: self.split.validation.len() as u64,
            input_scaling: scaling(&self.records.scaling, retained),
        }
    }
}

fn scaling(scaling: &Standardisation, retained: &Selection) -> InputScaling {
    match scaling.provenance() {
        Provenance::None => InputScaling::None,
        Provenance::Fixed | Provenance::Supplied => InputScaling::Constants,
        Provenance::ComputedOn { selection, .. } if *selection == retained.digest() => {
            InputScaling::FromRetained
        }
        Provenance::ComputedOn { .. } => InputScaling::FromRecords,
    }
}

pub(super) fn method_facts(request: &RequestRecord) -> Result<MethodFacts, Error> {
    let (training_finished, seconds) = (request.training_finished, request.seconds);
    let without_solve = |settings| MethodFacts {
        name: request.method.name().to_owned(),
        settings,
        training_finished,
        seconds,
        gradient_norm_before: None,
        gradient_norm_after: None,
        solve: None,
    };
    Ok(match &request.method {
        MethodReport::Newton { report } => MethodFacts {
            name: "newton".to_owned(),
            settings: newton_settings(report)?,
            training_finished,
            seconds,
            gradient_norm_before: report.check.map(|check| check.gradient_norm_before),
            gradient_norm_after: report.check.map(|check| check.gradient_norm_after),
            solve: Some(SolveFacts {
                solver: solver(report),
                ending: report.ending.to_string(),
                products: report.products,
                residual: report.check.map(|check| check.residual),
                right_hand_side: report.right_hand_side,
                theorem_residual: report.theorem_residual,
            }),
        },
        MethodReport::NoisyFinetune { report } | MethodReport::OutputPerturbation { report } => {
            without_solve(finetune_settings(&report.schedule)?)
        }
        MethodReport::Tangent { report } | MethodReport::Head { report } => MethodFacts {
            name: request.method.name().to_owned(),
            settings: convex_settings(report)?,
            training_finished,
            seconds,
            gradient_norm_before: report.gradient_norm_before,
            gradient_norm_after: Some(report.gradient_norm_after),
            solve: None,
        },
        MethodReport::Retrain { progress } => MethodFacts {
            name: "retrain".to_owned(),
            settings: Map::new(),
            training_finished,
            seconds,
            gradient_norm_before: None,
            gradient_norm_after: match progress.ending {
                Some(TrainingEnding::GradientReached { gradient_norm }) => Some(gradient_norm),
                _ => None,
            },
            solve: None,
        },
    })
}

/// The settings that decide the result; the explanation is not one of them.
fn finetune_settings(schedule: &FinetuneSchedule) -> Result<Map<String, Value>, Error> {
    let written = serde_json::to_value(schedule).map_err(crate::release::ReleaseError::from)?;
    let Value::Object(mut settings) = written else {
        return Ok(Map::new());
    };
    settings.remove("explanation");
    if schedule.noisy_steps == 0 {
        for of_steps in [
            "noisy_steps",
            "step_size",
            "clip_norm",
            "weight_decay",
            "minibatch",
            "seed",
        ] {
            settings.remove(of_steps);
        }
    }
    Ok(settings)
}

/// The settings as asked for, with the damping that followed.
fn newton_settings(report: &NewtonReport) -> Result<Map<String, Value>, Error> {
    let asked =
        serde_json::to_value(&report.settings).map_err(crate::release::ReleaseError::from)?;
    let Value::Object(mut settings) = asked else {
        return Ok(Map::new());
    };
    if let Some(choice) = settings.insert("damping".to_owned(), report.damping.damping.into()) {
        settings.insert("damping_choice".to_owned(), choice);
    }
    settings.insert(
        "curvature_records".to_owned(),
        report.curvature_records.into(),
    );
    Ok(settings)
}

fn convex_settings(report: &ConvexReport) -> Result<Map<String, Value>, Error> {
    match serde_json::to_value(report.settings).map_err(crate::release::ReleaseError::from)? {
        Value::Object(settings) => Ok(settings),
        _ => Ok(Map::new()),
    }
}

/// The solver's name as it is written in settings.
fn solver(report: &NewtonReport) -> String {
    let written = serde_json::to_value(report.settings.solver).ok();
    let kind = written
        .as_ref()
        .and_then(|value| value.get("kind"))
        .and_then(Value::as_str);
    kind.unwrap_or("unknown").to_owned()
}
