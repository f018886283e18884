//! Data and network.

use super::columns::declare;
use crate::exit::Failure;
use crate::file;
use clap::{Args, ValueEnum};
use rescind::{Code, ModelChoice, Parameterisation, Scaling};
use rescind_data::DataSource;
use rescind_network::{Activation, Loss, NetworkDescription, zoo};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Which records.
#[derive(Args)]
#[command(next_help_heading = "Records")]
pub struct DataOptions {
    /// Where the records are: digits (built in), mnist:DIR, cifar10:DIR, cifar100:DIR, svhn:DIR,
    /// images:DIR (PNG, JPEG or WebP in DIR/train/CLASS and DIR/test/CLASS),
    /// images:DIR?test=FRACTION (in DIR/CLASS), or a table:
    /// csv:FILE?label=COLUMN&subject=COLUMN&test=FRACTION or the same with parquet:FILE, with more
    /// options joined by & (docs/tables.md): drop=A,B keep=A,B hash=A,B:64 categories=A:x|y
    /// range=A:0:120 missing=drop|mark|NUMBER separator=tab decimal=comma; or NumPy arrays,
    /// npz:FILE?inputs=NAME&label=NAME or npy:FILE?label=FILE
    #[arg(long, value_name = "SOURCE", default_value = "digits")]
    data: DataSource,

    /// Declare the columns of the table by this file, which `rescind columns` drafts
    #[arg(long, value_name = "FILE")]
    columns: Option<PathBuf>,

    /// The classes, separated by commas, in the order of the network's outputs: of a table or of
    /// folders of pictures. Left out, they are read off the records, and a certificate says that its
    /// promise takes for granted that those forgotten were not the last of a class
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    classes: Option<Vec<String>>,

    /// Scaling of inputs: none, fixed (constants customary for the dataset) or computed (from the
    /// records trained on, afresh after each request)
    /// [default: none; where a model is trained on a table with a column of numbers whose range is not
    /// declared, computed, unless by --head]
    #[arg(long, value_name = "HOW")]
    scaling: Option<ScalingChoice>,
}

impl DataOptions {
    /// Where the records are, and the classes where they are declared.
    pub fn source(&self) -> Result<(DataSource, Option<Vec<String>>), Failure> {
        let Some(path) = &self.columns else {
            return Ok((self.data.clone(), self.classes.clone()));
        };
        let (source, declared) = declare(&self.data, path)?;
        match (&self.classes, declared.classes) {
            (Some(_), Some(_)) => Err(Failure::usage(
                "--classes and the file of --columns both declare the classes: leave them in one",
            )),
            (given, declared) => Ok((source, given.clone().or(declared))),
        }
    }

    pub fn scaling(&self) -> Scaling {
        match self.scaling {
            None | Some(ScalingChoice::None) => Scaling::None,
            Some(ScalingChoice::Fixed) => Scaling::Fixed,
            Some(ScalingChoice::Computed) => Scaling::Computed,
        }
    }

    /// The same of a model that is trained on this source from the start. What is told of the source
    /// decides, no record of it.
    pub fn scaling_to_train(&self, source: &DataSource) -> Scaling {
        match self.scaling {
            None if has_bare_numbers(source) => Scaling::Computed,
            _ => self.scaling(),
        }
    }
}

/// Whether a table may have columns of numbers whose range is not declared.
fn has_bare_numbers(source: &DataSource) -> bool {
    let DataSource::Table { options, .. } = source else {
        return false;
    };
    let declared = |name| options.encodings.contains_key(name);
    options.keep.is_empty() || !options.keep.iter().all(declared)
}

#[derive(Clone, Copy, ValueEnum)]
enum ScalingChoice {
    None,
    Fixed,
    Computed,
}

/// Which network.
#[derive(Args)]
#[command(next_help_heading = "Network")]
pub struct ModelOptions {
    /// Architecture: logistic, mlp, allcnn, resnet18 (for small pictures) or torchvision-resnet18; the
    /// last three take pictures [default: mlp]
    #[arg(long, value_name = "NAME", conflicts_with = "network")]
    model: Option<Architecture>,

    /// Widths of the hidden layers of mlp [default: 32,32]
    #[arg(
        long,
        value_name = "WIDTHS",
        value_delimiter = ',',
        conflicts_with = "network"
    )]
    hidden: Option<Vec<usize>>,

    /// Activation: relu, gelu, silu, softplus or tanh; all but relu are smooth, which the theorem
    /// of the Newton step asks for [default: relu]
    #[arg(long, value_name = "NAME", value_parser = Activation::from_str, conflicts_with = "network")]
    activation: Option<Activation>,

    /// Normalisation before each activation: none, group or batch [default: none, or batch for
    /// torchvision-resnet18]
    #[arg(long, value_name = "NAME", value_parser = zoo::Norm::from_str, conflicts_with = "network")]
    norm: Option<zoo::Norm>,

    /// Take the network from this description (a network.json) instead
    #[arg(long, value_name = "FILE")]
    network: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "kebab-case")]
