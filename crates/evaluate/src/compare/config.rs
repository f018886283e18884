//! What is compared.

use super::CompareError;
use super::overlay::overlay;
use crate::attack::AttackSettings;
use crate::baseline::Baseline;
use rescind::ReleaseChoice;
use rescind::RunConfig;
use rescind::methods::MethodChoice as Method;
use rescind::methods::newton::NewtonSettings;
use rescind::training::TrainingSettings;
use rescind::{ModelChoice, Scaling};
use rescind_data::{DataSource, RecordRequest, text_of};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::path::Path;

/// A comparison: records, network and training, a request, and the methods that answer it. The
/// original and the retrained model are always among what is compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// Its name, for headings and for its folder: letters, digits, `-`, `_` and `.`, the first no
    /// `.`.
    pub name: String,
    /// One run per seed: of starting weights, order of records, and of the draw of a random
    /// request. At least one.
    pub seeds: Vec<u64>,
    /// Where the records come from.
    pub data: DataSource,
    /// The network.
    pub model: ModelChoice,
    /// How inputs are scaled.
    #[serde(default)]
    pub scaling: Scaling,
    /// The ball's radius R.
    pub radius: f64,
    /// The records to forget. A random request draws by each seed.
    pub forget: RecordRequest,
    /// What differs from [`TrainingSettings::default`]; the seed is not among it.
    #[serde(default)]
    pub training: Map<String, Value>,
    /// The methods.
    pub methods: Vec<Entry>,
    /// The attacks on every model.
    #[serde(default)]
    pub attack: AttackSettings,
    /// The likelihood-ratio attack; not made if absent, since it trains many models.
    #[serde(default)]
    pub likelihood: Option<Likelihood>,
    /// Most optimiser steps of relearning.
    #[serde(default = "relearn_limit")]
    pub relearn_limit: u64,
}

fn relearn_limit() -> u64 {
    200
}

/// One method of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its name in tables and files: letters, digits, `-`, `_` and `.`, the first no `.`.
    pub name: String,
    /// The method.
    pub method: MethodChoice,
    /// Release its outcome with noise and a certificate, and measure that: for certified methods.
    #[serde(default)]
    pub release: Option<ReleaseChoice>,
}

/// A method.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum MethodChoice {
    /// One Newton step (docs/theory.md §2).
    Newton {
        /// What differs from [`NewtonSettings::default`].
        #[serde(default)]
        settings: Map<String, Value>,
    },
    /// One Newton step as in the base paper: [`NewtonSettings::zhang2024`].
    Zhang2024 {
        /// LiSSA's chains (s1).
        chains: u64,
        /// Their length (s2).
        depth: u64,
        /// Its scale.
        scale: f64,
        /// Records in its minibatches.
        minibatch: usize,
        /// The damping λ.
        damping: f64,
    },
    /// Any method of a run.
    Certified {
        /// The method, of the table of methods, with its settings.
        method: Method,
    },
    /// Shards, of which those are trained again that lost a record (SISA: Bourtoule et al. 2021): exact,
    /// and several models instead of one.
    Sisa {
        /// Their number, at least 2.
        shards: usize,
    },
    /// A method without guarantee.
    Baseline {
        /// The method.
        baseline: Baseline,
    },
}

/// Settings of the likelihood-ratio attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Likelihood {
    /// Shadow models per seed, at least 4.
    pub shadows: usize,
    /// Most forgotten records attacked.
    pub records: usize,
}

/// Names of what is always compared.
pub(super) const RETRAIN: &str = "retrain";
pub(super) const ORIGINAL: &str = "original";

/// What names are made of.
const PLAIN: &str = "1 to 100 letters, digits, `-`, `_` and `.`, the first no `.`";

/// Whether a name can be that of a file, which leads nowhere else and is not hidden.
fn is_file_name(name: &str) -> bool {
    let usual = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    (1..=100).contains(&name.len()) && !name.starts_with('.') && name.chars().all(usual)
}

impl Comparison {
    /// Reads a comparison: JSON if the file's name ends so, else TOML.
    ///
    /// # Errors
    /// A file that cannot be read, unknown or missing fields, settings out of range.
    pub fn read(path: &Path) -> Result<Self, CompareError> {
        let io_error = |source| CompareError::Io {
            path: path.to_owned(),
            action: "read it",
            source,
        };
        let bytes = std::fs::read(path).map_err(io_error)?;
        let no_text = || io_error(std::io::ErrorKind::InvalidData.into());
        let text = text_of(&bytes).ok_or_else(no_text)?;
        let parsed = match path.extension().is_some_and(|end| end == "json") {
            true => serde_json::from_str(&text).map_err(|error| error.to_string()),
            false => toml::from_str(&text).map_err(|error| error.to_string()),
        };
        let unreadable = |reason| CompareError::Unreadable {
            path: path.to_owned(),
            expected: "a comparison",
            reason,
        };
        let comparison: Comparison = parsed.map_err(unreadable)?;
        comparison.validate()?;
        Ok(comparison)
    }

