//! What a command tells somebody to do next is a command that works there.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::tempdir;

/// Runs a command line with a shell, as whoever reads the advice does.
fn shell(here: &Path, line: &str) -> Output {
    let program = Path::new(env!("CARGO_BIN_EXE_rescind"));
    let folder = program.parent().unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    Command::new("sh")
        .args(["-c", line])
        .env("PATH", format!("{}:{path}", folder.display()))
        .current_dir(here)
        .output()
        .unwrap()
}

/// Every command in what was printed: from `rescind ` to the end of the line, a quote or a bracket.
fn advice(output: &Output) -> Vec<String> {
    let text = [&output.stdout[..], &output.stderr].concat();
    let text = String::from_utf8(text).unwrap();
    let commands = text.match_indices("rescind ").filter_map(|(at, _)| {
        let rest = &text[at..];
        let end = rest.find(['\n', '`', ')']).unwrap_or(rest.len());
        let whole = at == 0 || text[..at].ends_with([' ', '`', '\n']);
        whole.then(|| rest[..end].trim_end_matches('.').to_owned())
    });
    commands.collect()
}

/// Follows everything that a command tells, and says what that was.
fn follow(here: &Path, line: &str) -> Vec<String> {
    let output = shell(here, line);
    let told = advice(&output);
    for command in &told {
        let followed = shell(here, command);
        let said = String::from_utf8_lossy(&followed.stderr).into_owned();
        assert!(followed.status.success(), "{line}: {command}: {said}");
    }
    told
}

fn table(here: &Path, rows: usize) {
    let row = |at: usize| format!("{},{},{}\n", at % 7, at % 5, ["p", "q"][at % 2]);
    let text = "a,b,y\n".to_owned() + &(0..rows).map(row).collect::<String>();
    fs::write(here.join("t.csv"), text).unwrap();
}

#[test]
fn what_is_told_next_works_whatever_the_folder_is_called() {
    for name in ["run", "my run", "it's"] {
        let here = tempdir().unwrap();
        let here = here.path();
        table(here, 60);
        let place = format!("'{}'", name.replace('\'', "'\\''"));
        let train =
            format!("rescind train --data 'csv:t.csv?label=y&test=0.2' --epochs 2 --out {place}");
        let told = follow(here, &format!("{train} --pause-after 1"));
        assert!(told[0].contains("--resume"), "{told:?}");
        assert!(follow(here, &train)[0].contains("--resume"));
        let told = follow(here, &format!("rescind forget {place} --random 2 --seed 3"));
        assert!(
            told.iter().any(|line| line.contains("evaluate")),
            "{told:?}"
        );
        assert!(follow(here, &format!("rescind evaluate {place}"))[0].contains("retrain"));
        assert!(follow(here, &format!("rescind status {place}"))[0].contains("release"));
        let told = follow(
            here,
            &format!("rescind forget {place} --random 2 --seed 4 --sigma 0.1"),
        );
        assert!(told[0].contains("verify"), "{told:?}");
        assert!(follow(here, &format!("rescind retrain {place}"))[0].contains("evaluate"));
    }
}

#[test]
fn a_draft_is_used_whatever_it_is_called() {
    let here = tempdir().unwrap();
    let here = here.path().join("it's here");
    fs::create_dir(&here).unwrap();
    table(&here, 60);
    for name in ["c", "my columns"] {
        let source = "\"csv:$PWD/t.csv?label=y&test=0.2\"";
        let told = follow(&here, &format!("rescind columns {source} --out '{name}'"));
        assert!(told[0].contains("train"), "{told:?}");
        fs::remove_dir_all(here.join("run")).unwrap();
    }
}

#[test]
fn a_draw_is_never_more_than_can_be_forgotten() {
    for rows in [2, 3, 4, 30, 200] {
        let here = tempdir().unwrap();
        let here = here.path();
        table(here, rows);
        let train =
            "rescind train --data 'csv:t.csv?label=y&test=0' --epochs 1 --hidden 2 --out run";
        let told = follow(here, train);
        assert!(told[0].contains("--random"), "{told:?}");
        let output = shell(here, "rescind forget run --random 999");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let most = said
            .split_once("only ")
            .unwrap()
            .1
            .split(' ')
            .next()
            .unwrap();
        let all = shell(here, &format!("rescind forget run --random {most}"));
        // Where one was left already, none can be forgotten.
        assert_eq!(all.status.success(), most != "0", "{rows}: {said}");
    }
}

#[test]
fn a_tangent_model_s_release_is_told_with_a_promise_that_it_can_give() {
    let here = tempdir().unwrap();
    let here = here.path();
    let train = "rescind train --data digits --tangent --hidden 8 --scaling fixed --out run";
    let told = follow(here, train);
    assert!(told[0].contains("--random 50"), "{told:?}");
    let told = follow(here, "rescind status run");
    assert!(told[0].contains("release run --epsilon 1"), "{told:?}");
}

/// A refusal for noise says what would work.
#[test]
fn the_sigma_of_a_refusal_works() {
    let here = tempdir().unwrap();
    let here = here.path();
    shell(here, "rescind train --data digits --epochs 2 --out run");
    let refused = shell(here, "rescind forget run --random 5 --epsilon 1");
    assert_eq!(refused.status.code(), Some(3));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    let sigma = said.split_once("give sigma itself: ").unwrap().1;
    let sigma = sigma.split(' ').next().unwrap();
    let followed = shell(
        here,
        &format!("rescind forget run --random 5 --sigma {sigma}"),
    );
    assert!(followed.status.success(), "{followed:?}");
}

/// Rows that left without having been forgotten: the command that forgets them.
#[test]
fn records_that_left_are_forgotten_by_the_command_told() {
    let here = tempdir().unwrap();
    let here = here.path();
    table(here, 60);
    shell(
        here,
        "rescind train --data 'csv:t.csv?label=y&test=0' --epochs 1 --out 'a run'",
    );
    let text = fs::read_to_string(here.join("t.csv")).unwrap();
    let rows: Vec<&str> = text.lines().collect();
    let unique: Vec<&str> = rows.iter().copied().filter(|row| *row != rows[5]).collect();
    fs::write(here.join("t.csv"), unique.join("\n") + "\n").unwrap();
    let output = shell(here, "rescind evaluate 'a run'");
    assert_eq!(output.status.code(), Some(1));
    let told = advice(&output);
    let followed = shell(here, &told[0]);
    assert!(followed.status.success(), "{told:?}: {followed:?}");
    assert!(shell(here, "rescind evaluate 'a run'").status.success());
    fs::remove_file(here.join("a run/private/signing.key")).unwrap();
    let refused = shell(here, "rescind forget 'a run' --records 9");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("(rescind amend 'a run' --new-key)"), "{said}");
}

#[test]
fn what_refresh_tells_works_with_and_without_subjects() {
    let here = tempdir().unwrap();
    let here = here.path();
    table(here, 60);
    let train = "rescind train --data 'csv:t.csv?label=y&test=0.2' --scaling none --model logistic \
                 --tangent --loss squared-error --mu 0.1 --out run";
    follow(here, train);
    let told = follow(here, "rescind refresh run");
    assert!(told[0].contains("forget"), "{told:?}");
}
