//! What forms a dataset, and the embedded digits.

use rescind_data::*;

fn make(shape: &[usize], inputs: &[f32], labels: &[u32]) -> Result<Dataset, DatasetError> {
    let classes = vec!["a".to_owned(), "b".to_owned()];
    Dataset::new(
        "t",
        shape.to_vec(),
        classes,
        inputs.to_vec(),
        labels.to_vec(),
    )
}

#[test]
fn inconsistent_parts_are_refused() {
    for shape in [&[][..], &[2, 0], &[usize::MAX, 2]] {
        assert!(
            matches!(make(shape, &[], &[]), Err(DatasetError::Shape(_))),
            "{shape:?}"
        );
    }
    let error = make(&[2], &[1.0; 5], &[0, 1]).unwrap_err();
    assert!(matches!(
        error,
        DatasetError::InputLength {
            found: 5,
            expected: 4,
            ..
        }
    ));
    let error = make(&[1], &[1.0; 2], &[0, 2]).unwrap_err();
    assert_eq!(
        error,
        DatasetError::Label {
            position: 1,
            label: 2,
            classes: 2
        }
    );
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let error = make(&[2], &[1.0, 1.0, 1.0, value], &[0, 0]).unwrap_err();
        assert!(matches!(error, DatasetError::NotFinite { position: 1, .. }));
    }
    let twice = vec!["a".to_owned(), "a".to_owned()];
    let error = Dataset::new("t", vec![1], twice, vec![], vec![]).unwrap_err();
    assert_eq!(error, DatasetError::DuplicateClass("a".into()));
    let error = make(&[1], &[1.0], &[0])
        .unwrap()
        .with_subjects(vec![])
        .unwrap_err();
    assert_eq!(
        error,
        DatasetError::Subjects {
            found: 0,
            expected: 1
        }
    );
    assert!(make(&[3], &[], &[]).unwrap().is_empty());
}

#[test]
fn batches_are_copied_in_the_order_asked() {
    let dataset = make(&[2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &[0, 1, 0]).unwrap();
    let (mut inputs, mut labels) = (vec![9.0], vec![9]);
    dataset
        .copy_batch(&[2, 1, 2], &mut inputs, &mut labels)
        .unwrap();
    assert_eq!(inputs, [5.0, 6.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!(labels, [0, 1, 0]);
    let error = dataset
        .copy_batch(&[0, 3], &mut inputs, &mut labels)
        .unwrap_err();
    assert_eq!(
        error,
        DatasetError::OutOfRange {
            position: 3,
            records: 3
        }
    );
    assert_eq!(dataset.input(usize::MAX), None);
}

/// Figures from scikit-learn 1.9.1's `load_digits()`, split by position // 10 % 5 == 4.
#[test]
fn the_digits_are_scikit_learns() {
    let Data { train, test } = load(&DataSource::Digits, None).unwrap();
    let count = |part: &Dataset, class| part.labels().iter().filter(|&&l| l == class).count();
    let per_class = |part: &Dataset| (0..10).map(|class| count(part, class)).collect::<Vec<_>>();
    assert_eq!(per_class(&test), [35, 37, 34, 37, 34, 33, 36, 35, 39, 37]);
    assert_eq!(
        per_class(&train),
        [143, 145, 143, 146, 147, 149, 145, 144, 135, 143]
    );
    let ink = |part: &Dataset| {
        part.inputs()
            .iter()
            .map(|value| f64::from(value * 16.0))
            .sum()
    };
    let (train_ink, test_ink): (f64, f64) = (ink(&train), ink(&test));
    assert_eq!((train_ink as u64, test_ink as u64), (449_786, 111_932));
    let first = [
        0.0, 0.0, 5.0, 13.0, 9.0, 1.0, 0.0, 0.0, 0.0, 0.0, 13.0, 15.0,
    ];
    assert_eq!(train.inputs()[..12], first.map(|value: f32| value / 16.0));
    assert!(
        train
            .inputs()
            .iter()
            .all(|value| (0.0..=1.0).contains(value))
    );
    let manifest = Manifest::new(&train, "digits", Digest::from([1; 32]), HeldOut::NONE).unwrap();
    let distinct: std::collections::HashSet<_> = (0..manifest.len())
        .map(|at| manifest.pseudonym(at).unwrap())
        .collect();
    assert_eq!(distinct.len(), 1440, "no record is stored twice");
}
