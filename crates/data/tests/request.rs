//! Requests: what they resolve to and how they are refused.

use proptest::prelude::*;
use rescind_data::*;

const SECRET: [u8; 32] = [5; 32];

fn manifest(dataset: &Dataset) -> Manifest {
    Manifest::new(dataset, "test", Digest::from(SECRET), HeldOut::NONE).unwrap()
}

/// Ten records of three subjects and three classes (one without records); 2 and 7 are copies.
fn people() -> Manifest {
    let values = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 2.0, 8.0, 9.0].to_vec();
    let labels = vec![0, 1, 0, 1, 0, 1, 0, 0, 0, 1];
    let classes = ["cat", "dog", "none"].map(str::to_owned).to_vec();
    let subjects = [
        "ann", "bob", "cy", "ann", "bob", "cy", "ann", "bob", "cy", "ann",
    ];
    let dataset = Dataset::new("people", vec![1], classes, values, labels)
        .unwrap()
        .with_subjects(subjects.map(str::to_owned).to_vec())
        .unwrap();
    manifest(&dataset)
}

fn resolve(text: &str, among: &Selection) -> Result<Vec<usize>, RequestError> {
    let request: RecordRequest = text.parse()?;
    let found = request.resolve(&people(), among)?;
    Ok(found.positions().to_vec())
}

fn ranges(text: &str) -> PositionRanges {
    text.parse().unwrap()
}

#[test]
fn every_kind_of_request_resolves() {
    let all = Selection::all(10);
    assert_eq!(resolve("3,7-9,1, 8", &all).unwrap(), [1, 3, 7, 8, 9]);
    assert_eq!(resolve("subject:ann", &all).unwrap(), [0, 3, 6, 9]);
    assert_eq!(resolve("class:dog", &all).unwrap(), [1, 3, 5, 9]);
    assert_eq!(resolve("random:4?seed=1", &all).unwrap().len(), 4);
    assert_eq!(
        resolve("random:4", &all).unwrap(),
        resolve("random:4?seed=0", &all).unwrap()
    );
    let hash = record_hash(&[1], "cat", &[2.0]).to_string();
    assert_eq!(resolve(&format!("hash:{hash}"), &all).unwrap(), [2, 7]);
    let upper = hash.to_uppercase();
    assert_eq!(resolve(&format!("hash:{upper}"), &all).unwrap(), [2, 7]);
    // What the manifest holds is a pseudonym, and no name for the record.
    let pseudonym = people().pseudonym(2).unwrap().to_string();
    let error = resolve(&format!("hash:{pseudonym}"), &all).unwrap_err();
    assert!(matches!(error, RequestError::UnknownHash(_)), "{error}");
}

#[test]
fn what_is_deleted_already_cannot_be_deleted_again() {
    let left = Selection::new(10, vec![1, 2, 3, 4, 5]).unwrap();
    let absent = |text| RequestError::NotPresent(ranges(text));
    assert_eq!(resolve("5-7,9", &left), Err(absent("6-7,9")));
    assert_eq!(resolve("subject:ann", &left).unwrap(), [3]);
    assert_eq!(resolve("class:dog", &left).unwrap(), [1, 3, 5]);
    let none_of_ann = Selection::new(10, vec![1, 2]).unwrap();
    assert_eq!(resolve("subject:ann", &none_of_ann), Err(absent("0,3,6,9")));
    assert_eq!(
        resolve("class:cat", &Selection::none(10)),
        Err(absent("0,2,4,6-8"))
    );
    let hash = record_hash(&[1], "cat", &[2.0]);
    assert_eq!(resolve(&format!("hash:{hash}"), &left).unwrap(), [2]);
    let error = resolve("random:6", &left).unwrap_err();
    assert_eq!(
        error,
        RequestError::TooMany {
            count: 6,
            available: 4
        }
    );
    for seed in 0..20 {
        let drawn = resolve(&format!("random:3?seed={seed}"), &left).unwrap();
        assert!(drawn.iter().all(|&position| left.contains(position)));
    }
}

