//! The run a certificate is from: ledger, files, openings.

use super::arithmetic::compare;
use super::report::{Checks, Subject};
use crate::certificate::{Certificate, FollowedBy, digest_of};
use crate::disk;
use crate::key::RunKey;
use crate::ledger::{
    Entry, History, Ledger, ReleaseEntry, RequestEntry, content_digest, opening_file,
    release_folder,
};
use crate::release::{Opening, centre_digest};
use rescind_data::{Digest, Manifest};
use rescind_network::{Network, NetworkDescription, Weights};
use serde_json::Value;
use std::collections::HashSet;
use std::path::Path;

/// Compares with the certificate as the ledger recorded it: this names every edited field.
pub(super) fn original_is_the_same(value: &Value, run: &Path, checks: &mut Checks) {
    let number = value
        .get("release")
        .and_then(Value::as_u64)
        .unwrap_or_default();
    let Ok(history) = Ledger::open_existing(run).and_then(|ledger| ledger.history()) else {
        return; // said by `release_is_in_ledger`
    };
    let original = history
        .certificate(number)
        .and_then(|entry| serde_json::from_str::<Value>(&entry.document).ok());
    let Some(original) = original else {
        let (expected, found) = ("a release in the ledger", format!("release {number}"));
        let why = "the ledger has no certificate of this release";
        checks.failed(Subject::Ledger, "/release", expected, found, why);
        return;
    };
    let mut differences = Vec::new();
    compare(String::new(), &original, value, &mut differences);
    let why = "the certificate is the one in the ledger";
    checks.passed_if(differences.is_empty(), Subject::Ledger, why);
    for (field, expected, found) in differences {
        let why = "the certificate in the ledger says something else";
        checks.failed(Subject::Ledger, field, expected, found, why);
    }
}

pub(super) fn release_is_in_ledger(certificate: &Certificate, run: &Path, checks: &mut Checks) {
    let subject = Subject::Ledger;
    let history = match Ledger::open_existing(run).and_then(|ledger| ledger.history()) {
        Ok(history) => history,
        Err(error) => {
            let expected = "a ledger whose chain holds";
            checks.failed(
                subject,
                "ledger.sqlite",
                expected,
                &error,
                "the ledger is not usable",
            );
            return;
        }
    };
    checks.passed_if(true, subject, "the ledger's chain holds");
    match RunKey::existing(run) {
        Ok(key) => {
            let (own, found) = (key.identity().public_key, certificate.key.public_key);
            checks.equal(
                Subject::Key,
                "/key/public_key",
                own,
                found,
                "the run's key signed",
            );
        }
        Err(error) => {
            let why = "the run's key cannot be read";
            checks.failed(
                Subject::Key,
                "private/signing.key",
                "the run's key",
                &error,
                why,
            );
        }
    }
    let anchor = &certificate.ledger;
    let before = anchor.entries.checked_sub(1).and_then(|last| {
        history
            .entries()
            .get(usize::try_from(last).ok()?)
            .map(|recorded| recorded.digest)
    });
    let head = before.unwrap_or(Digest::from([0; 32]));
    let why = "the ledger's history is the one that was signed";
    checks.equal(subject, "/ledger/head", head, anchor.head, why);
    row_agrees(certificate, &history, checks);
}

/// The row repeats figures of the certificate, so that promises can be composed from rows alone.
fn row_agrees(certificate: &Certificate, history: &History, checks: &mut Checks) {
    let subject = Subject::Ledger;
    let (guarantee, noise) = (&certificate.guarantee, &certificate.noise);
    let Some(row) = history
        .releases()
        .find(|row| row.number == certificate.release)
    else {
        let found = certificate.release;
        checks.failed(
            subject,
            "/release",
            "a row in the ledger",
            found,
            "it was not recorded",
        );
        return;
    };
    let stated = ReleaseEntry {
        number: certificate.release,
        released_at: certificate.released_at.clone(),
        sigma: noise.sigma,
        sensitivity: guarantee.sensitivity,
        mu: guarantee.mu,
        failure_probability: guarantee.failure_probability,
        epsilon: guarantee.epsilon,
        delta: guarantee.delta,
        kind: guarantee.kind,
        origin: noise.origin,
        weights: certificate.model.weights,
        content: row.content,
        state: row.state,
    };
    checks.passed_if(
        stated == *row,
        subject,
        "the ledger's row of this release agrees",
    );
    if stated != *row {
        let (expected, found) = (format!("{row:?}"), format!("{stated:?}"));
        checks.failed(
            subject,
            "/guarantee",
            expected,
            found,
            "the ledger's row disagrees",
        );
    }
    // The requests are those between the anchored history and the release before it.
    let mut covered: Vec<&RequestEntry> = Vec::new();
    for recorded in history.entries() {
        match &recorded.entry {
            Entry::Request(request) => covered.push(request),
            Entry::Release(release) if release.number == certificate.release => break,
            Entry::Release(_) => covered.clear(),
            Entry::Certificate(_) => {}
        }
    }
    let agree = covered.len() == certificate.requests.len()
        && covered
            .iter()
            .zip(&certificate.requests)
            .all(|(row, stated)| {
                (row.number, &row.requested_at, row.records, row.commitment)
                    == (
                        stated.number,
                        &stated.requested_at,
                        stated.records,
                        stated.commitment,
                    )
            });
    checks.passed_if(agree, subject, "the ledger's rows of its requests agree");
    if !agree {
        let (expected, found) = (
            format!("{covered:?}"),
            format!("{:?}", certificate.requests),
        );
        checks.failed(
            subject,
            "/requests",
            expected,
            found,
            "the ledger's rows disagree",
        );
    }
}

