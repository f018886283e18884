//! How to forget.

use crate::exit::Failure;
use crate::options::finetune::FinetuneOptions;
use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};
use rescind::Curvature;
use rescind::Parameterisation;
use rescind::methods::newton::{
    Constants, Damping, HessianLipschitz, LipschitzSettings, NewtonSettings, Preconditioning,
    RightHandSide, SolverChoice,
};
use rescind::methods::{MethodChoice, TABLE, entry};
use rescind_curvature::Stopping;
use serde_json::Value;

#[derive(Args)]
#[command(next_help_heading = "Method")]
pub struct MethodOptions {
    /// newton (one step towards the retrained weights), descent (for runs trained with --tangent or
    /// --head, also by these names: a proved guarantee), noisy-finetune (noisy steps on the records
    /// that stay, then recovery), output-perturbation (the same without noisy steps) or retrain
    /// (training afresh)
    /// [default: newton, or retrain where most of the records go; descent for runs trained with --tangent or
    /// --head]
    #[arg(long, value_name = "NAME", hide_possible_values = true, value_parser = method_names())]
    method: Option<String>,

    /// A setting of the method by its name in certificates, such as subsample=500; the value is
    /// JSON or plain text, and counts more than an option for the same setting
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_setting)]
    set: Vec<(String, Value)>,

    /// Take the choices of a paper: zhang2024 (Hessian, retain gradient, LiSSA)
    #[arg(long, value_name = "NAME")]
    preset: Option<Preset>,

    /// Curvature matrix: gauss-newton or hessian [default: gauss-newton]
    #[arg(long, value_name = "NAME")]
    curvature: Option<CurvatureName>,

    /// What the step answers to: forget-influence (take away the pull of the forgotten records) or
    /// retain-gradient (the paper's, which also goes on training) [default: forget-influence]
    #[arg(long, value_name = "NAME")]
    right_hand_side: Option<RightHandSideName>,

    /// Number added to every eigenvalue of the curvature, or `spectrum` to choose it from the
    /// measured spectrum [default: from the number of records and the size of the curvature]
    #[arg(long, value_name = "NUMBER", value_parser = parse_damping)]
    damping: Option<Damping>,

    /// Linear solver: cg, lissa (the paper's), minres or dense (small networks) [default: cg]
    #[arg(long, value_name = "NAME")]
    solver: Option<SolverName>,

    /// cg, minres: residual to reach, relative to the right-hand side [default: 0.1]
    #[arg(long, value_name = "SHARE")]
    tolerance: Option<f64>,

    /// cg, minres: most products with the curvature [default: 100]
    #[arg(long, value_name = "COUNT")]
    max_products: Option<u64>,

    /// lissa: chains averaged
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    chains: u64,

    /// lissa: steps of each chain
    #[arg(long, value_name = "STEPS", default_value_t = 1000)]
    depth: u64,

    /// lissa: what the curvature is divided by [default: estimated, or 1000 with the preset]
    #[arg(long)]
    scale: Option<f64>,

    /// lissa: records in a minibatch
    #[arg(long, value_name = "RECORDS", default_value_t = 10)]
    minibatch: usize,

    /// cg: rank of the sketch that speeds up the solve, 0 for none; made once for a run and kept
    /// [default: 32]
    #[arg(long, value_name = "RANK")]
    preconditioner: Option<usize>,

    /// Take the curvature over about this many retained records, drawn where the model's outputs
    /// are curved and weighted to make up for it, 0 for all [default: 10000]
    #[arg(long, value_name = "RECORDS")]
    subsample: Option<usize>,

    /// Most that the step may take, as a share of what retraining takes, or `any`: curvature and sketch are
    /// cut down to it, unless they take a few seconds at most [default: 0.1, or any with --subsample or
    /// --preconditioner]
    #[arg(long, value_name = "SHARE", value_parser = parse_share)]
    work: Option<Share>,

    /// Most that the mean loss on records that stay may grow with the step, as a share of it, or `any`:
    /// a step that exceeds it, or half the share of the records that go, is taken again with more
    /// damping [default: 0.1]
    #[arg(long, value_name = "SHARE", value_parser = parse_growth)]
    loss_growth: Option<Growth>,

    /// Hessian-Lipschitz constant, which the theorem of the step needs: a number to assume, or
    /// `estimate`; the certificate says which
    #[arg(long, value_name = "NUMBER", value_parser = parse_lipschitz)]
    hessian_lipschitz: Option<HessianLipschitz>,

    /// Assume that retraining ends with a gradient of at most this norm [default: 0, or what
    /// training was made to reach by --until-gradient]
    #[arg(long, value_name = "NORM")]
    gradient_bound: Option<f64>,

    /// Compute the residual of the solve and gradient norms again in double precision over all
    /// retained records, for the run's evidence to quote and `verify --run` to compute once
    /// more; done anyway with --hessian-lipschitz, whose bound rests on them
    #[arg(long)]
    check: bool,

    #[command(flatten)]
    finetune: FinetuneOptions,
}