#[test]
fn unknown_and_unreadable_requests_are_refused() {
    let all = Selection::all(10);
    let refused = |text: &str| resolve(text, &all).unwrap_err();
    assert_eq!(
        refused("10"),
        RequestError::OutOfRange {
            position: 10,
            records: 10
        }
    );
    assert!(matches!(
        refused("0-18446744073709551615"),
        RequestError::OutOfRange { .. }
    ));
    for text in [
        "",
        "  ",
        "hash:",
        "subject:",
        "class: ",
        "random:0",
        "class:none",
    ] {
        assert_eq!(refused(text), RequestError::Empty, "{text:?}");
    }
    for text in ["1,x", "5-2", "-3", "18446744073709551616", "face:7"] {
        assert!(
            matches!(refused(text), RequestError::Positions(_)),
            "{text:?}"
        );
    }
    for text in [
        "hash:12345678",
        &format!("hash:{}x", "0".repeat(63)),
        &format!("hash:{}", "0".repeat(65)),
    ] {
        assert!(matches!(refused(text), RequestError::Hash(_)), "{text:?}");
    }
    assert!(matches!(
        refused(&format!("hash:{}", "0".repeat(64))),
        RequestError::UnknownHash(_)
    ));
    assert_eq!(refused("subject:dan"), RequestError::UnknownSubject);
    assert!(!RequestError::UnknownSubject.to_string().contains("dan"));
    assert!(matches!(
        refused("class:bird"),
        RequestError::UnknownClass { .. }
    ));
    assert!(refused("class:bird").to_string().contains("cat, dog, none"));
    assert!(matches!(refused("random:ten"), RequestError::Draw(_)));
}

#[test]
fn without_subjects_a_request_by_subject_is_refused() {
    let dataset = Dataset::new("t", vec![1], vec!["c".into()], vec![1.0], vec![0]).unwrap();
    let manifest = manifest(&dataset);
    let request = RecordRequest::Subject("ann".into());
    let error = request.resolve(&manifest, &Selection::all(1)).unwrap_err();
    assert_eq!(error, RequestError::NoSubjects);
}

#[test]
fn records_known_by_identity_alone_have_no_classes_and_may_have_subjects() {
    let identities = ["a", "b", "c"].map(subject_hash).to_vec();
    let subjects = ["ann", "bob", "ann"].map(str::to_owned);
    let make = |subjects| {
        let secret = Digest::from(SECRET);
        Manifest::of_identities("ids", identities.clone(), subjects, secret, HeldOut::NONE)
    };
    let named = make(Some(&subjects[..])).unwrap();
    let all = Selection::all(3);
    let by = |text: &str, manifest: &Manifest| {
        let request: RecordRequest = text.parse().unwrap();
        let found = request.resolve(manifest, &all)?;
        Ok(found.positions().to_vec())
    };
    assert_eq!(by("subject:ann", &named), Ok(vec![0, 2]));
    assert_eq!(by(&format!("hash:{}", identities[1]), &named), Ok(vec![1]));
    assert_eq!(by("class:dog", &named), Err(RequestError::NoClasses));
    let unnamed = make(None).unwrap();
    assert_eq!(by("subject:ann", &unnamed), Err(RequestError::NoSubjects));
    let expected = ManifestError::Count {
        found: 2,
        expected: 3,
    };
    let short = make(Some(&subjects[..2]));
    assert_eq!(short, Err(expected));
}

#[test]
fn data_of_different_sizes_are_not_mixed() {
    let manifest = people();
    let request = RecordRequest::Positions(ranges("1"));
    let error = request.resolve(&manifest, &Selection::all(11)).unwrap_err();
    assert!(matches!(
        error,
        RequestError::Manifest(ManifestError::Count { found: 11, .. })
    ));
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_and_what_is_read_is_written_alike(
        text in "(hash:|subject:|class:|random:|)[0-9a-f,?= -]{0,20}|\\PC{0,20}",
    ) {
        if let Ok(request) = text.parse::<RecordRequest>() {
            let written = serde_json::to_string(&request).unwrap();
            prop_assert_eq!(serde_json::from_str::<RecordRequest>(&written).unwrap(), request);
        }
    }
}