pub(super) fn files_are_the_same(certificate: &Certificate, run: &Path, checks: &mut Checks) {
    let subject = Subject::Files;
    let folder = release_folder(run, certificate.release);
    let model = &certificate.model;
    let mut read = |name: &str| match disk::read(&folder.join(name)) {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            checks.failed(
                subject,
                name,
                "the released file",
                &error,
                "it cannot be read",
            );
            None
        }
    };
    let [weights, network, text, markdown] = [
        "weights.safetensors",
        "network.json",
        "certificate.txt",
        "certificate.md",
    ]
    .map(&mut read);
    let digest = |bytes: &[u8]| digest_of(bytes);
    if let Some(bytes) = &weights {
        let why = "the released weights are those certified";
        checks.equal(subject, "/model/weights", digest(bytes), model.weights, why);
    }
    if let Some(bytes) = &network {
        let why = "the released network is the one certified";
        checks.equal(subject, "/model/network", digest(bytes), model.network, why);
    }
    if let Some(stated) = model.configuration {
        match disk::read(&run.join("run.json")) {
            Ok(bytes) => {
                let why = "the run's configuration is the one certified";
                checks.equal(subject, "/model/configuration", digest(&bytes), stated, why);
            }
            Err(error) => {
                let expected = "the run's configuration";
                checks.failed(subject, "run.json", expected, &error, "it cannot be read");
            }
        }
    }
    let renderings = [
        ("certificate.txt", text, certificate.to_string()),
        ("certificate.md", markdown, certificate.to_markdown()),
    ];
    for (name, found, rendered) in renderings {
        let Some(found) = found else { continue };
        let why = format!("{name} says what the certificate says");
        checks.equal(
            subject,
            name,
            digest(rendered.as_bytes()),
            digest(&found),
            &why,
        );
    }
    if let Some(row) = Ledger::open_existing(run)
        .and_then(|ledger| ledger.history())
        .ok()
        .and_then(|history| {
            history
                .releases()
                .find(|r| r.number == certificate.release)
                .cloned()
        })
    {
        match content_digest(&folder) {
            Ok(found) => {
                let why = "the release's folder holds what was recorded, no more and no less";
                checks.equal(subject, "releases", row.content, found, why);
            }
            Err(error) => {
                checks.failed(
                    subject,
                    "releases",
                    row.content,
                    &error,
                    "it cannot be read",
                );
            }
        }
    }
    if model.linearised {
        centre_is_certified(certificate, &folder, network.as_deref(), checks);
    }
    if let (Some(weights), Some(network)) = (weights, network) {
        content_fits(certificate, &weights, &network, checks);
    }
}

/// The point at which the network is linearised decides its outputs as much as the weights do.
fn centre_is_certified(
    certificate: &Certificate,
    folder: &Path,
    network: Option<&[u8]>,
    checks: &mut Checks,
) {
    let (subject, ball) = (Subject::Files, &certificate.model.ball);
    let network = network
        .and_then(|bytes| serde_json::from_slice::<NetworkDescription>(bytes).ok())
        .and_then(|description| Network::new(description).ok());
    let Some(network) = network else {
        return; // said by `content_fits`
    };
    let centre = disk::read(&folder.join("centre.safetensors"))
        .map_err(|error| error.to_string())
        .and_then(|bytes| {
            Weights::<f32>::from_safetensors(&network, &bytes).map_err(|error| error.to_string())
        });
    match centre {
        Ok(centre) => {
            let found = centre_digest(&centre.parameters);
            let stated = ball.centre.unwrap_or(Digest::from([0; 32]));
            let why = "the network is linearised at the centre certified";
            checks.equal(subject, "/model/ball/centre", found, stated, why);
        }
        Err(error) => {
            let why = "the centre cannot be read";
            checks.failed(subject, "centre.safetensors", "the centre", error, why);
        }
    }
    if let Some(seed) = ball.seed {
        let drawn = centre_digest(&network.initialise::<f32>(seed));
        let why = "the centre is what the seed draws";
        let stated = ball.centre.unwrap_or(Digest::from([0; 32]));
        checks.equal(subject, "/model/ball/seed", drawn, stated, why);
    }
}

