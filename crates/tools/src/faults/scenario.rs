//! What is broken off, and what must hold afterwards.

use crate::failure::Failure;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A command that is broken off.
pub struct Scenario {
    pub name: &'static str,
    /// What is done before.
    before: &'static [&'static str],
    /// What is broken off.
    pub command: &'static str,
    /// What finishes it, the first of them that succeeds.
    again: &'static [&'static str],
    /// Requests and releases before and after it.
    requests: [usize; 2],
    releases: [usize; 2],
}

const TRAIN: &str = "train -q --data digits --hidden 4 --epochs 2 --checkpoint-every 1 --out run";
const FORGET: &str = "forget run -q --records 1-5 --sigma 0.1 --key first";
const HEAD: &str = "train -q --data digits --tangent --model logistic --loss squared-error --mu 1e-2 \
                    --out run";
const COMPARE: &str = "compare -q c.toml --out c";

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "train",
        before: &[],
        command: TRAIN,
        again: &["train -q --resume run", TRAIN],
        requests: [0, 0],
        releases: [0, 0],
    },
    Scenario {
        name: "import",
        before: &[TRAIN, "-mv run old"],
        command: "import -q old/private/state/000001/weights.safetensors --data digits --hidden 4 \
                  --epochs 2 --out run",
        again: &[
            "train -q --resume run",
            "import -q old/private/state/000001/weights.safetensors --data digits --hidden 4 \
             --epochs 2 --out run",
        ],
        requests: [0, 0],
        releases: [0, 0],
    },
    Scenario {
        name: "forget",
        before: &[TRAIN],
        command: FORGET,
        again: &[FORGET],
        requests: [0, 1],
        releases: [0, 1],
    },
    Scenario {
        name: "release",
        before: &[TRAIN, "forget run -q --records 1-5 --key first"],
        command: "release run -q --sigma 0.1",
        again: &["release run -q --sigma 0.1"],
        requests: [1, 1],
        releases: [0, 1],
    },
    Scenario {
        name: "purge",
        before: &[TRAIN, FORGET],
        command: "purge run -q",
        again: &["purge run -q"],
        requests: [1, 1],
        releases: [1, 1],
    },
    Scenario {
        name: "refresh",
        before: &[HEAD, FORGET],
        command: "refresh run -q",
        again: &["refresh run -q"],
        requests: [1, 1],
        releases: [1, 1],
    },
    Scenario {
        name: "prepared",
        before: &[HEAD, "refresh run -q"],
        command: FORGET,
        again: &[FORGET],
        requests: [0, 1],
        releases: [0, 1],
    },
    Scenario {
        name: "compare",
        before: &["-comparison"],
        command: COMPARE,
        again: &[COMPARE],
        requests: [0, 0],
        releases: [0, 0],
    },
];

const COMPARISON: &str = r#"name = "c"
seeds = [1]
data = "digits"
model = { kind = "mlp", hidden = [4], activation = "relu", norm = "none" }
radius = 20.0
forget = "random:20"
relearn_limit = 2
methods = [{ name = "newton", method = { kind = "newton" } }]
[training]
epochs = 1
[attack]
records = 40
"#;

/// What a run or a comparison comes to.
#[derive(Debug, PartialEq)]
struct Standing {
    requests: usize,
    releases: usize,
    /// Cells of a comparison.
    cells: usize,
}

impl Scenario {
    pub fn prepare(&self, program: &Path, here: &Path) -> Result<(), Failure> {
        for words in self.before {
            match *words {
                "-mv run old" => fs::rename(here.join("run"), here.join("old"))?,
                "-comparison" => fs::write(here.join("c.toml"), COMPARISON)?,
                words => {
                    let output = run(program, words, here)?;
                    if !output.status.success() {
                        return Err(format!("`{words}`: {}", said(&output)).into());
                    }
                }
            }
        }
        Ok(())
    }

    /// A copy of a run with requests is a copy, which nobody may go on with unsaid.
    pub fn adopt(&self, program: &Path, here: &Path) -> Result<(), Failure> {
        if self.requests[0] > 0 {
            run(program, "amend run --adopt", here)?;
        }
        Ok(())
    }