    /// Checks everything that can be checked without the records.
    ///
    /// # Errors
    /// [`CompareError::Setting`] names the first setting out of range.
    pub fn validate(&self) -> Result<(), CompareError> {
        let wrong = |setting: &str, found: String, expected| CompareError::Setting {
            setting: setting.to_owned(),
            found,
            expected,
        };
        if !is_file_name(&self.name) {
            let found = format!("{:?}", self.name);
            return Err(wrong("name", found, PLAIN));
        }
        if self.seeds.is_empty() {
            let expected = "at least one seed, each once";
            return Err(wrong("seeds", "empty".to_owned(), expected));
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = self.seeds.iter().find(|&seed| !seen.insert(seed)) {
            let found = format!("{twice} twice");
            return Err(wrong("seeds", found, "at least one seed, each once"));
        }
        let mut names = BTreeSet::from([RETRAIN, ORIGINAL]);
        for entry in &self.methods {
            if !is_file_name(&entry.name) || !names.insert(&entry.name) {
                let expected = "1 to 100 letters, digits, `-`, `_` and `.`, the first no `.`, \
                                each name once, neither `original` nor `retrain`";
                return Err(wrong(
                    "a method's name",
                    format!("`{}`", entry.name),
                    expected,
                ));
            }
            if let MethodChoice::Baseline { baseline } = &entry.method {
                baseline.validate()?;
            }
            if let MethodChoice::Sisa { shards: 0 | 1 } = &entry.method {
                let found = format!("fewer with {}", entry.name);
                return Err(wrong("shards", found, "at least 2"));
            }
            let certified = !matches!(
                entry.method,
                MethodChoice::Baseline { .. } | MethodChoice::Sisa { .. }
            );
            if entry.release.is_some() && !certified {
                let found = format!("asked for with {}", entry.name);
                let expected = "certified methods alone: nothing bounds what a baseline leaves, \
                                and shards have nothing to hide";
                return Err(wrong("a release", found, expected));
            }
            self.method(entry)?;
        }
        if let Some(likelihood) = self.likelihood
            && likelihood.shadows < 4
        {
            let found = likelihood.shadows.to_string();
            return Err(wrong("likelihood.shadows", found, "at least 4"));
        }
        self.attack.validate()?;
        if self.scaling == Scaling::Computed {
            let expected = "none, fixed or supplied: then all models see the same inputs";
            return Err(wrong("scaling", "computed".to_owned(), expected));
        }
        self.run_config(0)?;
        Ok(())
    }

    /// The run of one seed.
    pub(super) fn run_config(&self, seed: u64) -> Result<RunConfig, CompareError> {
        let wrong = |found| CompareError::Setting {
            setting: "training".to_owned(),
            found,
            expected: "fields of the training settings without `seed`, which the seeds give",
        };
        if self.training.contains_key("seed") {
            return Err(wrong("given a seed".to_owned()));
        }
        let base = TrainingSettings {
            seed,
            ..TrainingSettings::default()
        };
        let training: TrainingSettings = overlay(&base, &self.training).map_err(wrong)?;
        training.validate()?;
        Ok(RunConfig {
            data: self.data.clone(),
            model: self.model.clone(),
            scaling: self.scaling.clone(),
            training,
            radius: Some(self.radius),
            ..RunConfig::default()
        })
    }

    /// The request of one seed.
    pub(super) fn request(&self, seed: u64) -> RecordRequest {
        match &self.forget {
            &RecordRequest::Random { count, .. } => RecordRequest::Random { count, seed },
            other => other.clone(),
        }
    }

    /// The method a run is asked for; none for shards and baselines.
    pub(super) fn method(&self, entry: &Entry) -> Result<Option<Method>, CompareError> {
        Ok(match &entry.method {
            MethodChoice::Newton { settings } => {
                let wrong = |found| CompareError::Setting {
                    setting: format!("{}: settings", entry.name),
                    found,
                    expected: "fields of the Newton step's settings",
                };
                // What is said of the work itself stands.
                let says = ["subsample", "preconditioning", "solver"];
                let said = says.iter().any(|name| settings.contains_key(*name));
                let base = NewtonSettings::default();
                let base = NewtonSettings {
                    work: base.work.filter(|_| !said),
                    ..base
                };
                let settings: NewtonSettings = overlay(&base, settings).map_err(wrong)?;
                settings.validate()?;
                Some(Method::with("newton", &settings)?)
            }
            &MethodChoice::Zhang2024 {
                chains,
                depth,
                scale,
                minibatch,
                damping,
            } => {
                let settings = NewtonSettings::zhang2024(chains, depth, scale, minibatch, damping);
                settings.validate()?;
                Some(Method::with("newton", &settings)?)
            }
            MethodChoice::Certified { method } => {
                method.method()?;
                Some(method.clone())
            }
            MethodChoice::Sisa { .. } | MethodChoice::Baseline { .. } => None,
        })
    }
}