/// Every name of the table.
fn method_names() -> PossibleValuesParser {
    let names = TABLE
        .iter()
        .flat_map(|entry| std::iter::once(entry.name).chain(entry.aliases.iter().copied()));
    PossibleValuesParser::new(names.collect::<Vec<_>>())
}

fn parse_setting(text: &str) -> Result<(String, Value), String> {
    let expected = || "expected NAME=VALUE".to_owned();
    let (name, value) = text.split_once('=').ok_or_else(expected)?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
    Ok((name.to_owned(), value))
}

#[derive(Clone, Copy, ValueEnum)]
enum Preset {
    Zhang2024,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum CurvatureName {
    GaussNewton,
    Hessian,
}

impl From<CurvatureName> for Curvature {
    fn from(name: CurvatureName) -> Self {
        match name {
            CurvatureName::GaussNewton => Curvature::GaussNewton,
            CurvatureName::Hessian => Curvature::Hessian,
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum RightHandSideName {
    ForgetInfluence,
    RetainGradient,
}

#[derive(Clone, Copy, ValueEnum)]
enum SolverName {
    Cg,
    Lissa,
    Minres,
    Dense,
}

/// Most parameters for which the dense solver assembles its matrix: 200 MB in double precision.
const DENSE: usize = 5000;

/// The paper's scale and damping on its smallest network.
const ZHANG_SCALE: f64 = 1000.0;
const ZHANG_DAMPING: f64 = 1.0;

fn parse_damping(text: &str) -> Result<Damping, String> {
    if text == "spectrum" {
        return Ok(Damping::FromSpectrum {
            condition_number: 1e3,
            steps: 100,
            failure_probability: 1e-6,
        });
    }
    let expected = || "expected a number of at least 0, or spectrum".to_owned();
    let value = text.parse().map_err(|_| expected())?;
    Ok(Damping::Given { value })
}

/// A share, or no limit.
#[derive(Clone, Copy)]
struct Share(Option<f64>);

fn parse_share(text: &str) -> Result<Share, String> {
    if text == "any" {
        return Ok(Share(None));
    }
    let share = text.parse::<f64>().ok();
    let share = share.filter(|share| share.is_finite() && *share > 0.0);
    let expected = || "expected a share above 0, or any".to_owned();
    Ok(Share(Some(share.ok_or_else(expected)?)))
}

/// Most that a loss may grow, if there is a limit.
#[derive(Clone, Copy)]
struct Growth(Option<f64>);

fn parse_growth(text: &str) -> Result<Growth, String> {
    if text == "any" {
        return Ok(Growth(None));
    }
    let share = text.parse::<f64>().ok();
    let share = share.filter(|share| share.is_finite() && *share >= 0.0);
    let expected = || "expected a share of at least 0, or any".to_owned();
    Ok(Growth(Some(share.ok_or_else(expected)?)))
}

fn parse_lipschitz(text: &str) -> Result<HessianLipschitz, String> {
    if text == "estimate" {
        let settings = LipschitzSettings::default();
        return Ok(HessianLipschitz::Estimated { settings });
    }
    let expected = || "expected a number of at least 0, or estimate".to_owned();
    let value = text.parse().map_err(|_| expected())?;
    Ok(HessianLipschitz::Assumed { value })
}

impl MethodOptions {
    /// The method asked for, or the one that suits a run of this kind.
    pub fn method(&self, seed: u64, kind: Parameterisation) -> Result<MethodChoice, Failure> {
        let own = match kind {
            Parameterisation::Full => "newton",
            Parameterisation::Tangent | Parameterisation::Head => "descent",
        };
        let name = entry(self.method.as_deref().unwrap_or(own))?.name;
        let without_effect = |options: &str| {
            let message = format!("{options} have no effect with --method {name}: leave them out");
            Err(Failure::usage(message))
        };
        if name != "newton" && self.names_newton() {
            return without_effect("the options of the Newton step");
        }
        let noisy = matches!(name, "noisy-finetune" | "output-perturbation");
        if !noisy && self.finetune.is_given() {
            return without_effect("the options of noisy fine-tuning");
        }
        if name == "output-perturbation" && self.finetune.names_steps() {
            return without_effect("options of noisy steps");
        }
        let mut choice = match name {
            "newton" => MethodChoice::with(name, &self.newton(seed))?,
            _ if noisy => MethodChoice::with(name, &self.finetune.settings(seed))?,
            _ => MethodChoice::named(name),
        };
        choice.settings.extend(self.set.iter().cloned());
        // What it does not have is found out before a run is opened.
        choice.method()?;
        Ok(choice)
    }

    /// Whether nothing is said of the method, so that the run may choose.
    pub fn is_silent(&self) -> bool {
        let newton = self.names_newton()
            || self.tolerance.is_some()
            || self.max_products.is_some()
            || self.preconditioner.is_some()
            || self.subsample.is_some()
            || self.hessian_lipschitz.is_some()
            || self.gradient_bound.is_some();
        self.method.is_none() && self.set.is_empty() && !newton && !self.finetune.is_given()
    }

    fn names_newton(&self) -> bool {
        self.preset.is_some()
            || self.curvature.is_some()
            || self.right_hand_side.is_some()
            || self.damping.is_some()
            || self.solver.is_some()
            || self.work.is_some()
            || self.loss_growth.is_some()
            || self.check
    }

    fn newton(&self, seed: u64) -> NewtonSettings {
        let mut settings = match self.preset {
            None => NewtonSettings::default(),
            Some(Preset::Zhang2024) => NewtonSettings::zhang2024(
                self.chains,
                self.depth,
                self.scale.unwrap_or(ZHANG_SCALE),
                self.minibatch,
                ZHANG_DAMPING,
            ),
        };
        settings.seed = seed;
        settings.check = self.check;
        if let Some(curvature) = self.curvature {
            settings.curvature = curvature.into();
        }
        if let Some(side) = self.right_hand_side {
            settings.right_hand_side = match side {
                RightHandSideName::ForgetInfluence => RightHandSide::ForgetInfluence,
                RightHandSideName::RetainGradient => RightHandSide::RetainGradient,
            };
        }
        if let Some(damping) = self.damping {
            settings.damping = damping;
        }
        if let Some(solver) = self.solver {
            settings.solver = self.solver_choice(solver);
        } else if let SolverChoice::Cg { stopping } = &mut settings.solver {
            *stopping = self.stopping();
        }
        if let Some(rank) = self.preconditioner {
            settings.preconditioning = match (rank, settings.preconditioning) {
                (0, _) => Preconditioning::None,
                (_, Preconditioning::Nystrom { records, .. }) => {
                    Preconditioning::Nystrom { rank, records }
                }
                (_, Preconditioning::None) => Preconditioning::Nystrom {
                    rank,
                    records: None,
                },
            };
        }
        if let Some(records) = self.subsample {
            settings.subsample = (records > 0).then_some(records);
        }
        if self.subsample.is_some() || self.preconditioner.is_some() {
            settings.work = None;
        }
        if let Some(Share(work)) = self.work {
            settings.work = work;
        }
        if let Some(Growth(share)) = self.loss_growth {
            settings.loss_growth = share;
        }
        settings.constants = Constants {
            hessian_lipschitz: self.hessian_lipschitz,
            gradient_bound: self.gradient_bound,
            ..Constants::default()
        };
        settings
    }

    fn solver_choice(&self, solver: SolverName) -> SolverChoice {
        match solver {
            SolverName::Cg => SolverChoice::Cg {
                stopping: self.stopping(),
            },
            SolverName::Minres => SolverChoice::Minres {
                stopping: self.stopping(),
            },
            SolverName::Lissa => SolverChoice::Lissa {
                chains: self.chains,
                depth: self.depth,
                scale: self.scale,
                minibatch: self.minibatch,
                relative_tolerance: 0.0,
            },
            SolverName::Dense => SolverChoice::Dense {
                max_dimension: DENSE,
            },
        }
    }

    fn stopping(&self) -> Stopping {
        let SolverChoice::Cg { stopping } = NewtonSettings::default().solver else {
            return Stopping {
                relative_tolerance: 0.1,
                max_products: 100,
            };
        };
        Stopping {
            relative_tolerance: self.tolerance.unwrap_or(stopping.relative_tolerance),
            max_products: self.max_products.unwrap_or(stopping.max_products),
        }
    }
}