    /// Whether everything is as it must be after the fault, and once the command was given again.
    pub fn check(
        &self,
        program: &Path,
        here: &Path,
        expected: &Path,
        ended: Option<i32>,
    ) -> Result<(), String> {
        let after = |count: [usize; 2]| match ended {
            // Exit status 1: nothing happened. 0: it was done.
            Some(1) => Some(count[0]),
            Some(0) => Some(count[1]),
            Some(_) | None => None,
        };
        if ended.is_some_and(|status| status > 1 && status != 6) {
            return Err("another exit status".to_owned());
        }
        let error = |error: Failure| error.to_string();
        let (requests, releases) = (after(self.requests), after(self.releases));
        if self.requests[1] > 0 || self.releases[1] > 0 {
            let found = standing(program, here).map_err(error)?;
            let right = requests.is_none_or(|count| count == found.requests)
                && releases.is_none_or(|count| count == found.releases);
            if !right {
                return Err(format!("after the fault: {found:?}"));
            }
        }
        let mut last = String::new();
        let finished = self
            .again
            .iter()
            .any(|words| match run(program, words, here) {
                Ok(output) => {
                    last = said(&output);
                    // Nothing is left to do where the fault came late.
                    let idle = ["nothing_pending", "Every request is covered", "no request"];
                    output.status.success()
                        || output.status.code() == Some(6)
                        || idle.iter().any(|text| last.contains(text))
                }
                Err(_) => false,
            });
        let is_there = self.releases[1] > self.releases[0] && self.requests[0] > 0;
        if !finished && !is_there {
            return Err(format!("given again: {last}"));
        }
        let (found, wanted) = (standing(program, here), standing(program, expected));
        let (found, wanted) = (found.map_err(error)?, wanted.map_err(error)?);
        if found != wanted {
            return Err(format!(
                "given again: {found:?}, expected {wanted:?}: {last}"
            ));
        }
        let (found, wanted) = (names(here), names(expected));
        if found != wanted {
            let more: Vec<_> = found.iter().filter(|name| !wanted.contains(name)).collect();
            let less: Vec<_> = wanted.iter().filter(|name| !found.contains(name)).collect();
            return Err(format!("left over: {more:?}, missing: {less:?}"));
        }
        for release in 1..=self.releases[1] {
            let words = format!("verify run/releases/{release:06}/certificate.json --run run");
            let release = run(program, &words, here).map_err(error)?;
            if !release.status.success() {
                return Err(said(&release));
            }
        }
        Ok(())
    }
}

fn run(program: &Path, words: &str, here: &Path) -> Result<Output, Failure> {
    let mut command = Command::new(program);
    command.args(words.split_whitespace()).current_dir(here);
    Ok(command.env("RAYON_NUM_THREADS", "1").output()?)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim().to_owned()
}

fn standing(program: &Path, here: &Path) -> Result<Standing, Failure> {
    let results = here.join("c").join("results.json");
    if here.join("c.toml").exists() {
        let cells = match fs::read(results) {
            Ok(bytes) => serde_json::from_slice::<Value>(&bytes)?["cells"]
                .as_array()
                .map_or(0, Vec::len),
            Err(_) => 0,
        };
        return Ok(Standing {
            requests: 0,
            releases: 0,
            cells,
        });
    }
    // Whoever works on the run next finishes or undoes the last step.
    run(program, "evaluate run -q", here)?;
    let output = run(program, "status run --json", here)?;
    let report: Value = serde_json::from_slice(&output.stdout)?;
    let requests = report["requests"]
        .as_array()
        .ok_or_else(|| format!("status: {report}"))?;
    let releases = fs::read_dir(here.join("run/releases")).map_or(0, Iterator::count);
    Ok(Standing {
        requests: requests.len(),
        releases,
        cells: 0,
    })
}

/// Every file under a folder.
fn names(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut left = vec![folder.to_owned()];
    while let Some(path) = left.pop() {
        match fs::read_dir(&path) {
            Ok(entries) if !path.is_symlink() => {
                left.extend(entries.flatten().map(|entry| entry.path()));
            }
            _ => found.extend(path.strip_prefix(folder).map(Path::to_owned)),
        }
    }
    found.sort();
    found
}
