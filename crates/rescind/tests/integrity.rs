//! What belongs to a run stays together: state, ledger and key; and request k costs what request 1
//! does.

mod common;

use common::{copy, newton, released, small, trained};
use rescind::ledger::LedgerError;
use rescind::{Amendment, Error, KeyError, Run, RunConfig, RunKey};
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

fn opened(root: &Path) -> Option<Error> {
    Run::open(root).err()
}

#[test]
fn an_older_state_or_an_older_ledger_is_refused() {
    for keep_iterates in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let (root, old) = (folder.path().join("run"), folder.path().join("old"));
        let config = RunConfig {
            keep_iterates,
            ..small()
        };
        let mut run = trained(&root, config);
        run.forget(&newton("random:10?seed=1"), &mut ()).unwrap();
        copy(&root, &old);
        run.forget(&newton("random:10?seed=2"), &mut ()).unwrap();
        drop(run);
        let new = folder.path().join("new");
        copy(&root, &new);

        copy(&old.join("private/state"), &root.join("private/state"));
        let refused = opened(&root);
        assert!(
            matches!(
                refused,
                Some(Error::StateAndLedgerDiffer {
                    state: 1,
                    ledger: 2
                })
            ),
            "{refused:?}"
        );
        copy(&new.join("private/state"), &root.join("private/state"));
        for database in ["ledger.sqlite", "private/requests.sqlite"] {
            copy(&old.join(database), &root.join(database));
        }
        let refused = opened(&root);
        assert!(
            matches!(
                refused,
                Some(Error::StateAndLedgerDiffer {
                    state: 2,
                    ledger: 1
                })
            ),
            "{refused:?}"
        );
        // One of the two databases alone contradicts the other.
        copy(&new.join("ledger.sqlite"), &root.join("ledger.sqlite"));
        let refused = opened(&root);
        assert!(
            matches!(refused, Some(Error::Ledger(LedgerError::Altered { .. }))),
            "{refused:?}"
        );
        // Nothing was changed by looking: all from one copy is a run again.
        let database = "private/requests.sqlite";
        copy(&new.join(database), &root.join(database));
        assert!(opened(&root).is_none());
        copy(&old, &root);
        Run::amend(&root, Amendment::Adopt).unwrap();
        let mut run = Run::open(&root).unwrap();
        assert_eq!(run.answers().unwrap().len(), 1);
        run.forget(&newton("random:10?seed=2"), &mut ()).unwrap();
    }
}

#[test]
fn a_state_of_other_records_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (root, other) = (folder.path().join("run"), folder.path().join("fork"));
    let mut run = trained(&root, small());
    let mut fork = run.fork(&other).unwrap();
    run.forget(&newton("random:10?seed=1"), &mut ()).unwrap();
    fork.forget(&newton("random:10?seed=2"), &mut ()).unwrap();
    drop((run, fork));
    copy(&other.join("private/state"), &root.join("private/state"));
    let refused = opened(&root);
    assert!(
        matches!(refused, Some(Error::StateNotRecorded { .. })),
        "{refused:?}"
    );
}

#[test]
fn a_ledger_that_is_lost_stops_the_run() {
    for lost in ["ledger.sqlite", "private/requests.sqlite"] {
        let folder = tempfile::tempdir().unwrap();
        let mut run = trained(folder.path(), small());
        run.forget(&released("random:10"), &mut ()).unwrap();
        drop(run);
        let path = folder.path().join(lost);
        let kept = folder.path().join("kept");
        fs::rename(&path, &kept).unwrap();
        let refused = opened(folder.path());
        assert!(
            matches!(&refused, Some(Error::Ledger(LedgerError::Missing { path: named }))
                if *named == path),
            "{refused:?}"
        );
        assert!(!path.exists());
        fs::rename(&kept, &path).unwrap();
        assert!(opened(folder.path()).is_none());
    }
}

#[test]
fn a_key_that_is_lost_or_another_stops_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let (root, other) = (folder.path().join("run"), folder.path().join("other"));
    let mut run = trained(&root, small());
    run.forget(&released("random:10"), &mut ()).unwrap();
    drop(run);
    let path = root.join("private/signing.key");
    let kept = folder.path().join("kept.key");
    copy(&path, &kept);
    fs::remove_file(&path).unwrap();
    let refused = opened(&root);
    assert!(
        matches!(&refused, Some(Error::Key(KeyError::Missing { path: named })) if *named == path),
        "{refused:?}"
    );
    assert!(!path.exists(), "a new key was made");
    // Somebody else's, or a fresh one made by hand.
    let stranger = RunKey::create(&other).unwrap().identity();
    copy(&other.join("private/signing.key"), &path);
    let refused = opened(&root);
    assert!(
        matches!(&refused, Some(Error::Key(KeyError::Replaced { found, .. }))
            if *found == stranger.fingerprint),
        "{refused:?}"
    );
    copy(&kept, &path);
    assert!(opened(&root).is_none());
}

