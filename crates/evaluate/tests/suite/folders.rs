//! Folders that are not a comparison's, and who may read those that are.
#![cfg(unix)]

use rescind_data::RecordRequest;
use rescind_evaluate::compare::{CompareError, Comparison, compare};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// The original and the retrained model of the digits, trained for a moment.
fn tiny() -> Comparison {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut comparison = Comparison::read(&own.join("../../experiments/digits.toml")).unwrap();
    comparison.seeds.truncate(1);
    comparison.training.insert("epochs".into(), 1.into());
    comparison.likelihood = None;
    comparison.relearn_limit = 2;
    comparison.attack.records = 60;
    comparison.methods.clear();
    comparison
}

/// Everything in a folder, with its mode and, of files, its contents.
fn listed(folder: &Path) -> Vec<(PathBuf, u32, Option<Vec<u8>>)> {
    let mut found = Vec::new();
    let mut left = vec![folder.to_owned()];
    while let Some(path) = left.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap();
        if metadata.is_dir() {
            left.extend(
                fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        }
        let bytes = metadata.is_file().then(|| fs::read(&path).unwrap());
        found.push((path, metadata.permissions().mode() & 0o777, bytes));
    }
    found.sort();
    found
}

#[test]
fn names_lead_nowhere_else() {
    let mut comparison = tiny();
    for name in [
        "",
        ".",
        "..",
        "a/b",
        "x/../../escaped",
        "/tmp/x",
        ".hidden",
        "a\0b",
        &"x".repeat(101),
    ] {
        comparison.name = name.to_owned();
        let refused = comparison.validate().unwrap_err().to_string();
        assert!(refused.starts_with("name is"), "{name}: {refused}");
    }
    let mut comparison = Comparison::read(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments/digits.toml"),
    )
    .unwrap();
    for name in [".", "..", ".original"] {
        comparison.methods[0].name = name.to_owned();
        let refused = comparison.validate().unwrap_err().to_string();
        assert!(
            refused.starts_with("a method's name is"),
            "{name}: {refused}"
        );
    }
}

#[test]
fn what_lies_in_a_folder_of_something_else_is_left_alone() {
    let parent = tempfile::tempdir().unwrap();
    let mine = parent.path().join("mine");
    fs::create_dir_all(mine.join("cells")).unwrap();
    fs::write(mine.join("results.csv"), "precious").unwrap();
    let before = listed(&mine);
    let refused = compare(&tiny(), &mine, &mut ()).unwrap_err();
    assert!(
        matches!(refused, CompareError::NotEmpty { .. }),
        "{refused}"
    );
    assert_eq!(listed(&mine), before);
    // Its settings cannot be read: it may be a comparison.
    let begun = parent.path().join("begun");
    fs::create_dir_all(begun.join("comparison.json")).unwrap();
    let refused = compare(&tiny(), &begun, &mut ()).unwrap_err();
    assert!(matches!(refused, CompareError::Io { .. }), "{refused}");
}

#[test]
fn everything_is_its_owner_s_alone_whatever_was_there() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("made/before");
    fs::create_dir_all(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
    compare(&tiny(), &folder, &mut ()).unwrap();
    assert_eq!(
        fs::metadata(&folder).unwrap().permissions().mode() & 0o777,
        0o700
    );
    let seeds = folder.join("seeds");
    for (path, mode, _) in listed(&folder) {
        // A run has files that whoever may look into its folder may read.
        if !path.starts_with(&seeds) || path == seeds {
            assert_eq!(mode & 0o077, 0, "{}: {mode:o}", path.display());
        }
    }
    // What a run that died may leave is taken away, and a link is never followed.
    let precious = parent.path().join("precious");
    fs::write(&precious, "x").unwrap();
    symlink(&precious, folder.join(".results.csv.rescind-partial")).unwrap();
    fs::write(folder.join(".results.html.rescind-partial"), "half").unwrap();
    compare(&tiny(), &folder, &mut ()).unwrap();
    let left = |(path, ..): &(PathBuf, u32, _)| path.to_string_lossy().contains("partial");
    assert!(!listed(&folder).iter().any(left));
    fs::remove_file(folder.join("results.csv")).unwrap();
    symlink(&precious, folder.join("results.csv")).unwrap();
    let refused = compare(&tiny(), &folder, &mut ()).unwrap_err().to_string();
    assert!(refused.contains("no regular file"), "{refused}");
    assert_eq!(fs::read(&precious).unwrap(), b"x");
}

/// A comparison that failed before anything was done is not in the way of the next.
#[test]
fn a_folder_where_nothing_was_done_is_taken_over() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("c");
    let mut comparison = tiny();
    comparison.data = rescind_data::DataSource::images(parent.path().join("nowhere"));
    assert!(compare(&comparison, &folder, &mut ()).is_err());
    assert!(!folder.join("results.json").exists());
    comparison = tiny();
    comparison.forget = RecordRequest::Random { count: 9, seed: 0 };
    compare(&comparison, &folder, &mut ()).unwrap();
    let refused = compare(&tiny(), &folder, &mut ()).unwrap_err();
    assert!(matches!(refused, CompareError::OtherComparison { .. }));
}
