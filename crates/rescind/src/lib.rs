//! Certified unlearning: train, forget some records, release what is left with a certificate of
//! what that promises. This is the crate to depend on; the others are its parts.
//!
//! ```
//! use rescind::methods::{MethodChoice, newton::NewtonSettings};
//! use rescind::training::TrainingSettings;
//! use rescind::{Request, Run, RunConfig};
//!
//! # let folder = tempfile::tempdir()?;
//! # let folder = folder.path();
//! let training = TrainingSettings { epochs: 5, ..TrainingSettings::default() };
//! let config = RunConfig { training, ..RunConfig::default() }; // the embedded digits
//! let mut run = Run::create(folder, config, None, &mut ())?;
//! run.train(&mut ())?;
//!
//! // Without a release only the private weights move.
//! let newton = MethodChoice::with("newton", &NewtonSettings::default())?;
//! let request = Request::of("random:50?seed=1".parse()?).by(newton).keyed("ticket-17");
//! let answer = run.forget(&request, &mut ())?;
//! assert_eq!((answer.record.forgotten.len(), run.retained().len()), (50, 1390));
//!
//! // The same request under the same key gets the same answer.
//! assert!(run.forget(&request, &mut ())?.repeated);
//!
//! run.retrain(&mut ())?;
//! let evaluation = run.evaluate(&mut ())?;
//! assert_eq!(evaluation.retrained.unwrap().forgotten.records, 50);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![warn(missing_docs)]

/// The certificate of a release: the document, its derivation and its rendering.
pub use rescind_certificate as certificate;
pub use rescind_run::{
    Amendment, Answer, Answered, Code, CodeKind, Decisions, DiskError, Effect, Error, Evaluation,
    Held, HeldNow, Holdings, InputDecision, KeyError, OutsideRecords, PrivateModel, Purged,
    Reference, ReleaseChoice, Request, Resolved, Run, RunConfig, RunKey, RunSettings, Sets, Sides,
    Spectrum, SpectrumSettings, StateRecord, Summary, TensorsError, WideColumn, word,
};
pub use rescind_run::{ledger, mark, plan, release, threads, verify};
pub use rescind_unlearn::{
    Ball, BatchNorm, Capability, Classifier, ClassifierParts, ConvexObjective, Curvature,
    CurvatureProducts, DoublePrecision, EpochReport, EvaluationSet, Failure, Features,
    FixedFeatures, HeadObjective, L2Penalty, LinearOutputs, Linearisation, Losses, Measured,
    Minibatch, Minibatches, Model, ModelChoice, ModelDescription, NO_TOKEN, NetworkModel,
    NetworkObjective, Objective, Observer, OutputLoss, OutputTargets, OwnObjectives,
    Parameterisation, Phase, Preparation, Products, Progress, Records, Scaling, Smoothness,
    TangentObjective, Targets, Tensor, Watched, exact_gradient_norm, linearised_gradient, narrowed,
    widened,
};
pub use rescind_unlearn::{Error as ModelError, descent, evaluation, methods, training};

#[doc(hidden)]
#[cfg(feature = "fault-injection")]
pub use rescind_run::fault;
