use crate::console::Console;
use crate::exit::{Failure, Status};
use crate::figures::{count, number, percent};
use crate::file;
use crate::options::budget::BudgetOptions;
use crate::options::model::{BallOptions, ConvexOptions, DataOptions, ModelOptions};
use crate::options::records::draw;
use crate::options::training::TrainingOptions;
use crate::place::Place;
use crate::progress::Watch;
use crate::table::facts;
use clap::Args;
use rescind::{Code, Model, ModelChoice, Run};
use rescind_data::{Provenance, Standardisation};
use rescind_network::{
    FromOnnx, Network, NetworkDescription, NetworkError, looks_like_onnx, read_onnx,
};
use serde::Serialize;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Take a model trained elsewhere into a run
///
/// The weights are a safetensors file under PyTorch's names, or a state_dict that torch.save wrote
/// (.pt, .pth), of which nothing is executed; or an ONNX file, which brings its network along. What is printed shows whether they do on these records
/// as they should: the order of the outputs, the scaling of inputs, the accuracy. Every record of the data source but
/// the validation share counts as trained on. Name the settings the model was trained by: retraining
/// uses them, and the guarantee compares with it. Nobody can check that they are the right ones.
#[derive(Args)]
#[command(
    after_help = "Example: rescind import model.safetensors --data mnist:mnist --model mlp --out run"
)]
pub struct Import {
    /// The trained weights (safetensors, or a state_dict of torch.save), or a model (ONNX)
    weights: PathBuf,

    /// Run folder to make: new or empty
    #[arg(long, value_name = "RUN")]
    out: PathBuf,

    #[command(flatten)]
    data: DataOptions,

    #[command(flatten)]
    model: ModelOptions,

    #[command(flatten)]
    training: TrainingOptions,

    #[command(flatten)]
    ball: BallOptions,

    #[command(flatten)]
    convex: ConvexOptions,

    #[command(flatten)]
    budget: BudgetOptions,
}

#[derive(Serialize)]
struct Imported {
    run: Place,
    records: usize,
    parameters: usize,
    /// Distance of the weights from the centre.
    norm: f64,
    radius: f64,
    /// The classes in the order of the network's outputs.
    classes: Vec<String>,
    /// How inputs are scaled before the network sees them: of the first channels or columns.
    scaling: String,
    /// On the records that count as trained on; absent where measuring failed.
    accuracy: Option<f64>,
    test_accuracy: Option<f64>,
    /// The share of the most frequent class among them.
    most_frequent: f64,
}

impl Import {
    pub fn run(self, console: &Console) -> Result<Status, Failure> {
        self.budget.check()?;
        let mut weights = file::read(&self.weights)?;
        let mut config = self
            .training
            .config(&self.data, &self.model, &self.ball, &self.convex)?;
        if is_onnx(&self.weights, &weights) {
            if self.model.is_given() {
                return Err(Failure::usage(
                    "an ONNX file brings its network along: leave --model and --network out",
                ));
            }
            let network;
            (network, weights) = from_onnx(&self.weights, &weights)?;
            config.model = ModelChoice::Description { network };
        }
        let centre = self.ball.centre()?;
        let mut watch = Watch::new(console);
        let mut run = Run::import(&self.out, config, centre.as_deref(), &weights, &mut watch)?;
        if let Some(budget) = self.budget.given() {
            run.set_budget(budget)?;
        }
        let radius = run.settings().radius;
        let classifier = run.classifier()?;
        // The run is made: what cannot be measured is no failure.
        let measured = run.evaluate(&mut watch).ok().map(|of| of.current);
        drop(watch);
        let train = classifier.train_records();
        let classes = train
            .as_ref()
            .map_or(Vec::new(), |train| train.class_names().to_vec());
        let most_frequent = train.map_or(0.0, |train| most_frequent(train.labels(), classes.len()));
        console.print_done(&Imported {
            records: run.retained().len(),
            parameters: run.model().description().parameters(),
            norm: run.norm().unwrap_or(f64::NAN),
            radius,
            classes,
            scaling: scaling(classifier.scaling()),
            accuracy: measured.as_ref().and_then(|sets| sets.retained.accuracy),
            test_accuracy: measured
                .filter(|sets| sets.test.records > 0)
                .and_then(|sets| sets.test.accuracy),
            most_frequent,
            run: self.out.into(),
        });
        Ok(Status::Done)
    }
}

