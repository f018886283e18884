//! Working through a comparison.

use super::bench::Bench;
use super::cell::{Cell, CellKind, Promise};
use super::config::{Entry, MethodChoice, ORIGINAL, RETRAIN};
use super::estimate::seconds_left;
use super::measure::{attacks, fidelity};
use super::missing::Missing;
use super::results::Results;
use super::shadows::{Forgetting, Shadows};
use super::sisa::{KeptIn, Sisa};
use super::store::{Folder, make, remove};
use super::{CompareError, Comparison};
use crate::baseline::{Baseline, BaselineTask};
use crate::fidelity::{Clock, PhaseCost, products};
use rescind::methods::newton::NewtonReport;
use rescind::training::TrainingProgress;
use rescind::{Error, Observer};
use rescind::{ModelError, Request};
use rescind_network::Weights;
use std::path::Path;
use std::time::Instant;

/// Where a comparison stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage<'a> {
    /// Cells done.
    pub done: usize,
    /// Cells in all: seeds times methods, original and retrained among them.
    pub total: usize,
    /// The seed now at work.
    pub seed: u64,
    /// The method now at work.
    pub method: &'a str,
    /// Estimated seconds left, once a cell is done.
    pub seconds_left: Option<f64>,
}

/// Watches a comparison: its cells, and within them whatever is at work.
pub trait Watcher: Observer {
    /// Called before each cell.
    fn stage(&mut self, stage: &Stage<'_>);
}

impl Watcher for () {
    fn stage(&mut self, _: &Stage<'_>) {}
}

/// What is to be done for one cell.
#[derive(Clone, Copy)]
enum Candidate<'a> {
    Retrained,
    Original,
    Entry(&'a Entry),
}

impl Candidate<'_> {
    fn name(&self) -> &str {
        match self {
            Candidate::Retrained => RETRAIN,
            Candidate::Original => ORIGINAL,
            Candidate::Entry(entry) => &entry.name,
        }
    }
}

/// Works through a comparison in `folder`, new or begun, and gives what it comes to.
///
/// A method that fails with a seed holds up no other: it is among [`Results::missing`], and tried
/// again by the next call. However it ends, the results of what is done are written, as tables and
/// as a page.
///
/// # Errors
/// What training and writing meet; a folder of another comparison; [`rescind::ModelError::Interrupted`] when the
/// watcher breaks. Cells done by then are kept, and the same call goes on.
pub fn compare(
    comparison: &Comparison,
    folder: &Path,
    watcher: &mut dyn Watcher,
) -> Result<Results, CompareError> {
    comparison.validate()?;
    let folder = Folder::open(folder, comparison)?;
    let (mut cells, mut failed) = (Vec::new(), Vec::new());
    let ended = match work(comparison, &folder, &mut cells, &mut failed, watcher) {
        // There is nothing to show, nor in the way of another comparison.
        Err(error) if cells.is_empty() => return Err(error),
        ended => ended,
    };
    let results = Results::of(comparison, cells, &failed);
    let written = results.write(&folder);
    ended?;
    written?;
    Ok(results)
}

/// Makes the cells that are not there yet.
fn work(
    comparison: &Comparison,
    folder: &Folder,
    cells: &mut Vec<Cell>,
    failed: &mut Vec<Missing>,
    watcher: &mut dyn Watcher,
) -> Result<(), CompareError> {
    // Retraining first: everything else is measured against it.
    let entries = comparison.methods.iter().map(Candidate::Entry);
    let candidates: Vec<Candidate<'_>> = [Candidate::Retrained, Candidate::Original]
        .into_iter()
        .chain(entries)
        .collect();
    let plan = comparison
        .seeds
        .iter()
        .flat_map(|&seed| candidates.iter().map(move |&candidate| (seed, candidate)));
    let mut left = Vec::new();
    for (seed, candidate) in plan {
        match folder.cell(seed, candidate.name()) {
            Some(cell) => {
                // A process that died may have kept the cell and not got to its run.
                if let Candidate::Entry(entry) = candidate {
                    remove(&folder.run(seed, &entry.name))?;
                }
                cells.push(cell);
            }
            None => left.push((seed, candidate)),
        }
    }
    let total = cells.len() + left.len();
    let mut bench: Option<(u64, Bench, Option<Shadows>)> = None;
    for (index, &(seed, candidate)) in left.iter().enumerate() {
        let times: Vec<(String, f64)> = cells
            .iter()
            .map(|cell: &Cell| (cell.method.clone(), cell.elapsed))
            .collect();
        let names: Vec<String> = left[index..]
            .iter()
            .map(|(_, candidate)| candidate.name().to_owned())
            .collect();
        watcher.stage(&Stage {
            done: cells.len(),
            total,
            seed,
            method: candidate.name(),
            seconds_left: seconds_left(&times, &names),
        });
        let began = Instant::now();
        if !matches!(&bench, Some((of, ..)) if *of == seed) {
            // The last seed's runs are closed before the next one's are opened.
            drop(bench.take());
            let prepared = Bench::prepare(comparison, seed, folder, watcher)?;
            let shadows = match comparison.likelihood {
                Some(likelihood) => Some(Shadows::new(&prepared, likelihood, seed)?),
                None => None,
            };
            bench = Some((seed, prepared, shadows));
        }
        let Some((_, ready, shadows)) = &mut bench else {
            continue;
        };
        let made = outcome(comparison, ready, folder, candidate, watcher).and_then(|outcome| {
            cell(
                comparison, ready, shadows, candidate, outcome, began, watcher,
            )
        });
        match made {
            Ok(cell) => {
                folder.keep(&cell)?;
                cells.push(cell);
            }
            Err(error) if stops(&error) => return Err(error),
            Err(error) => failed.push(Missing {
                seed,
                method: candidate.name().to_owned(),
                failed: Some(error.to_string()),
            }),
        }
        if let Candidate::Entry(entry) = candidate {
            remove(&folder.run(seed, &entry.name))?;
        }
    }
    Ok(())
}

/// Whether nothing else can be done either: somebody wants to stop, or the system refuses.
fn stops(error: &CompareError) -> bool {
    matches!(
        error,
        CompareError::Run(Error::Unlearn(ModelError::Interrupted { .. })) | CompareError::Io { .. }
    )
}

/// What a method leaves.
enum Left {
    /// One model.
    Model(Weights<f32>),
    /// Several that answer together, and those that they came of.
    Ensemble { original: Sisa, unlearned: Sisa },
}

/// What a method leaves, and what it took.
struct Outcome {
    left: Left,
    kind: CellKind,
    promise: Option<Promise>,
    seconds: f64,
    products: [u64; 2],
    phases: Vec<PhaseCost>,
}

fn outcome(
    comparison: &Comparison,
    bench: &Bench,
    folder: &Folder,
    candidate: Candidate<'_>,
    watcher: &mut dyn Watcher,
) -> Result<Outcome, CompareError> {
    let trained = |weights: &Weights<f32>, kind, progress: &TrainingProgress| Outcome {
        left: Left::Model(weights.clone()),
        kind,
        promise: None,
        seconds: progress.seconds,
        products: [0; 2],
        phases: vec![PhaseCost {
            phase: rescind::Phase::Train.to_string(),
            seconds: progress.seconds,
            steps: progress.optimiser_steps,
        }],
    };
    let entry = match candidate {
        Candidate::Retrained => {
            let (weights, kind) = (&bench.retrained_weights, CellKind::Reference);
            return Ok(trained(weights, kind, &bench.retraining));
        }
        Candidate::Original => {
            let weights = bench.run.private_weights()?;
            return Ok(trained(weights, CellKind::Baseline, &bench.training));
        }
        Candidate::Entry(entry) => entry,
    };
    match (&entry.method, comparison.method(entry)?) {
        (MethodChoice::Baseline { baseline }, _) => by_baseline(bench, baseline, watcher),
        (&MethodChoice::Sisa { shards }, _) => {
            let root = folder.run(bench.run.settings().training.seed, &entry.name);
            by_shards(bench, shards, &root, watcher)
        }
        (_, Some(method)) => {
            let root = folder.run(bench.run.settings().training.seed, &entry.name);
            remove(&root)?;
            let mut fork = bench.run.fork(&root)?;
            let mut asked = Request::of(comparison.request(bench.run.settings().training.seed));
            asked = asked.by(method);
            asked.release = entry.release;
            let mut clock = Clock::new(watcher);
            let answer = fork.forget(&asked, &mut clock)?;
            let phases = clock.finish();
            let own = |cost: &&PhaseCost| !matches!(&*cost.phase, "load" | "evaluate" | "release");
            let seconds = phases.iter().filter(own).map(|cost| cost.seconds).sum();
            let counted = match answer.record.method.details::<NewtonReport>() {
                Some(report) => {
                    let prepared = report.preconditioner_products + report.damping.products;
                    [report.products + prepared, report.sampled_products]
                }
                None => [products(&phases), 0],
            };
            let (weights, promise) = match answer.release {
                None => (fork.private_weights()?.clone(), None),
                Some(released) => {
                    let (guarantee, noise) =
                        (&released.certificate.guarantee, &released.certificate.noise);
                    let promise = Promise {
                        epsilon: guarantee.epsilon.value(),
                        delta: guarantee.delta.value(),
                        sigma: noise.sigma.value(),
                        kind: guarantee.kind.to_string(),
                    };
                    let weights = Weights {
                        parameters: released.weights.parameters().to_vec(),
                        statistics: released.weights.statistics().to_vec(),
                    };
                    (weights, Some(promise))
                }
            };
            Ok(Outcome {
                left: Left::Model(weights),
                kind: CellKind::Certified,
                promise,
                seconds,
                products: counted,
                phases,
            })
        }
        (_, None) => Err(Error::Unlearn(ModelError::NoRecords).into()),
    }
}

fn by_baseline(
    bench: &Bench,
    baseline: &Baseline,
    watcher: &mut dyn Watcher,
) -> Result<Outcome, CompareError> {
    let original = bench.run.private_weights()?;
    let model = bench.run.network_model(original.statistics.clone())?;
    let task = BaselineTask {
        model: &model,
        weights: original,
        dataset: bench.run.classifier()?.train_records()?,
        retained: &bench.retained,
        forgotten: &bench.forgotten,
        training: bench.original_training(),
        seed: bench.run.settings().training.seed,
    };
    let kept = baseline.kept(&task, watcher)?;
    let began = Instant::now();
    let mut clock = Clock::new(watcher);
    let weights = baseline.forget(&task, kept, &mut clock)?;
    Ok(Outcome {
        left: Left::Model(weights),
        kind: CellKind::Baseline,
        promise: None,
        seconds: began.elapsed().as_secs_f64(),
        products: [0; 2],
        phases: clock.finish(),
    })
}

/// The ensemble of before the request is no part of the method's cost.
fn by_shards(
    bench: &Bench,
    shards: usize,
    root: &Path,
    watcher: &mut dyn Watcher,
) -> Result<Outcome, CompareError> {
    let private = root.join("private");
    make(&private)?;
    let network = bench.run.classifier()?.network();
    let (folder, training) = (&*private, bench.original_training());
    let kept = KeptIn { folder, network };
    let original = Sisa::train(&training, shards, kept, watcher)?;
    let (unlearned, again) = original.without(&bench.forgotten, &training, kept, watcher)?;
    let cost = PhaseCost {
        phase: rescind::Phase::Train.to_string(),
        seconds: again.iter().map(|progress| progress.seconds).sum(),
        steps: again.iter().map(|progress| progress.optimiser_steps).sum(),
    };
    Ok(Outcome {
        left: Left::Ensemble {
            original,
            unlearned,
        },
        kind: CellKind::Exact,
        promise: None,
        seconds: cost.seconds,
        products: [0; 2],
        phases: vec![cost],
    })
}

fn cell(
    comparison: &Comparison,
    bench: &Bench,
    shadows: &mut Option<Shadows>,
    candidate: Candidate<'_>,
    outcome: Outcome,
    began: Instant,
    watcher: &mut dyn Watcher,
) -> Result<Cell, CompareError> {
    let (weights, answers, before) = match &outcome.left {
        Left::Model(weights) => (Some(weights), bench.answers(weights)?, None),
        Left::Ensemble {
            original,
            unlearned,
        } => {
            let before = bench.answers_together(original.members())?;
            let answers = bench.answers_together(unlearned.members())?;
            (None, answers, Some(before))
        }
    };
    let before = before.as_ref().unwrap_or(&bench.original);
    let fidelity = fidelity(bench, &answers, weights, comparison.relearn_limit, watcher)?;
    let is_original = matches!(candidate, Candidate::Original);
    let (attacks, no_attack) = attacks(comparison, bench, (before, &answers), is_original)?;
    let sigma = outcome.promise.as_ref().map(|promise| promise.sigma);
    let how = match candidate {
        Candidate::Original => Forgetting::Nothing,
        Candidate::Retrained => Forgetting::Retraining,
        Candidate::Entry(entry) => Forgetting::Entry(entry, sigma),
    };
    let likelihood = match (shadows, weights) {
        (Some(shadows), Some(weights)) => {
            shadows.attack(comparison, bench, weights, how, watcher)?
        }
        _ => None,
    };
    Ok(Cell {
        seed: bench.run.settings().training.seed,
        method: candidate.name().to_owned(),
        kind: outcome.kind,
        promise: outcome.promise,
        fidelity,
        attacks,
        no_attack,
        likelihood,
        seconds: outcome.seconds,
        products: outcome.products[0],
        minibatch_products: outcome.products[1],
        phases: outcome.phases,
        elapsed: began.elapsed().as_secs_f64(),
    })
}
