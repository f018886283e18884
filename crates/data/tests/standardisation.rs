//! Standardisation: the right numbers, and honest about where they come from.

use rescind_data::*;

fn pictures() -> Dataset {
    // Two channels of one row of two: channel 0 holds 1, 3, 5, 7, 100, 100; channel 1 is constant.
    let inputs = vec![
        1.0, 3.0, 4.0, 4.0, 5.0, 7.0, 4.0, 4.0, 100.0, 100.0, 4.0, 4.0,
    ];
    Dataset::new("p", vec![2, 1, 2], vec!["c".into()], inputs, vec![0; 3]).unwrap()
}

fn close(found: &[f32], expected: &[f64]) -> bool {
    found.len() == expected.len()
        && found
            .iter()
            .zip(expected)
            .all(|(f, e)| (f64::from(*f) - e).abs() < 1e-6 * (1.0 + e.abs()))
}

#[test]
fn computed_on_the_selection_alone() {
    let mut dataset = pictures();
    let on = Selection::new(3, vec![0, 1]).unwrap();
    let standardisation = Standardisation::computed_on(&dataset, &on).unwrap();
    assert!(close(standardisation.mean(), &[4.0, 4.0]));
    assert!(
        close(standardisation.std(), &[5.0_f64.sqrt(), 1.0]),
        "constant channel: std 1"
    );
    let provenance = Provenance::ComputedOn {
        records: 2,
        selection: on.digest(),
    };
    assert_eq!(standardisation.provenance(), &provenance);
    standardisation.apply(&mut dataset).unwrap();
    let s = 5.0_f64.sqrt();
    assert!(close(
        dataset.input(0).unwrap(),
        &[-3.0 / s, -1.0 / s, 0.0, 0.0]
    ));
    assert!(close(
        dataset.input(2).unwrap(),
        &[96.0 / s, 96.0 / s, 0.0, 0.0]
    ));
    assert_eq!(
        standardisation.apply(&mut dataset),
        Err(StandardisationError::Twice)
    );
    let again = Standardisation::computed_on(&dataset, &on);
    assert_eq!(again, Err(StandardisationError::Twice));
}

#[test]
fn fixed_constants_do_not_depend_on_the_records() {
    let data = load(&DataSource::Digits, None).unwrap();
    let fixed = Standardisation::fixed(&DataSource::Digits, &data.train).unwrap();
    assert_eq!(
        fixed,
        Standardisation::fixed(&DataSource::Digits, &data.test).unwrap()
    );
    assert_eq!(fixed.provenance(), &Provenance::Fixed);
    let mut train = data.train.clone();
    fixed.apply(&mut train).unwrap();
    let range = train
        .inputs()
        .iter()
        .fold((0.0_f32, 0.0_f32), |(a, b), &x| (a.min(x), b.max(x)));
    assert!(close(&[range.0, range.1], &[-1.0, 1.0]));
    let mnist = Standardisation::fixed(&DataSource::Mnist("m".into()), &data.train).unwrap();
    assert!(close(mnist.mean(), &[0.1307]) && close(mnist.std(), &[0.3081]));
    let csv = "csv:a.csv?label=b".parse().unwrap();
    assert_eq!(Standardisation::fixed(&csv, &data.train), None);
}

#[test]
fn none_changes_nothing() {
    let mut dataset = pictures();
    Standardisation::none(&dataset).apply(&mut dataset).unwrap();
    assert_eq!(dataset, pictures());
}

#[test]
fn what_cannot_be_standardised_is_refused_unchanged() {
    let mut dataset = pictures();
    let read = |text: &str| serde_json::from_str::<Standardisation>(text);
    let one = Standardisation::supplied(vec![0.5], vec![0.5]).unwrap();
    assert_eq!(one.provenance(), &Provenance::Supplied);
    assert!(Standardisation::supplied(vec![0.5], vec![0.0]).is_err());
    let error = one.apply(&mut dataset).unwrap_err();
    assert_eq!(
        error,
        StandardisationError::Channels {
            mean: 1,
            std: 1,
            expected: 2
        }
    );
    let tiny = read(r#"{"mean":[0,0],"std":[1,1e-38],"provenance":"fixed"}"#).unwrap();
    let error = tiny.apply(&mut dataset).unwrap_err();
    assert_eq!(error, StandardisationError::Overflow { position: 0 });
    assert_eq!(dataset, pictures());
    for text in [
        r#"{"mean":[0],"std":[0],"provenance":"fixed"}"#,
        r#"{"mean":[0],"std":[-1],"provenance":"fixed"}"#,
        r#"{"mean":[0],"std":[1e60],"provenance":"fixed"}"#,
        r#"{"mean":[0,0],"std":[1],"provenance":"fixed"}"#,
        r#"{"mean":[0],"std":[1],"provenance":"guessed"}"#,
    ] {
        assert!(read(text).is_err(), "{text}");
    }
    for on in [Selection::none(3), Selection::all(4)] {
        let error = Standardisation::computed_on(&dataset, &on).unwrap_err();
        assert!(matches!(error, StandardisationError::Selection { .. }));
    }
}

#[test]
fn written_and_read_back() {
    let dataset = pictures();
    let computed = Standardisation::computed_on(&dataset, &Selection::all(3)).unwrap();
    for standardisation in [computed, Standardisation::none(&dataset)] {
        let text = serde_json::to_string(&standardisation).unwrap();
        assert_eq!(
            serde_json::from_str::<Standardisation>(&text).unwrap(),
            standardisation
        );
    }
}