enum Architecture {
    Logistic,
    Mlp,
    Allcnn,
    Resnet18,
    TorchvisionResnet18,
}

impl ModelOptions {
    /// Whether a network was asked for.
    pub fn is_given(&self) -> bool {
        self.model.is_some() || self.network.is_some()
    }

    pub fn choice(&self) -> Result<ModelChoice, Failure> {
        if let Some(path) = &self.network {
            let network = read_description(path)?;
            return Ok(ModelChoice::Description { network });
        }
        let model = self.model.unwrap_or(Architecture::Mlp);
        let usual = match model {
            Architecture::TorchvisionResnet18 => zoo::Norm::Batch,
            _ => zoo::Norm::None,
        };
        let without_effect = |option: &str, of: &str| {
            let message = format!("{option} is for {of}: leave it out, or give another --model");
            Err(Failure::usage(message))
        };
        if self.hidden.is_some() && !matches!(model, Architecture::Mlp) {
            return without_effect("--hidden", "mlp");
        }
        if self.activation.is_some() && matches!(model, Architecture::Logistic) {
            return without_effect("--activation", "models with hidden layers");
        }
        let activation = self.activation.unwrap_or(Activation::Relu);
        let norm = self.norm.unwrap_or(usual);
        Ok(match model {
            Architecture::Logistic => ModelChoice::Logistic,
            Architecture::Mlp => ModelChoice::Mlp {
                hidden: self.hidden.clone().unwrap_or_else(|| vec![32, 32]),
                activation,
                norm,
            },
            Architecture::Allcnn => ModelChoice::Allcnn { activation, norm },
            Architecture::Resnet18 => ModelChoice::Resnet18 { activation, norm },
            Architecture::TorchvisionResnet18 => {
                ModelChoice::TorchvisionResnet18 { activation, norm }
            }
        })
    }
}

fn read_description(path: &Path) -> Result<NetworkDescription, Failure> {
    let text = file::read_text(path)?;
    serde_json::from_str(&text).map_err(|error| {
        let reason = format!("{}: is not a network description: {error}", path.display());
        Failure::other(Code::Network, reason)
    })
}

/// Where the weights must stay.
#[derive(Args)]
#[command(next_help_heading = "Weights")]
pub struct BallOptions {
    /// Keep all weights within this distance of the centre. The proved bound on what a request can
    /// leave behind is twice this; choose it without looking at the records [default: 20, or as much
    /// more as the network's starting weights need]
    #[arg(long, value_name = "DISTANCE")]
    pub radius: Option<f64>,

    /// Public weights (safetensors) to start from and to lay the ball around [default: zero, and a
    /// random start]
    #[arg(long, value_name = "FILE", visible_alias = "backbone")]
    centre: Option<PathBuf>,

    /// Who vouches for what no program can check: that no record went into the weights of --centre,
    /// nor into a network that they were made from; that imported weights were trained by the
    /// settings given; or that classes, categories and ranges read off the records would be the same
    /// without those forgotten. The certificate names them and is of kind `declared`
    #[arg(long, value_name = "NAME")]
    declared_by: Option<String>,
}

/// Which weights are trained, and how the outputs depend on them.
#[derive(Args)]
#[command(next_help_heading = "Convex models")]
pub struct ConvexOptions {
    /// Train a tangent model: the network linearised at its starting weights, all of them trained.
    /// What it forgets has a proved guarantee (docs/tangent.md). There are no epochs: training ends
    /// once the gradient is small
    #[arg(long, conflicts_with_all = ["head", "radius"])]
    tangent: bool,

    /// Train a convex head: the last linear layer alone, on top of frozen public weights
    #[arg(long, conflicts_with = "radius", requires = "centre")]
    head: bool,

    /// Loss of a tangent model or a head. Squared error, of targets 1 for a record's class and 0 for
    /// the others, makes what `refresh` prepares small and exact (docs/heads.md)
    #[arg(long, value_enum, value_name = "LOSS", default_value_t)]
    loss: LossName,
}

/// The loss of a convex model's outputs.
#[derive(Clone, Copy, Default, ValueEnum)]
enum LossName {
    #[default]
    CrossEntropy,
    SquaredError,
}

impl ConvexOptions {
    pub fn parameterisation(&self) -> Parameterisation {
        match (self.tangent, self.head) {
            (true, _) => Parameterisation::Tangent,
            (_, true) => Parameterisation::Head,
            _ => Parameterisation::Full,
        }
    }

    pub fn loss(&self) -> Loss {
        match self.loss {
            LossName::CrossEntropy => Loss::SoftmaxCrossEntropy,
            LossName::SquaredError => Loss::SquaredError,
        }
    }
}

impl BallOptions {
    pub fn declared_by(&self) -> Option<String> {
        self.declared_by.clone()
    }

    pub fn centre(&self) -> Result<Option<Vec<u8>>, Failure> {
        self.centre.as_deref().map(file::read).transpose()
    }
}