/// What the certificate says about the files' content.
fn content_fits(certificate: &Certificate, weights: &[u8], network: &[u8], checks: &mut Checks) {
    let subject = Subject::Files;
    let model = &certificate.model;
    let description = serde_json::from_slice::<NetworkDescription>(network);
    let network = match description
        .map_err(|e| e.to_string())
        .and_then(|description| Network::new(description).map_err(|error| error.to_string()))
    {
        Ok(network) => network,
        Err(error) => {
            checks.failed(
                subject,
                "network.json",
                "a network",
                error,
                "it cannot be read",
            );
            return;
        }
    };
    let count = network.parameter_count() as u64;
    let why = "the network has as many parameters as were noised";
    checks.equal(subject, "/model/parameters", count, model.parameters, why);
    let count = network.statistic_count() as u64;
    let why = "the network has as many statistics as stated";
    checks.equal(subject, "/model/statistics", count, model.statistics, why);
    let (rough, stated) = (
        network.non_smooth_layers().join(", "),
        model.non_smooth_layers.join(", "),
    );
    let why = "the layers without a Lipschitz Hessian are those stated";
    checks.equal(subject, "/model/non_smooth_layers", rough, stated, why);

    match Weights::<f64>::from_safetensors(&network, weights) {
        // What training made of noised numbers lies on no grid.
        Ok(_) if certificate.noise.followed_by == FollowedBy::Recovery => {}
        Ok(weights) => {
            let grid = certificate.noise.grid;
            let off = weights.parameters.iter().find(|value| {
                (**value / grid.spacing()).fract().abs() > 0.0 || value.abs() > grid.limit()
            });
            let why = "every released number lies on the grid";
            checks.passed_if(off.is_none(), subject, why);
            if let Some(off) = off {
                let expected = format!("a multiple of {}", grid.spacing());
                checks.failed(
                    subject,
                    "/noise/grid",
                    expected,
                    off,
                    "a weight is off the grid",
                );
            }
        }
        Err(error) => {
            let why = "the weights do not fit the network";
            checks.failed(subject, "weights.safetensors", "its weights", &error, why);
        }
    }
}

pub(super) fn records_are_those(certificate: &Certificate, run: &Path, checks: &mut Checks) {
    let subject = Subject::Records;
    let manifest = disk::read(&run.join("manifest.json"))
        .map_err(|error| error.to_string())
        .and_then(|bytes| {
            serde_json::from_slice::<Manifest>(&bytes).map_err(|error| error.to_string())
        });
    let manifest = match manifest {
        Ok(manifest) => manifest,
        Err(error) => {
            checks.failed(
                subject,
                "manifest.json",
                "the manifest",
                error,
                "it cannot be read",
            );
            return;
        }
    };
    let (root, data) = (manifest.root(), &certificate.data);
    checks.equal(
        subject,
        "/data/manifest",
        root,
        data.manifest,
        "the manifest is the run's",
    );
    let records = manifest.records().len() as u64;
    checks.equal(
        subject,
        "/data/records",
        records,
        data.records,
        "it lists as many records",
    );
    let known: HashSet<&Digest> = manifest.records().iter().collect();
    for (index, request) in certificate.requests.iter().enumerate() {
        let path = opening_file(run, request.number);
        let name = format!("private/openings/{:06}.json", request.number);
        let opening = disk::read(&path)
            .map_err(|error| error.to_string())
            .and_then(|bytes| {
                serde_json::from_slice::<Opening>(&bytes).map_err(|error| error.to_string())
            });
        let opening = match opening {
            Ok(opening) => opening,
            Err(error) => {
                checks.failed(subject, name, "salt and hashes", error, "it cannot be read");
                continue;
            }
        };
        let field = |name: &str| format!("/requests/{index}/{name}");
        let why = "the commitment opens to the request's records";
        let commitment = opening.commitment();
        checks.equal(
            subject,
            &field("commitment"),
            commitment,
            request.commitment,
            why,
        );
        let count = opening.records.len() as u64;
        let why = "the request removed as many records as stated";
        checks.equal(subject, &field("records"), count, request.records, why);
        let unknown = opening
            .records
            .iter()
            .filter(|hash| !known.contains(hash))
            .count();
        let why = "the manifest lists the records removed";
        checks.equal(subject, &field("records"), 0, unknown, why);
    }
}
