//! Every parser, for a moment.

use std::process::Command;

#[test]
fn no_parser_trips_over_altered_files() {
    let mut fuzz = Command::new(env!("CARGO_BIN_EXE_tools"));
    fuzz.args(["fuzz", "--inputs", "300", "--seconds", "20", "--seed", "1"]);
    let output = fuzz.output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{told}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let lines: Vec<&str> = told.lines().collect();
    assert!(lines.len() >= 19, "{told}");
    assert!(
        lines.iter().all(|line| line.ends_with("none wrong")),
        "{told}"
    );
}
