//! Every method there is. Adding one takes its file and a row here.

use super::descent::Descent;
use super::method::Method;
use super::newton::NewtonSettings;
use super::noisy::{FinetuneSettings, NoisyFinetune, OutputPerturbation};
use super::retrain::Retrain;
use super::rewind::Rewind;
use crate::error::Error;
use crate::model::{Capability, Model};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A row of the table.
pub struct Entry {
    /// The method's name.
    pub name: &'static str,
    /// Other names for it.
    pub aliases: &'static [&'static str],
    /// What it does, in a phrase.
    pub summary: &'static str,
    /// Reads its settings.
    pub read: fn(Value) -> Result<Box<dyn Method>, serde_json::Error>,
    /// Whether it is what to use where nothing is said, on a model and for a request by which most of
    /// the records go, or not; the first row that says so is.
    pub default_for: fn(&dyn Model, most_go: bool) -> bool,
}

fn read<M: Method + DeserializeOwned + 'static>(
    settings: Value,
) -> Result<Box<dyn Method>, serde_json::Error> {
    Ok(Box::new(M::deserialize(settings)?))
}

fn never(_: &dyn Model, _: bool) -> bool {
    false
}

/// All methods.
pub const TABLE: &[Entry] = &[
    Entry {
        name: "descent",
        aliases: &["tangent", "head"],
        summary: "go on to the new optimum of a convex model: a proved guarantee",
        read: read::<Descent>,
        default_for: |model, _| Capability::LinearOutputs.is_of(model),
    },
    Entry {
        name: "newton",
        aliases: &[],
        summary: "one damped Newton step towards the retrained weights",
        read: read::<NewtonSettings>,
        default_for: |model, most_go| Capability::CurvatureProducts.is_of(model) && !most_go,
    },
    Entry {
        name: "noisy-finetune",
        aliases: &[],
        summary: "noisy steps on the records that stay, then recovery",
        read: |settings| {
            let settings = FinetuneSettings::deserialize(settings)?;
            Ok(Box::new(NoisyFinetune(settings)))
        },
        default_for: |model, _| !Capability::CurvatureProducts.is_of(model),
    },
    Entry {
        name: "output-perturbation",
        aliases: &[],
        summary: "the same without noisy steps",
        read: |settings| {
            let settings = FinetuneSettings::deserialize(settings)?;
            Ok(Box::new(OutputPerturbation(settings)))
        },
        default_for: never,
    },
    Entry {
        name: "retrain",
        aliases: &[],
        summary: "training afresh on the records that stay",
        read: read::<Retrain>,
        default_for: |_, _| true,
    },
    Entry {
        name: "rewind",
        aliases: &[],
        summary: "back to an early checkpoint, then on without the records",
        read: read::<Rewind>,
        default_for: never,
    },
];

/// The row of a method.
///
/// # Errors
/// [`Error::UnknownMethod`].
pub fn entry(name: &str) -> Result<&'static Entry, Error> {
    let found = TABLE
        .iter()
        .find(|entry| entry.name == name || entry.aliases.contains(&name));
    found.ok_or_else(|| Error::UnknownMethod {
        found: name.to_owned(),
        known: names().collect::<Vec<_>>().join(", "),
    })
}

/// The names of all methods.
pub fn names() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|entry| entry.name)
}

/// The methods that would do on a model.
///
/// # Errors
/// None of its own; a row whose defaults cannot be read is left out.
pub fn suited_to(model: &dyn Model) -> impl Iterator<Item = Box<dyn Method>> {
    let all = TABLE.iter().filter_map(|entry| {
        let defaults = Value::Object(serde_json::Map::new());
        (entry.read)(defaults).ok()
    });
    all.filter(move |method| {
        let has = |need: &Capability| need.is_of(model);
        method.needs().iter().all(has) && method.unsuited_to(model).is_none()
    })
}
