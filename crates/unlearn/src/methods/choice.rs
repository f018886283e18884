//! A method asked for by name.

use super::method::{Method, members};
use super::newton::most_go;
use super::report::MethodReport;
use super::table::entry;
use crate::error::Error;
use crate::model::Model;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A method of the table with its settings; those that are absent have their defaults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MethodChoice {
    /// Its name, or another name that the table knows it by.
    #[serde(rename = "kind")]
    pub name: String,
    /// Its settings.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub settings: Map<String, Value>,
}

impl MethodChoice {
    /// The method of a report with the settings it was asked for, to be taken again from other
    /// weights.
    #[must_use]
    pub fn again(report: &MethodReport) -> Self {
        let asked = report.details.get("settings").and_then(Value::as_object);
        Self {
            name: report.method.clone(),
            settings: asked.cloned().unwrap_or_default(),
        }
    }

    /// A method with its defaults.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            settings: Map::new(),
        }
    }

    /// A method with these settings.
    ///
    /// # Errors
    /// [`Error::UnknownMethod`]; [`Error::MethodSettings`] for settings that are none, such as a
    /// number that is not finite.
    pub fn with<T>(name: &str, settings: &T) -> Result<Self, Error>
    where
        T: Serialize + DeserializeOwned + PartialEq,
    {
        let entry = entry(name)?;
        let choice = Self {
            name: entry.name.to_owned(),
            settings: members(entry.name, settings)?,
        };
        // JSON has no infinity and no NaN: written down they would be lost without a word.
        match choice.typed::<T>() {
            Ok(read) if read == *settings => Ok(choice),
            Ok(_) => Err(Error::MethodSettings {
                method: entry.name,
                reason: "one of the numbers is not finite".to_owned(),
            }),
            Err(error) => Err(error),
        }
    }

    /// The method of the table that suits a model best, for a request by which so many records go and so
    /// many stay, with its defaults.
    #[must_use]
    pub fn default_for(model: &dyn Model, forgotten: usize, retained: usize) -> Self {
        let most_go = most_go(forgotten, retained);
        let suits = super::table::TABLE
            .iter()
            .find(|entry| (entry.default_for)(model, most_go));
        Self::named(suits.map_or("retrain", |entry| entry.name))
    }

    /// Its settings, as this type reads them.
    ///
    /// # Errors
    /// [`Error::UnknownMethod`]; [`Error::MethodSettings`].
    pub fn typed<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let entry = entry(&self.name)?;
        let settings = Value::Object(self.settings.clone());
        serde_json::from_value(settings).map_err(|error| Error::MethodSettings {
            method: entry.name,
            reason: error.to_string(),
        })
    }

    /// The method itself.
    ///
    /// # Errors
    /// [`Error::UnknownMethod`]; [`Error::MethodSettings`] for settings that it does not have or
    /// that are of the wrong kind.
    pub fn method(&self) -> Result<Box<dyn Method>, Error> {
        let entry = entry(&self.name)?;
        let settings = Value::Object(self.settings.clone());
        (entry.read)(settings).map_err(|error| Error::MethodSettings {
            method: entry.name,
            reason: error.to_string(),
        })
    }
}