/// Whether a file is one of ONNX, by its name or by how it begins.
fn is_onnx(path: &Path, content: &[u8]) -> bool {
    let named = path
        .extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("onnx"));
    named || looks_like_onnx(content)
}

/// The network of an ONNX file, and its weights as a safetensors file.
fn from_onnx(path: &Path, content: &[u8]) -> Result<(NetworkDescription, Vec<u8>), Failure> {
    let mut beside = |name: &str| {
        let read = file::read(&path.with_file_name(name));
        read.map_err(|failure| io::Error::other(failure.to_string()))
    };
    let refused =
        |error: NetworkError| Failure::other(Code::Network, format!("{}: {error}", path.display()));
    let FromOnnx { network, weights } = read_onnx(content, &mut beside).map_err(refused)?;
    let checked = Network::new(network.clone()).map_err(refused)?;
    Ok((network, weights.to_safetensors(&checked).map_err(refused)?))
}

/// The share of the most frequent of so many classes.
fn most_frequent(labels: &[u32], classes: usize) -> f64 {
    let mut counts = vec![0_usize; classes];
    for &label in labels {
        if let Some(count) = counts.get_mut(label as usize) {
            *count += 1;
        }
    }
    let most = counts.into_iter().max().unwrap_or(0);
    most as f64 / labels.len().max(1) as f64
}

/// The constants of a scaling in words.
fn scaling(scaling: Option<&Standardisation>) -> String {
    match scaling {
        Some(scaling) if *scaling.provenance() != Provenance::None => {
            let first = |values: &[f32]| {
                let shown = values.iter().take(3).map(|&value| number(f64::from(value)));
                let more = if values.len() > 3 { ", ..." } else { "" };
                format!("{}{more}", shown.collect::<Vec<_>>().join(", "))
            };
            format!("(x - {}) / {}", first(scaling.mean()), first(scaling.std()))
        }
        _ => "none".to_owned(),
    }
}

impl Imported {
    /// Whether one would do about as well without looking at the records.
    fn is_near_chance(&self) -> bool {
        let blind = self
            .most_frequent
            .max(1.0 / self.classes.len().max(1) as f64);
        self.accuracy
            .is_some_and(|accuracy| accuracy < blind + 0.1 * (1.0 - blind))
    }
}

impl fmt::Display for Imported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let run = self.run.display();
        let (norm, radius) = (number(self.norm), number(self.radius));
        writeln!(
            f,
            "Imported into {run}: {} of length {norm}, within a ball of radius {radius}; {} count \
             as trained on.\n",
            count(self.parameters, "weight"),
            count(self.records, "record"),
        )?;
        let shown = |accuracy: Option<f64>| accuracy.map_or("not measured".to_owned(), percent);
        let rows = [
            ("outputs, in order", self.classes.join(", ")),
            ("scaling of inputs", self.scaling.clone()),
            ("accuracy on them", shown(self.accuracy)),
            ("on test records", shown(self.test_accuracy)),
            ("most frequent class", percent(self.most_frequent)),
        ];
        writeln!(f, "{}\n", facts(rows))?;
        if self.is_near_chance() {
            writeln!(
                f,
                "WARNING: this is about what chance gives, so that these are hardly the records, \
                 classes or inputs that the model was trained with. Compare the order of its outputs \
                 (--classes), the scaling of its inputs (--scaling) and its layers (--model, \
                 --activation, --network), remove {run}, and import again.\n"
            )?;
        }
        let word = self.run.word();
        match draw(self.records) {
            Some(count) => writeln!(f, "Next: rescind forget {word} --random {count}"),
            None => writeln!(f, "Next: rescind evaluate {word}"),
        }
    }
}
