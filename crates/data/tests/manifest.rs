//! Manifests name the first difference and survive the disk only unaltered.

use rescind_data::*;

fn table(values: &[f32], labels: &[u32]) -> Dataset {
    let classes = vec!["no".to_owned(), "yes".to_owned()];
    Dataset::new("table", vec![2], classes, values.to_vec(), labels.to_vec()).unwrap()
}

const VALUES: [f32; 8] = [0.0, 1.0, 2.0, 3.0, 0.0, 1.0, 6.0, 7.0];
const LABELS: [u32; 4] = [0, 1, 0, 1];

fn subjects(names: [&str; 4]) -> Vec<String> {
    names.map(str::to_owned).to_vec()
}

#[test]
fn verify_accepts_the_same_data_under_another_name() {
    let manifest = Manifest::new(&table(&VALUES, &LABELS), "here").unwrap();
    let classes = vec!["no".to_owned(), "yes".to_owned()];
    let renamed =
        Dataset::new("other", vec![2], classes, VALUES.to_vec(), LABELS.to_vec()).unwrap();
    manifest.verify(&renamed).unwrap();
}

#[test]
fn verify_names_the_first_record_that_differs() {
    let manifest = Manifest::new(&table(&VALUES, &LABELS), "here").unwrap();
    let mut values = VALUES;
    values[3] = 3.5;
    values[7] = 7.5;
    let error = manifest.verify(&table(&values, &LABELS)).unwrap_err();
    assert!(
        matches!(error, ManifestError::Record { position: 1, .. }),
        "{error}"
    );
    let error = manifest.verify(&table(&VALUES, &[0, 1, 1, 1])).unwrap_err();
    assert!(
        matches!(error, ManifestError::Record { position: 2, .. }),
        "{error}"
    );
    let error = manifest
        .verify(&table(&VALUES[..6], &LABELS[..3]))
        .unwrap_err();
    assert_eq!(
        error,
        ManifestError::Count {
            found: 3,
            expected: 4
        }
    );
    // A record dropped in the middle shows where, not only that the count is off.
    let error = manifest
        .verify(&table(&[0.0, 1.0, 0.0, 1.0, 6.0, 7.0], &[0, 0, 1]))
        .unwrap_err();
    assert!(
        matches!(error, ManifestError::Record { position: 1, .. }),
        "{error}"
    );
}

#[test]
fn verify_names_shape_classes_and_subjects() {
    let dataset = table(&VALUES, &LABELS);
    let manifest = Manifest::new(&dataset, "here").unwrap();
    let classes = |names: [&str; 2]| names.map(str::to_owned).to_vec();
    let make = |shape: Vec<usize>, names| {
        Dataset::new(
            "table",
            shape,
            classes(names),
            VALUES.to_vec(),
            LABELS.to_vec(),
        )
        .unwrap()
    };
    let error = manifest
        .verify(&make(vec![1, 2], ["no", "yes"]))
        .unwrap_err();
    assert!(matches!(error, ManifestError::Shape { .. }), "{error}");
    let error = manifest.verify(&make(vec![2], ["no", "oui"])).unwrap_err();
    assert!(matches!(error, ManifestError::Classes { .. }), "{error}");
    let named = dataset
        .clone()
        .with_subjects(subjects(["a", "b", "a", "c"]))
        .unwrap();
    let other = dataset
        .clone()
        .with_subjects(subjects(["a", "b", "x", "c"]))
        .unwrap();
    assert_eq!(
        manifest.verify(&named),
        Err(ManifestError::Subject { position: 0 })
    );
    let manifest = Manifest::new(&named, "here").unwrap();
    assert_eq!(
        manifest.verify(&other),
        Err(ManifestError::Subject { position: 2 })
    );
    manifest.verify(&named).unwrap();
}

#[test]
fn standardised_values_are_not_taken_for_the_records() {
    let mut dataset = table(&VALUES, &LABELS);
    let manifest = Manifest::new(&dataset, "here").unwrap();
    let all = Selection::all(4);
    Standardisation::computed_on(&dataset, &all)
        .unwrap()
        .apply(&mut dataset)
        .unwrap();
    assert_eq!(manifest.verify(&dataset), Err(ManifestError::Standardised));
    assert_eq!(
        Manifest::new(&dataset, "here"),
        Err(ManifestError::Standardised)
    );
}

#[test]
fn written_manifests_are_read_back_and_show_no_name() {
    let dataset = table(&VALUES, &LABELS);
    let named = dataset
        .clone()
        .with_subjects(subjects(["alice", "bob", "alice", "carol"]))
        .unwrap();
    for dataset in [dataset, named] {
        let manifest = Manifest::new(&dataset, "csv:people.csv?label=ill").unwrap();
        let text = serde_json::to_string_pretty(&manifest).unwrap();
        assert_eq!(serde_json::from_str::<Manifest>(&text).unwrap(), manifest);
        let line = format!("\"{}\"", manifest.records()[1]);
        assert!(
            text.lines()
                .any(|found| found.trim().trim_end_matches(',') == line)
        );
        assert!(!text.contains("alice"));
    }
}

#[test]
fn altered_manifests_are_refused() {
    let manifest = Manifest::new(&table(&VALUES, &LABELS), "here").unwrap();
    let text = serde_json::to_string(&manifest).unwrap();
    let refused = |text: &str, reason: &str| {
        let error = serde_json::from_str::<Manifest>(text)
            .unwrap_err()
            .to_string();
        assert!(error.contains(reason), "{error}");
    };
    let (one, two) = (
        manifest.records()[0].to_string(),
        manifest.records()[1].to_string(),
    );
    assert_eq!(one.len(), 64);
    refused(&text.replace(&one, &two), "the file was altered");
    refused(&text.replace("\"yes\"", "\"oui\""), "the file was altered");
    refused(
        &text.replace("\"labels\":[0,1,0,1]", "\"labels\":[0,1,0,0]"),
        "the file was altered",
    );
    refused(
        &text.replace("\"labels\":[0,1,0,1]", "\"labels\":[0,1,0]"),
        "3",
    );
    refused(&text.replace("\"count\":4", "\"count\":5"), "5");
    refused(
        &text.replace("rescind-manifest-2", "rescind-manifest-9"),
        "another version",
    );
    refused(&text.replace("\"source\"", "\"sauce\""), "sauce");
}

#[test]
fn duplicates_left_behind_are_found() {
    let values = [0.0, 1.0, 2.0, 3.0, 0.0, 1.0, 0.0, 1.0];
    // Records 0 and 2 are the same; 3 has their values but another class.
    let manifest = Manifest::new(&table(&values, &[0, 1, 0, 1]), "").unwrap();
    let forget = Selection::new(4, vec![0]).unwrap();
    let copies = manifest
        .duplicates_outside(&forget, &forget.complement())
        .unwrap();
    assert_eq!(copies.positions(), [2]);
    let both = Selection::new(4, vec![0, 2]).unwrap();
    assert!(
        manifest
            .duplicates_outside(&both, &both.complement())
            .unwrap()
            .is_empty()
    );
    let error = manifest
        .duplicates_outside(&forget, &Selection::all(5))
        .unwrap_err();
    assert_eq!(
        error,
        ManifestError::Count {
            found: 5,
            expected: 4
        }
    );
}
