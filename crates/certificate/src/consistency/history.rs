//! The requests of a certificate, what was released before, and their entries in the ledger.

use super::collector::Collector;
use crate::record::Certificate;
use rescind_data::Digest;

/// A run numbers its requests one by one, and a release covers all that none before it did.
pub fn requests(certificate: &Certificate, all: &mut Collector) {
    let requests = &certificate.requests;
    let last = requests.last().map_or(0, |request| request.number);
    all.require(
        certificate.release == last && last > 0,
        "/release",
        certificate.release,
        last,
        "a release has the number of the last request it covers",
    );
    let mut previous = certificate.earlier.requests;
    for (index, request) in requests.iter().enumerate() {
        let field = |name: &str| format!("/requests/{index}/{name}");
        let next = previous.saturating_add(1);
        all.require(
            request.number == next,
            field("number"),
            request.number,
            next,
            "requests are numbered one by one, after those that earlier releases cover",
        );
        previous = request.number;
        all.require(
            request.records > 0,
            field("records"),
            0,
            "at least 1",
            "it removes records",
        );
        // Two requests have two salts, and no record is forgotten twice.
        let mut before = requests.iter().take(index);
        all.require(
            before.all(|earlier| earlier.commitment != request.commitment),
            field("commitment"),
            request.commitment,
            "another than those before",
            "every request has a commitment of its own",
        );
    }
    let earlier = certificate.earlier;
    all.require(
        earlier.releases <= earlier.requests && (earlier.releases > 0 || earlier.requests == 0),
        "/earlier/releases",
        earlier.releases,
        match earlier.requests {
            0 => "0".to_owned(),
            requests => format!("1 to {requests}"),
        },
        "every release covers a request, and a release has covered each of these",
    );
}

/// The head is that of a ledger with an entry for all that is stated.
pub fn ledger(certificate: &Certificate, all: &mut Collector) {
    let (earlier, ledger) = (certificate.earlier, &certificate.ledger);
    let releases = earlier.releases.saturating_mul(2);
    let requests = certificate.requests.len() as u64;
    let least = [earlier.requests, releases, requests];
    let least = least.into_iter().fold(0, u64::saturating_add);
    all.require(
        ledger.entries >= least,
        "/ledger/entries",
        ledger.entries,
        format!("at least {least}"),
        "the ledger has an entry for every request, and two for every release before",
    );
    all.require(
        ledger.head != Digest::from([0; 32]),
        "/ledger/head",
        ledger.head,
        "the digest of an entry",
        "zeros are what the first entry follows",
    );
}