/// Files below a folder but for some of its parts, with their sizes.
fn sizes(root: &Path, without: &[&str]) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        for item in fs::read_dir(folder).unwrap() {
            let path = item.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_string_lossy();
            let name = name.into_owned();
            if without.contains(&name.as_str()) {
                continue;
            }
            match path.is_dir() {
                true => open.push(path),
                false => drop(found.insert(name, path.metadata().unwrap().len())),
            }
        }
    }
    found
}

/// Rows and their bytes in the tables of both databases.
fn rows(root: &Path) -> BTreeMap<&'static str, (i64, i64)> {
    let count = |file: &str, query: &str| {
        let database = Connection::open(root.join(file)).unwrap();
        let row = database.query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?)));
        row.unwrap()
    };
    let (ledger, private) = ("ledger.sqlite", "private/requests.sqlite");
    BTreeMap::from([
        (
            "entries",
            count(
                ledger,
                "SELECT count(*), coalesce(sum(length(body)), 0) FROM entries",
            ),
        ),
        (
            "certificates",
            count(
                ledger,
                "SELECT count(*), coalesce(sum(length(document)), 0) FROM certificates",
            ),
        ),
        (
            "answers",
            count(
                private,
                "SELECT count(*), coalesce(sum(length(body)), 0) FROM answers",
            ),
        ),
        (
            "forgotten",
            count(private, "SELECT count(*), 8 * count(*) FROM forgotten"),
        ),
    ])
}

#[test]
fn the_last_request_costs_no_more_than_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let config = RunConfig {
        keep_iterates: false,
        ..small()
    };
    let mut run = trained(root, config);
    let apart = [
        "releases",
        "private/evidence",
        "ledger.sqlite",
        "private/requests.sqlite",
    ];
    let (mut all, mut files) = (vec![rows(root)], Vec::new());
    for seed in 1..=25 {
        let asked = released(&format!("random:5?seed={seed}")).keyed(format!("ticket-{seed}"));
        run.forget(&asked, &mut ()).unwrap();
        all.push(rows(root));
        files.push(sizes(root, &apart));
    }
    // Rows: as many for every request. Bytes: but for digits and the solver's path.
    let costs: Vec<BTreeMap<&str, (i64, i64)>> = all
        .windows(2)
        .map(|pair| {
            let cost = |(table, (rows, bytes)): (&&'static str, &(i64, i64))| {
                let before = pair[0][table];
                (*table, (rows - before.0, bytes - before.1))
            };
            pair[1].iter().map(cost).collect()
        })
        .collect();
    for (index, cost) in costs.iter().enumerate() {
        for (table, rows) in [
            ("entries", 3),
            ("certificates", 1),
            ("answers", 1),
            ("forgotten", 5),
        ] {
            let (found, bytes) = cost[table];
            assert_eq!(found, rows, "request {}: {table}", index + 1);
            let first = costs[0][table].1;
            assert!(
                (bytes - first).abs() < 300,
                "request {}: {table}: {bytes}, {first}",
                index + 1
            );
        }
    }
    // Files: the same ones, of the same sizes but for digits.
    let names = |files: &BTreeMap<String, u64>| {
        let counted = |name: &String| name.contains("private/state/");
        let fixed = files.keys().filter(|name| !counted(name)).cloned();
        (
            fixed.collect::<Vec<_>>(),
            files.keys().filter(|name| counted(name)).count(),
        )
    };
    let total = |files: &BTreeMap<String, u64>| files.values().sum::<u64>() as i64;
    for (index, files_now) in files.iter().enumerate() {
        assert_eq!(names(files_now), names(&files[0]), "request {}", index + 1);
        let grown = total(files_now) - total(&files[0]);
        assert!(grown.abs() < 300, "request {}: {grown}", index + 1);
    }
    let release = |number: u64| sizes(&root.join(format!("releases/{number:06}")), &[]);
    for number in 2..=25 {
        let (first, now) = (release(1), release(number));
        assert!(first.keys().eq(now.keys()));
        let grown = total(&now) - total(&first);
        assert!(grown.abs() < 600, "release {number}: {grown}");
    }
    // What was measured: one file for every release, of the same size but for digits.
    let evidence = sizes(&root.join("private/evidence"), &[]);
    assert_eq!(evidence.len(), 25);
    let first = evidence["000001.json"] as i64;
    for (name, size) in &evidence {
        assert!(
            (*size as i64 - first).abs() < 600,
            "{name}: {size}, {first}"
        );
    }
    // The databases are not much larger than what is in them.
    let pages: i64 = ["ledger.sqlite", "private/requests.sqlite"]
        .map(|file| root.join(file).metadata().unwrap().len() as i64)
        .iter()
        .sum();
    let content = |at: usize| all[at].values().map(|(_, bytes)| bytes).sum::<i64>();
    assert!(
        pages < 2 * content(25) + 20 * 4096,
        "{pages} for {}",
        content(25)
    );
}
