//! A second run that stands where another stands.

use super::Run;
use super::create::{CENTRE, CONFIG, MANIFEST, NETWORK, check_vacant};
use super::disk::{self, Access};
use super::lock::Lock;
use super::store::{StateRecord, Store};
use crate::Error;
use std::path::Path;
use std::sync::Arc;

impl Run {
    /// A second run in a new or empty folder that stands where this one stands before its first
    /// request, private weights included: so that several methods can answer the same request
    /// from the same weights.
    ///
    /// # Errors
    /// A run that has answered a request, whose ledger belongs to it alone; else as
    /// [`create`](Self::create).
    pub fn fork(&self, root: &Path) -> Result<Run, Error> {
        let (record, state) = self.trained()?;
        if !record.requests.is_empty() {
            return Err(Error::Setting {
                setting: "the run to fork",
                found: format!("one that has answered {} requests", record.requests.len()),
                expected: "one that has answered none: its ledger is its own",
            });
        }
        disk::folder(root, Access::Open)?;
        let lock = Lock::take(root)?;
        check_vacant(root)?;
        disk::folder(&root.join("private"), Access::Private)?;
        let store = Store::open(root.join("private").join("state"))?;
        store.sweep()?;
        for older in store.numbers()? {
            store.remove(older)?;
        }
        let mut copy = StateRecord::new(
            record.retained.clone(),
            Vec::new(),
            self.records.scaling.clone(),
        );
        let staged = store.stage(&self.network, &mut copy, state)?;
        store.commit(&staged)?;
        // `run.json` last: what a crash leaves before that is not a run.
        for name in [MANIFEST, NETWORK, CENTRE, CONFIG] {
            let from = self.root.join(name);
            if from.exists() {
                disk::replace(&root.join(name), &disk::read(&from)?, Access::Open)?;
            }
        }
        Ok(Run {
            root: root.to_owned(),
            config: self.config.clone(),
            manifest: self.manifest.clone(),
            network: self.network.clone(),
            ball: self.ball.clone(),
            split: self.split.clone(),
            records: self.records.clone(),
            features: self.features.clone(),
            execution: Arc::clone(&self.execution),
            store,
            current: Some((copy, state.clone())),
            broken: false,
            _lock: lock,
        })
    }
}
