//! Whatever a source, a test, a document or a setting cites of this repository is there: files by
//! their paths, numbered sections of documents, links between documents.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders that are searched and whose files may be cited by their paths from the root.
const FOLDERS: [&str; 7] = [
    ".ci",
    "benches",
    "crates",
    "docs",
    "examples",
    "experiments",
    "python",
];
const TEXTS: [&str; 5] = ["rs", "md", "toml", "py", "sh"];
/// Files by their bare names count as citations if the program writes none of the kind.
const SOURCES: [&str; 4] = ["rs", "py", "sh", "toml"];

/// This file, which makes citations up.
const ITSELF: &str = "crates/cli/tests/citations.rs";

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A file with its path from the root.
struct Text {
    path: PathBuf,
    text: String,
}

/// A repository's files: all paths, and what is written in those that are texts.
struct Tree {
    root: PathBuf,
    paths: Vec<PathBuf>,
    texts: Vec<Text>,
}

impl Tree {
    fn read(root: &Path) -> Self {
        let mut paths = Vec::new();
        for entry in fs::read_dir(root).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_file() {
                paths.push(PathBuf::from(name));
            } else if FOLDERS.contains(&name) {
                files_below(root, Path::new(name), &mut paths);
            }
        }
        paths.sort();
        let is_text = |path: &&PathBuf| {
            let extension = path.extension().map(|e| e.to_str().unwrap());
            let text = extension.map_or(path.starts_with(".ci"), |e| TEXTS.contains(&e));
            text && path.as_path() != Path::new(ITSELF)
        };
        let texts = paths.iter().filter(is_text).map(|path| Text {
            path: path.clone(),
            text: fs::read_to_string(root.join(path)).unwrap(),
        });
        Tree {
            root: root.to_owned(),
            texts: texts.collect(),
            paths: paths.clone(),
        }
    }

    /// What is cited and not there, each with the place that cites it.
    fn dangling(&self) -> Vec<String> {
        let mut found = Vec::new();
        for Text { path, text } in &self.texts {
            let extension = path.extension().map_or("", |e| e.to_str().unwrap());
            for (number, line) in (1..).zip(text.lines()) {
                let mut complain = |what: &str| {
                    found.push(format!("{}:{number}: {what}", path.display()));
                };
                for citation in citations(line) {
                    if !self.has(citation.path) {
                        complain(citation.path);
                    } else if let Some(section) = citation.section
                        && !self.has_section(citation.path, section)
                    {
                        complain(&format!("{} §{section}", citation.path));
                    }
                }
                for name in bare_names(comment(line, extension)) {
                    if !self.paths.iter().any(|path| path.ends_with(name)) {
                        complain(name);
                    }
                }
                if extension == "md" {
                    for target in links(line) {
                        if !self.leads_somewhere(path, target) {
                            complain(target);
                        }
                    }
                }
            }
        }
        found
    }

    /// Whether there is such a file or folder, or files of that name with an extension.
    fn has(&self, cited: &str) -> bool {
        let path = Path::new(cited);
        let same = |known: &PathBuf| known.starts_with(path) || known.with_extension("") == path;
        self.paths.iter().any(same)
    }

    /// Whether a document has a heading of this number.
    fn has_section(&self, cited: &str, section: &str) -> bool {
        self.headings(Path::new(cited)).iter().any(|heading| {
            let numbered = heading.trim_start_matches('§').strip_prefix(section);
            numbered.is_some_and(|rest| {
                let rest = rest.strip_prefix('.').unwrap_or(rest);
                !rest.starts_with(|c: char| c.is_alphanumeric())
            })
        })
    }

    fn headings(&self, document: &Path) -> Vec<&str> {
        let text = self.texts.iter().find(|text| text.path == document);
        let lines = text.into_iter().flat_map(|text| text.text.lines());
        let lines = lines.filter(|line| line.starts_with('#'));
        lines.map(|line| line.trim_matches(['#', ' '])).collect()
    }

    /// Whether a link of a document leads to a file, and to a heading if it names one.
    fn leads_somewhere(&self, from: &Path, target: &str) -> bool {
        let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
        let mut to = match file {
            "" => from.to_owned(),
            _ => from.parent().unwrap().to_owned(),
        };
        for part in Path::new(file) {
            match part.to_str() {
                Some("..") => drop(to.pop()),
                _ => to.push(part),
            }
        }
        let there = self.root.join(&to).exists();
        there && (anchor.is_empty() || self.headings(&to).iter().any(|h| slug(h) == anchor))
    }
}

fn files_below(root: &Path, folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(root.join(folder)).unwrap() {
        let entry = entry.unwrap();
        let path = folder.join(entry.file_name());
        if entry.path().is_dir() {
            files_below(root, &path, into);
        } else {
            into.push(path);
        }
    }
}

