//! The released files.

use super::content;
use crate::disk;
use crate::ledger::{Ledger, content_digest, release_folder};
use crate::release::centre_digest;
use crate::tensors;
use rescind_certificate::verify::{Checks, Subject};
use rescind_certificate::{Certificate, CodeIdentity, ReleasedFile, digest_of, sha256};
use rescind_data::Digest;
use rescind_network::Weights;
use rescind_unlearn::ModelDescription;
use std::path::Path;

/// What lies in the release's folder is what was certified.
pub(super) fn are_the_same(
    (certificate, named): (&Certificate, &[ReleasedFile]),
    run: &Path,
    ledger: &Ledger,
    checks: &mut Checks,
) {
    let subject = Subject::Files;
    let folder = release_folder(run, certificate.release);
    let model = &certificate.model;
    are_named(named, &folder, checks);
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
    let [weights, description, text, markdown] = [
        "weights.safetensors",
        "model.json",
        "certificate.txt",
        "certificate.md",
    ]
    .map(&mut read);
    let digest = |bytes: &[u8]| digest_of(bytes);
    if let Some(bytes) = &weights {
        let why = "the released weights are those certified";
        checks.equal(subject, "/model/weights", digest(bytes), model.weights, why);
    }
    if let Some(bytes) = &description {
        let why = "the released model is the one certified";
        checks.equal(
            subject,
            "/model/description",
            digest(bytes),
            model.description,
            why,
        );
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
    renderings_agree(certificate, [text, markdown], checks);
    let mut releases = ledger.history().releases();
    if let Some(row) = releases.find(|row| row.number == certificate.release) {
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
    if model.has_centre_file() {
        centre_is_certified(certificate, &folder, description.as_deref(), checks);
    }
    seed_draws(certificate, description.as_deref(), checks);
    if let (Some(weights), Some(description)) = (weights, description) {
        let folders = [folder.as_path(), run];
        content::fits(certificate, (&weights, &description), &folders, checks);
    }
}

/// Files that are there have the SHA-256 that the statement names them by.
fn are_named(named: &[ReleasedFile], folder: &Path, checks: &mut Checks) {
    for (index, file) in named.iter().enumerate() {
        // Only the three names a release has are ever looked for: `typed` has checked that.
        let plain = Path::new(&file.name)
            .file_name()
            .is_some_and(|name| name == &*file.name);
        let Ok(bytes) = disk::read(&folder.join(&file.name)) else {
            continue; // said where it is looked for
        };
        if plain {
            let field = format!("/subject/{index}/digest/sha256");
            let why = format!("{} has the SHA-256 that the statement names", file.name);
            let (found, stated) = (sha256(&bytes), file.digest.sha256.clone());
            checks.equal(Subject::Files, &field, found, stated, &why);
        }
    }
}

/// What lies beside a certificate is what was certified; what does not lie there is not checked.
pub(super) fn beside(
    (certificate, named): (&Certificate, &[ReleasedFile]),
    folder: &Path,
    checks: &mut Checks,
) {
    let (subject, model) = (Subject::Files, &certificate.model);
    are_named(named, folder, checks);
    let mut read = |name: &str| {
        let found = disk::read(&folder.join(name)).ok();
        if found.is_none() {
            let why = format!("{name}: it does not lie beside the certificate");
            checks.skipped(subject, &why);
        }
        found
    };
    let [weights, description] = ["weights.safetensors", "model.json"].map(&mut read);
    let centre = match model.has_centre_file() {
        true => read("centre.safetensors"),
        false => None,
    };
    if let Some(bytes) = &weights {
        let why = "the weights beside the certificate are those certified";
        checks.equal(
            subject,
            "/model/weights",
            digest_of(bytes),
            model.weights,
            why,
        );
    }
    if let Some(bytes) = &description {
        let why = "the model beside the certificate is the one certified";
        let (field, stated) = ("/model/description", model.description);
        checks.equal(subject, field, digest_of(bytes), stated, why);
    }
    if centre.is_some() {
        centre_is_certified(certificate, folder, description.as_deref(), checks);
    }
    seed_draws(certificate, description.as_deref(), checks);
    let texts =
        ["certificate.txt", "certificate.md"].map(|name| disk::read(&folder.join(name)).ok());
    renderings_agree(certificate, texts, checks);
    for name in strangers(folder) {
        checks.skipped(subject, &format!("{name}: no release has such a file"));
    }
    if let (Some(weights), Some(description)) = (weights, description) {
        content::fits(certificate, (&weights, &description), &[folder], checks);
    }
}

/// Names beside a certificate that are no release's.
fn strangers(folder: &Path) -> Vec<String> {
    const OURS: [&str; 6] = [
        "certificate.json",
        "certificate.txt",
        "certificate.md",
        "weights.safetensors",
        "model.json",
        "centre.safetensors",
    ];
    let items = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names = items.map(|item| item.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names
        .filter(|name| !OURS.contains(&name.as_str()))
        .collect();
    names.sort();
    names
}

/// The certificate's readable forms, those that are there, say what it says.
fn renderings_agree(certificate: &Certificate, found: [Option<Vec<u8>>; 2], checks: &mut Checks) {
    let rendered = [
        ("certificate.txt", certificate.to_string()),
        ("certificate.md", certificate.to_markdown()),
    ];
    let version = &certificate.code.version;
    for ((name, rendered), found) in rendered.into_iter().zip(found) {
        let Some(found) = found else { continue };
        // Another version may have found other words for the same.
        if *version != CodeIdentity::current().version && found != rendered.as_bytes() {
            let why = format!(
                "{name}: it is not what version {} writes of the certificate, which says that \
                 version {version} made it; the certificate alone is what was checked",
                CodeIdentity::current().version
            );
            checks.skipped(Subject::Files, &why);
            continue;
        }
        let why = format!("{name} says what the certificate says");
        let (expected, found) = (digest_of(rendered.as_bytes()), digest_of(&found));
        checks.equal(Subject::Files, name, expected, found, &why);
    }
}

/// The point at which the model is linearised decides its outputs as much as the weights do.
fn centre_is_certified(
    certificate: &Certificate,
    folder: &Path,
    description: Option<&[u8]>,
    checks: &mut Checks,
) {
    let (subject, ball) = (Subject::Files, &certificate.model.ball);
    let description =
        description.and_then(|bytes| serde_json::from_slice::<ModelDescription>(bytes).ok());
    let Some(description) = description else {
        return; // said by `content_fits`
    };
    let centre = disk::read(&folder.join("centre.safetensors"))
        .map_err(|error| error.to_string())
        .and_then(|bytes| {
            let read: Result<Weights<f32>, _> = tensors::from_bytes(&description, &bytes);
            read.map_err(|error| error.to_string())
        });
    match centre {
        Ok(centre) => {
            let found = centre_digest(&centre.parameters);
            let stated = ball.centre.unwrap_or(Digest::from([0; 32]));
            let why = "the model is linearised at the centre certified";
            checks.equal(subject, "/model/ball/centre", found, stated, why);
        }
        Err(error) => {
            let why = "the centre cannot be read";
            checks.failed(subject, "centre.safetensors", "the centre", error, why);
        }
    }
}

/// A centre that is said to be drawn from a seed is drawn again: that proves it to be independent of
/// the records, and nothing else does (docs/theory.md §0.2).
fn seed_draws(certificate: &Certificate, description: Option<&[u8]>, checks: &mut Checks) {
    let (subject, ball) = (Subject::Files, &certificate.model.ball);
    let Some(seed) = ball.seed else { return };
    let description =
        description.and_then(|bytes| serde_json::from_slice::<ModelDescription>(bytes).ok());
    let Some(description) = description else {
        let why =
            "the seed of the centre: drawing it again takes model.json beside the certificate";
        checks.skipped(subject, why);
        return;
    };
    let drawn = centre_digest(&description.draw(seed));
    let why = "the centre is what the seed draws";
    let stated = ball.centre.unwrap_or(Digest::from([0; 32]));
    checks.equal(subject, "/model/ball/seed", drawn, stated, why);
}
