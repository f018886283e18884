//! How to forget.

use crate::exit::Failure;
use crate::options::finetune::FinetuneOptions;
use clap::{Args, ValueEnum};
use rescind::Curvature;
use rescind::forgetting::Method;
use rescind::methods::newton::{
    Constants, Damping, HessianLipschitz, LipschitzSettings, NewtonSettings, Preconditioning,
    RightHandSide, SolverChoice,
};
use rescind::run::Parameterisation;
use rescind_curvature::Stopping;

#[derive(Args)]
#[command(next_help_heading = "Method")]
pub struct MethodOptions {
    /// newton (one step towards the retrained weights), tangent or head (for runs trained with
    /// --tangent or --head: a proved guarantee), noisy-finetune (noisy steps on the records that
    /// stay, then recovery), output-perturbation (the same without noisy steps) or retrain
    /// (training afresh)
    /// [default: newton; tangent or head for runs trained with these]
    #[arg(long, value_name = "NAME")]
    method: Option<MethodName>,

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
    /// measured spectrum [default: from the number of records]
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

    /// Hessian-Lipschitz constant, which the theorem of the step needs: a number to assume, or
    /// `estimate`; the certificate says which
    #[arg(long, value_name = "NUMBER", value_parser = parse_lipschitz)]
    hessian_lipschitz: Option<HessianLipschitz>,

    /// Assume that retraining ends with a gradient of at most this norm [default: 0, or what
    /// training was made to reach by --until-gradient]
    #[arg(long, value_name = "NORM")]
    gradient_bound: Option<f64>,

    /// Compute the residual of the solve and gradient norms again in double precision over all
    /// retained records, for the certificate to quote and `verify --run` to compute once more;
    /// done anyway with --hessian-lipschitz, whose bound rests on them
    #[arg(long)]
    check: bool,

    #[command(flatten)]
    finetune: FinetuneOptions,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum MethodName {
    Newton,
    Tangent,
    Head,
    NoisyFinetune,
    OutputPerturbation,
    Retrain,
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
    pub fn method(&self, seed: u64, kind: Parameterisation) -> Result<Method, Failure> {
        let without_effect = |options: &str, method: &str| {
            let message =
                format!("{options} have no effect with --method {method}: leave them out");
            Err(Failure::usage(message))
        };
        let of_newton = "the options of the Newton step";
        let of_finetune = "the options of noisy fine-tuning";
        let settings = self.finetune.settings(seed);
        let own = match kind {
            Parameterisation::Full => MethodName::Newton,
            Parameterisation::Tangent => MethodName::Tangent,
            Parameterisation::Head => MethodName::Head,
        };
        match self.method.unwrap_or(own) {
            MethodName::Newton if self.finetune.is_given() => without_effect(of_finetune, "newton"),
            MethodName::Newton => Ok(Method::Newton {
                settings: self.newton(seed),
            }),
            MethodName::NoisyFinetune if self.names_newton() => {
                without_effect(of_newton, "noisy-finetune")
            }
            MethodName::NoisyFinetune => Ok(Method::NoisyFinetune { settings }),
            MethodName::OutputPerturbation if self.names_newton() => {
                without_effect(of_newton, "output-perturbation")
            }
            MethodName::OutputPerturbation if self.finetune.names_steps() => {
                without_effect("options of noisy steps", "output-perturbation")
            }
            MethodName::OutputPerturbation => Ok(Method::OutputPerturbation { settings }),
            MethodName::Tangent | MethodName::Head if self.names_newton() => {
                without_effect(of_newton, "tangent or head")
            }
            MethodName::Tangent | MethodName::Head if self.finetune.is_given() => {
                without_effect(of_finetune, "tangent or head")
            }
            MethodName::Tangent => Ok(Method::Tangent),
            MethodName::Head => Ok(Method::Head),
            MethodName::Retrain if self.names_newton() => without_effect(of_newton, "retrain"),
            MethodName::Retrain if self.finetune.is_given() => {
                without_effect(of_finetune, "retrain")
            }
            MethodName::Retrain => Ok(Method::Retrain),
        }
    }

    fn names_newton(&self) -> bool {
        self.preset.is_some()
            || self.curvature.is_some()
            || self.right_hand_side.is_some()
            || self.damping.is_some()
            || self.solver.is_some()
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
