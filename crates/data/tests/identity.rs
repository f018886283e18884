//! Identities against `fixtures/identity.json`, which `fixtures/make_identity.py` computed from
//! the documented definitions with another BLAKE3 and its own ChaCha8.

use rescind_data::*;
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("fixtures/identity.json")).unwrap()
}

fn positions(value: &Value) -> Vec<usize> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|position| position.as_u64().unwrap() as usize)
        .collect()
}

const SHAPE: [usize; 3] = [1, 2, 2];
const A: [f32; 4] = [0.0, 0.25, 0.5, 1.0];
const B: [f32; 4] = [1.0, -1.5, 3.0e-5, -0.0];

fn pets() -> Dataset {
    let classes = vec!["cat".to_owned(), "dög".to_owned()];
    Dataset::new("pets", SHAPE.to_vec(), classes, [A, B].concat(), vec![0, 1]).unwrap()
}

const SECRET: [u8; 32] = [7; 32];

fn manifest(dataset: &Dataset, held_out: HeldOut) -> Manifest {
    Manifest::new(dataset, "anywhere", Digest::from(SECRET), held_out).unwrap()
}

fn of_thirty() -> Manifest {
    let values = (0..30_u8).map(f32::from).collect();
    let dataset = Dataset::new("t", vec![1], vec!["c".into()], values, vec![0; 30]).unwrap();
    let (fraction, seed) = (0.2, 7);
    manifest(&dataset, HeldOut { fraction, seed })
}

#[test]
fn record_hashes_are_as_documented() {
    let golden = golden();
    assert_eq!(
        record_hash(&SHAPE, "cat", &A).to_string(),
        golden["record_a"]
    );
    assert_eq!(
        record_hash(&SHAPE, "dög", &B).to_string(),
        golden["record_b"]
    );
    assert_eq!(subject_hash("alice").to_string(), golden["subject_alice"]);
}

#[test]
fn record_hashes_tell_shape_class_and_every_value_apart() {
    let hash = record_hash(&SHAPE, "cat", &A);
    assert_ne!(hash, record_hash(&[4], "cat", &A));
    assert_ne!(hash, record_hash(&[2, 1, 2], "cat", &A));
    assert_ne!(hash, record_hash(&SHAPE, "cats", &A));
    for i in 0..A.len() {
        let mut changed = A;
        changed[i] += 1e-6;
        assert_ne!(hash, record_hash(&SHAPE, "cat", &changed), "value {i}");
    }
    let mut long = vec![0.5; 1000];
    let before = record_hash(&[1000], "cat", &long);
    long[999] = 0.25;
    assert_ne!(before, record_hash(&[1000], "cat", &long));
}

#[test]
fn roots_are_as_documented() {
    let golden = golden();
    let pets_manifest = manifest(&pets(), HeldOut::NONE);
    assert_eq!(pets_manifest.root().to_string(), golden["root"]);
    for (own, expected) in pets_manifest
        .hashes_of(&Selection::all(2))
        .unwrap()
        .iter()
        .zip(golden["pseudonyms"].as_array().unwrap())
    {
        assert_eq!(own.to_string(), *expected);
    }
    let named = pets()
        .with_subjects(vec!["alice".into(), "bob".into()])
        .unwrap();
    let named = manifest(&named, HeldOut::NONE);
    assert_eq!(named.root().to_string(), golden["root_with_subjects"]);
    let file = blake3::hash(&named.to_bytes().unwrap());
    assert_eq!(file.to_hex().as_str(), golden["file_with_subjects"]);
    // Known by identities alone, in the caller's order.
    let identities = [
        record_hash(&SHAPE, "dög", &B),
        record_hash(&SHAPE, "cat", &A),
    ];
    let secret = Digest::from(SECRET);
    let ids = Manifest::of_identities("ids", identities.to_vec(), None, secret, HeldOut::NONE);
    assert_eq!(
        ids.unwrap().root().to_string(),
        golden["root_of_identities"]
    );
}

#[test]
fn commitments_are_as_documented_and_ignore_order() {
    let salt: [u8; 32] = std::array::from_fn(|i| i as u8);
    let mut hashes = vec![
        record_hash(&SHAPE, "cat", &A),
        record_hash(&SHAPE, "dög", &B),
    ];
    let committed = commitment(&hashes, &salt);
    assert_eq!(committed.to_string(), golden()["commitment"]);
    hashes.reverse();
    assert_eq!(commitment(&hashes, &salt), committed);
    assert_ne!(commitment(&hashes, &[0; 32]), committed, "another salt");
    assert_ne!(commitment(&hashes[..1], &salt), committed, "a subset");
    assert_ne!(
        commitment(&[hashes[0], hashes[0]], &salt),
        commitment(&hashes[..1], &salt)
    );
}

#[test]
fn permutations_are_the_documented_ones_on_every_platform() {
    let golden = golden();
    let all = Selection::all(30);
    assert_eq!(epoch_order(&all, 42, 3), positions(&golden["epoch_order"]));
    let manifest = of_thirty();
    let held_out = manifest.split().validation;
    assert_eq!(held_out.positions(), positions(&golden["validation"]));
    assert_eq!(manifest.root().to_string(), golden["root_with_validation"]);
    let request = RecordRequest::Random { count: 5, seed: 9 };
    let drawn = request.resolve(&manifest, &all).unwrap();
    assert_eq!(drawn.positions(), positions(&golden["random_request"]));
}

#[test]
fn digests_are_read_as_written_and_nothing_else() {
    let digest = subject_hash("alice");
    assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
    for text in ["", "12", &"g".repeat(64), &"é".repeat(32), &"0".repeat(66)] {
        assert!(text.parse::<Digest>().is_err(), "{text}");
    }
}