struct Citation<'a> {
    path: &'a str,
    section: Option<&'a str>,
}

fn is_of_path(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_./-".contains(c)
}

/// Paths from the root in a line, with the sections that follow them.
fn citations(line: &str) -> Vec<Citation<'_>> {
    let mut found = Vec::new();
    // A module's file is given from where the line stands, and the compiler looks for it.
    if line.trim_start().starts_with("#[path") {
        return found;
    }
    let mut rest = line;
    while let Some(start) = rest.find(is_of_path) {
        let end = rest[start..].find(|c| !is_of_path(c));
        let end = end.map_or(rest.len(), |end| start + end);
        let word = rest[start..end].trim_end_matches('.').trim_end_matches('/');
        let mut path = word.trim_start_matches('/');
        while let Some(inner) = path.strip_prefix("../") {
            path = inner;
        }
        rest = &rest[end..];
        let folder = path.split_once('/').map(|(folder, _)| folder);
        if folder.is_some_and(|folder| FOLDERS.contains(&folder)) {
            let after = rest.trim_start_matches(['`', ')', ']', ',', ' ']);
            let section = after.strip_prefix('§').map(|after| {
                let end = after.find(|c: char| !c.is_ascii_digit() && c != '.');
                after[..end.unwrap_or(after.len())].trim_end_matches('.')
            });
            found.push(Citation { path, section });
        }
    }
    found
}

/// The part of a line that is written for people.
fn comment<'a>(line: &'a str, extension: &str) -> &'a str {
    let mark = match extension {
        "md" => return line,
        "rs" => "//",
        _ => "#",
    };
    line.find(mark).map_or("", |start| &line[start..])
}

/// Names of sources, with folders or without, cited from wherever they lie.
fn bare_names(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c| !is_of_path(c));
    let words = words.map(|word| word.trim_end_matches('.').trim_start_matches("../"));
    words.filter(|word| {
        let name = Path::new(word);
        let kind = name.extension().and_then(|extension| extension.to_str());
        kind.is_some_and(|kind| SOURCES.contains(&kind)) && !name.has_root()
    })
}

/// Targets of the links of a line, those to other places left out.
fn links(line: &str) -> Vec<&str> {
    let targets = line.split("](").skip(1);
    let targets = targets.filter_map(|rest| Some(rest.split_once(')')?.0));
    targets.filter(|target| !target.contains("://")).collect()
}

/// The anchor that a heading gets.
fn slug(heading: &str) -> String {
    let kept = heading.chars().filter_map(|c| match c {
        ' ' => Some('-'),
        '-' | '_' => Some(c),
        c if c.is_alphanumeric() => Some(c.to_ascii_lowercase()),
        _ => None,
    });
    kept.collect()
}

#[test]
fn everything_cited_is_there() {
    let tree = Tree::read(&repository());
    assert!(tree.texts.len() > 300, "{} texts", tree.texts.len());
    let dangling = tree.dangling();
    assert!(dangling.is_empty(), "{}", dangling.join("\n"));
}

/// The check itself: on a small repository, what it must complain of and nothing else.
#[test]
fn dangling_citations_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write(
        "docs/real.md",
        "# Real\n## 3. Third: a part\n[fine](../README.md#the-start) [bad](gone.md)\n\
         [bad](#nowhere) [fine](#3-third-a-part) [fine](https://example.org/gone.md)\n",
    );
    write(
        "README.md",
        "# The start\n[bad](docs/real.md#start) `other.py` and `made.csv`\n",
    );
    write("docs/figure.svg", "");
    write("target/ignored.md", "[bad](gone.md)");
    write(
        "crates/a/src/lib.rs",
        "// docs/real.md, (`docs/real.md` §3), ../docs/real.md §3. docs/figure crates/a/ lib.rs\n\
         // docs/gone.md.\nlet x = \"../../crates/b/x.rs\";\n/// `docs/real.md` §4\n\
         // docs/real.md §1 a/gone.rs\nlet y = \"gone.rs\"\n",
    );
    let tree = Tree::read(folder.path());
    let expected = [
        "README.md:2: other.py",
        "README.md:2: docs/real.md#start",
        "crates/a/src/lib.rs:2: docs/gone.md",
        "crates/a/src/lib.rs:3: crates/b/x.rs",
        "crates/a/src/lib.rs:4: docs/real.md §4",
        "crates/a/src/lib.rs:5: docs/real.md §1",
        "crates/a/src/lib.rs:5: a/gone.rs",
        "docs/real.md:3: gone.md",
        "docs/real.md:4: #nowhere",
    ];
    assert_eq!(tree.dangling(), expected);
}
