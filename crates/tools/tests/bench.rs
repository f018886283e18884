//! Passes are timed.

use serde_json::Value;
use std::process::{Command, Output};

fn bench(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tools"));
    command.arg("bench").args(arguments).output().unwrap()
}

#[test]
fn passes_are_timed() {
    for norm in ["none", "group", "batch"] {
        let output = bench(&[
            "--records",
            "32",
            "--spend",
            "0.01",
            "--norm",
            norm,
            "--json",
        ]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{norm}: {said}");
        let timed: Value = serde_json::from_slice(&output.stdout).unwrap();
        let passes = timed["passes"].as_array().unwrap();
        let names: Vec<&str> = passes
            .iter()
            .map(|pass| pass["name"].as_str().unwrap())
            .collect();
        let expected = [
            "gradient",
            "linearize",
            "hessian product",
            "gauss-newton product",
        ];
        assert_eq!(names, expected);
        let positive = |value: &Value| value.as_f64().unwrap() > 0.0;
        let all = passes.iter().map(|pass| [&pass["seconds"], &pass["share"]]);
        assert!(all.flatten().all(positive), "{timed}");
        assert_eq!(timed["records"], 32);
        assert!(norm != "none" || timed["parameters"] == 3466);
    }
}

#[test]
fn nothing_to_time_is_refused() {
    for wrong in [["--records", "0"], ["--spend", "inf"], ["--model", "vgg"]] {
        assert!(!bench(&wrong).status.success(), "{wrong:?}");
    }
}
