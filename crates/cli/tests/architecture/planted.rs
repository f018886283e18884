//! The check itself, on small planted crates.

use crate::circles;
use crate::crates::{Crates, out_of_order};
use crate::modules::Crate;
use std::fs;
use tempfile::TempDir;

/// Files with their contents, in a folder of their own.
fn planted(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn circles_of(files: &[(&str, &str)]) -> String {
    let folder = planted(files);
    circles(&Crate::read(folder.path()).arrows())
}

#[test]
fn a_circle_of_two_is_found_with_the_names_that_tie_it() {
    let found = circles_of(&[
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "use crate::b::B; pub struct A(B);"),
        ("b.rs", "pub struct B; fn f() { crate::a::A; }"),
        ("c.rs", "use crate::{a::A, b::B}; pub struct C(A, B);"),
    ]);
    let expected = "a circle of 2:\n  a.rs -> b.rs: B\n  b.rs -> a.rs: A\n";
    assert_eq!(found, expected);
}

#[test]
fn a_circle_of_three_is_one_circle() {
    let found = circles_of(&[
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "pub struct A; fn f(_: crate::b::B) {}"),
        ("b.rs", "pub struct B; impl From<crate::c::C> for B {}"),
        (
            "c.rs",
            "pub struct C; const D: Vec<super::a::A> = Vec::new();",
        ),
    ]);
    assert!(found.starts_with("a circle of 3:"), "{found}");
}

#[test]
fn a_re_export_leads_to_the_file_that_owns_the_item() {
    let found = circles_of(&[
        ("lib.rs", "mod parent; pub use parent::Second;"),
        (
            "parent.rs",
            "mod first; mod second; pub use first::First; pub use second::Second as Renamed;
             pub use self::second::Second;",
        ),
        (
            "parent/first.rs",
            "use super::Renamed; pub struct First(Renamed);",
        ),
        (
            "parent/second.rs",
            "use crate::parent::First; pub struct Second; fn f(_: First) {}",
        ),
    ]);
    let expected = "a circle of 2:\n  \
                    parent/first.rs -> parent/second.rs: Renamed\n  \
                    parent/second.rs -> parent/first.rs: First\n";
    assert_eq!(found, expected);
}

/// Its children use each other through it, in one direction.
#[test]
fn a_face_is_no_node() {
    let found = circles_of(&[
        (
            "lib.rs",
            "mod parent; mod user; pub use parent::{Above, Below}; pub use user::User;",
        ),
        (
            "parent.rs",
            "mod above; mod below; pub use above::Above; pub use below::Below;",
        ),
        (
            "parent/above.rs",
            "use super::Below; pub struct Above(Below);",
        ),
        ("parent/below.rs", "pub struct Below;"),
        (
            "user.rs",
            "use crate::{parent, Above}; pub struct User(Above, parent::Below);",
        ),
    ]);
    assert_eq!(found, "");
}

#[test]
fn a_parent_may_pass_on_its_children_but_not_use_what_uses_it() {
    let child = ("parent/child.rs", "use super::Own; pub struct Child(Own);");
    let passes = "mod child; pub use child::Child; pub struct Own;";
    let uses = "mod child; pub use child::Child; pub struct Own; fn f(_: Child) {}";
    let lib = ("lib.rs", "mod parent;");
    assert_eq!(circles_of(&[lib, ("parent.rs", passes), child]), "");
    assert_eq!(
        circles_of(&[lib, ("parent.rs", uses), child]),
        "a circle of 2:\n  parent.rs -> parent/child.rs: Child\n  \
         parent/child.rs -> parent.rs: Own\n"
    );
}

#[test]
fn what_only_tests_use_is_no_arrow() {
    let found = circles_of(&[
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "use crate::b::B; pub struct A(B);"),
        (
            "b.rs",
            "pub struct B; #[cfg(test)] use crate::a::A; #[cfg(test)] mod outside;
             #[cfg(test)] mod inside { use crate::a::A; }
             #[cfg(test)] fn f(_: crate::a::A) {}
             impl B { #[cfg(test)] fn g(_: crate::a::A) {} }",
        ),
        ("b/outside.rs", "use crate::a::A; fn broken( {"),
    ]);
    assert_eq!(found, "");
}

#[test]
fn macros_and_attributes_name_things_too() {
    for mention in [
        "fn f() { vec![crate::a::A]; }",
        "use crate::a; fn f() { unknown! { p { (a::A.x) } } }",
        "macro_rules! m { () => { $crate::a::A } }",
        "fn f() { unknown! { use crate::a::{A, A as Other}; } }",
        "#[arg(default_value_t = crate::a::A)] struct S;",
        "#[derive(S)] struct S { #[serde(with = \"crate::a\", default = \"crate::a::A\")] s: u8 }",
        "use crate::*; fn f() { a::A; }",
        "use crate::a::*; fn f(_: A) {}",
    ] {
        let found = circles_of(&[
            ("lib.rs", "mod a; mod b; mod c;"),
            ("a.rs", "pub struct A; fn f(_: crate::b::B) {}"),
            (
                "b.rs",
                "use crate::c::made; pub struct B; mod sealed { use crate::c::Made; }",
            ),
            (
                "c.rs",
                &format!("make! {{ pub struct Made; pub fn made() {{}} }} {mention}"),
            ),
        ]);
        assert!(found.starts_with("a circle of 3:"), "{mention}: {found}");
    }
}

#[test]
#[should_panic(expected = "a.rs: what is crate::b::Lost?")]
fn a_path_that_leads_nowhere_is_no_silence() {
    circles_of(&[
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "fn f(_: crate::b::Lost) {}"),
        ("b.rs", "pub struct B;"),
    ]);
}

#[test]
#[should_panic(expected = "no module declares")]
fn a_file_that_no_module_declares_is_refused() {
    circles_of(&[("lib.rs", ""), ("forgotten.rs", "")]);
}

fn manifest(name: &str, rest: &str) -> String {
    format!("[package]\nname = \"{name}\"\n{rest}")
}

#[test]
fn crates_in_a_circle_or_out_of_order_are_found() {
    let low = manifest(
        "x-low",
        "[dev-dependencies]\nlow = { path = \".\", package = \"x-low\" }\n",
    );
    let middle = manifest("x-middle", "[dependencies]\nx-low.workspace = true\n");
    let high = manifest(
        "x-high",
        "[target.'cfg(unix)'.dependencies]\nmid = { package = \"x-middle\", path = \"\" }\n",
    );
    let layers: &[&[&str]] = &[&["low"], &["middle"], &["high", "absent"]];
    let check = |files: &[(&str, &str)]| {
        let folder = planted(files);
        let crates = Crates::read(folder.path());
        (circles(&crates.arrows()), out_of_order(&crates, layers))
    };
    let good = [
        ("low/Cargo.toml", low.as_str()),
        ("middle/Cargo.toml", middle.as_str()),
        ("high/Cargo.toml", high.as_str()),
    ];
    assert_eq!(check(&good), (String::new(), Vec::new()));

    let up = manifest("x-low", "[dev-dependencies]\nx-high.workspace = true\n");
    let mut circle = good;
    circle[0].1 = &up;
    let (found, wrong) = check(&circle);
    assert!(found.starts_with("a circle of 3:"), "{found}");
    assert_eq!(wrong, ["low knows high, which is not below it"]);

    let stranger = manifest("x-strange", "");
    let (found, wrong) = check(&[("strange/Cargo.toml", &stranger)]);
    assert_eq!(
        (found.as_str(), wrong),
        ("", vec!["strange is in no layer".to_owned()])
    );
}
